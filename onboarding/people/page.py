"""From items to what is read: the end user's page, and the operator's, which adds to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from onboarding.catalogue.texts import (
    BEING_CHECKED,
    GROUPS,
    UNDER_REVIEW,
    OperatorText,
    OperatorTexts,
    Problem,
    Reason,
    SolutionType,
    SummaryStatus,
    Texts,
    UserText,
)
from onboarding.documents import rfc3339
from onboarding.people.items import Item, Itemiser
from onboarding.people.leaves import solution_type

if TYPE_CHECKING:
    from onboarding.reading import View

Document = dict[str, Any]

_CONTACT = frozenset({UNDER_REVIEW, "verification_supportability"})
"""Problems about which the user can do nothing alone."""


class Page:
    """What end users read. It knows no text but those that are made for them."""

    def __init__(self, view: View, texts: Texts) -> None:
        self._view = view
        self._texts = texts
        self._itemiser = Itemiser(view)

    def document(self) -> Document:
        """``{as_of, summary, groups, announced}``."""
        items = self._itemiser.current()
        future = self._view.account["future_requirements"]
        announced = [
            self._shown(one)
            | {"group": one.group, "person": self._person(one.person), "from": future["minimum_transition_date"]}
            for one in self._itemiser.announced()
        ]
        return {
            "as_of": rfc3339(self._view.as_of) if self._view.as_of else None,
            "summary": self._summary(items),
            "groups": self._groups(items),
            "announced": announced,
        }

    def _groups(self, items: Iterable[Item]) -> list[Document]:
        """The items by group and person, in the order in which people fill in forms."""
        order = {person: place for place, person in enumerate(self._itemiser.persons)}
        found: dict[tuple[int, int, str], list[Item]] = {}
        for item in items:
            key = (GROUPS.index(item.group), order.get(item.person or "", -1), item.person or "")
            found.setdefault(key, []).append(item)
        return [
            {
                "group": GROUPS[place],
                "title": _words(self._texts.group(GROUPS[place])),
                "person": self._person(person or None),
                "items": [self._shown(item) for item in found[place, number, person]],
            }
            for place, number, person in sorted(found)
        ]

    def _person(self, person_id: str | None) -> Document | None:
        """Whom something is about; the name is null until it is known."""
        if person_id is None:
            return None
        person = self._itemiser.persons.get(person_id, {})
        name = " ".join(part for part in (person.get("given_name"), person.get("surname")) if part)
        return {"id": person_id, "name": name or None}

    def _summary(self, items: Sequence[Item]) -> Document:
        """How the account stands as a whole."""
        status = self._status(items)
        as_of = rfc3339(self._view.as_of) if self._view.as_of else ""
        dates = [block.starts for item in items if item.awaits_user for block in item.blocks.values() if block.starts]
        # Rows of an earlier version know no deadlines of entries, but the earliest of all.
        minimum = self._view.account["requirements"]["summary"]["minimum_deadline"]
        return {
            "status": status,
            "due_now": sum(item.is_due for item in items),
            "next_deadline": min((at for at in dates if at > as_of), default=minimum["time"] if minimum else None),
            "text": _words(self._texts.summary(status)),
        }

    def _status(self, items: Sequence[Item]) -> SummaryStatus:
        """What matters most of it."""
        notices = {item.notice for item in items}
        standings: tuple[tuple[SummaryStatus, bool], ...] = (
            ("closed", bool(self._view.account["closed"])),
            ("action_needed", any(item.is_due for item in items)),
            ("restricted", bool(notices & {"contact", "unavailable"})),
            ("under_review", "review" in notices),
            ("being_checked", any(item.status == BEING_CHECKED for item in items)),
            ("needed_later", bool(items)),
        )
        return next((status for status, holds in standings if holds), "complete")

    def _shown(self, item: Item) -> Document:
        """An item as it is read."""
        text = self._texts.notice(item.notice) if item.notice else self._texts.field(item.leaf)
        problems = list(dict.fromkeys(self._problem(item, reason) for reason in _reasons(item)))
        return {
            "id": item.id,
            "requirements": list(item.leaves),
            "label": _words(text.label),
            "help": _words(text.help),
            "status": item.status,
            "due": item.due if item.awaits_user else None,
            "blocks": [
                {
                    "configuration": configuration,
                    "capability": capability,
                    "title": _words(self._texts.capability(configuration, capability)),
                    "status": block.status,
                    "from": block.starts,
                }
                for (configuration, capability), block in item.blocks.items()
            ],
            "problems": [_shown_problem(one) for one in problems],
            "solutions": self._solutions(item, problems),
        }

    def _problem(self, item: Item, reason: Reason) -> Problem:
        """What an end user may know. A notice says what it says, whatever the reason is."""
        return self._texts.problem(Reason(item.told[0]) if item.told else reason)

    def _solutions(self, item: Item, problems: Iterable[Problem]) -> list[Document]:
        if item.told:
            return [self._solution(item.told[1])]
        if item.url is not None:
            return [self._solution("confirm", url=item.url)]
        if not item.awaits_user:
            return [self._solution("wait")]
        ways = [self._solution(solution_type(leaves.values()), leaves) for leaves in (item.leaves, *item.options)]
        return [*ways, self._solution("contact")] if any(one.code in _CONTACT for one in problems) else ways

    def _solution(
        self, kind: SolutionType, leaves: Mapping[str, str] | None = None, url: str | None = None
    ) -> Document:
        fields = [
            {"description": description, "label": _words(self._texts.field(leaf).label)}
            for description, leaf in (leaves or {}).items()
        ]
        return {"type": kind, "fields": fields, "text": _words(self._texts.solution(kind)), "url": url}


class OperatorPage(Page):
    """The end user's page and beside it each reason by itself, what it means, and why each capability is off."""

    def __init__(self, view: View, texts: Texts, operators: OperatorTexts) -> None:
        super().__init__(view, texts)
        self._operators = operators

    def _shown(self, item: Item) -> Document:
        shown = super()._shown(item)
        problems = [
            _shown_problem(self._problem(item, reason))
            | {"reason": reason.code, "operator_text": _operator_words(self._operators.reason(reason))}
            for reason in _reasons(item)
        ]
        blocks = [
            {**block, "status_details": self._details(block["configuration"], block["capability"])}
            for block in shown["blocks"]
        ]
        requirements = [*shown["requirements"], *item.internal]
        return {**shown, "requirements": requirements, "problems": problems, "blocks": blocks}

    def _details(self, configuration: str, capability: str) -> list[Document]:
        known = self._itemiser.capabilities.get((configuration, capability))
        return list(known["status_details"]) if known else []


def _reasons(item: Item) -> list[Reason]:
    """Why it is open: what is being checked has no reason but that, and a notice one of its own where none is known."""
    if item.told:
        return item.reasons or [Reason(item.told[0])]
    return item.reasons if item.awaits_user else [Reason(BEING_CHECKED)]


def _words(text: UserText) -> str:
    """The only way by which a text gets onto the end user's page."""
    return text.text


def _operator_words(text: OperatorText) -> str:
    return text.text


def _shown_problem(problem: Problem) -> Document:
    return {"code": problem.code, "text": _words(problem.text)}

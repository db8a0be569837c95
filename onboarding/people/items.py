"""From entries, checks and capabilities to items: one for each thing that a person is asked or told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onboarding.catalogue.texts import (
    BEING_CHECKED,
    CONFIRMATION_NEEDED,
    NOT_AVAILABLE,
    UNDER_REVIEW,
    Group,
    Notice,
    Reason,
    SolutionType,
)
from onboarding.domain.demands import DueStatus
from onboarding.domain.requirements import AWAITS_ENGINE, AWAITS_USER
from onboarding.people.leaves import INDIVIDUAL, group_of_account_leaf, group_of_person, question, relative

if TYPE_CHECKING:
    from onboarding.reading import View

Wire = Mapping[str, Any]
CapabilityName = tuple[str, str]
"""Configuration and capability."""

RESTRICTED = "restricted"
"""Status of an item that nothing which the user supplies can settle."""

NOTICES: Mapping[Notice, tuple[str, SolutionType]] = {
    "review": (UNDER_REVIEW, "wait"),
    "contact": (UNDER_REVIEW, "contact"),
    "unavailable": (NOT_AVAILABLE, "contact"),
    "checking": (BEING_CHECKED, "wait"),
}
"""What is told of capabilities that are off for no entry's sake: the problem, and what can be done."""


@dataclass(slots=True)
class Block:
    """What an item does to one capability: the strictest of its entries, and the earliest instant."""

    status: str
    starts: str | None = None


@dataclass(slots=True)
class Item:
    """Something that a person is asked or told.

    Attributes:
        id: of its first entry, or of the check.
        person: id of the person it is about.
        leaf: path of the question, relative to whom it is about; empty for a notice.
        status: past_due, currently_due, eventually_due, being_checked or restricted.
        notice: what it is where it is about no leaf.
        leaves: by the wire's description, the leaves it asks for.
        options: the same for each other way to settle it.
        url: where the user goes on.
        internal: descriptions that only operators read.
    """

    id: str
    group: Group
    person: str | None
    leaf: str
    status: str
    notice: Notice | None = None
    leaves: dict[str, str] = field(default_factory=dict)
    blocks: dict[CapabilityName, Block] = field(default_factory=dict)
    reasons: list[Reason] = field(default_factory=list)
    options: list[dict[str, str]] = field(default_factory=list)
    url: str | None = None
    internal: list[str] = field(default_factory=list)

    @property
    def awaits_user(self) -> bool:
        """Whether the user can settle it."""
        return self.status not in (BEING_CHECKED, RESTRICTED)

    @property
    def is_due(self) -> bool:
        """Whether it must be settled now."""
        return self.status in (DueStatus.PAST_DUE, DueStatus.CURRENTLY_DUE)

    @property
    def due(self) -> str | None:
        """The first instant at which it begins to take something away, if one is known."""
        return min((one.starts for one in self.blocks.values() if one.starts), default=None)

    @property
    def told(self) -> tuple[str, SolutionType] | None:
        """Where it is about capabilities only: the problem that is told of them, and what can be done."""
        return NOTICES.get(self.notice) if self.notice else None

    def merge(self, entry: Wire, leaf: str, dates: Mapping[str, str]) -> None:
        """Take an entry in; ``dates`` are its deadlines by capability."""
        self.leaves[entry["description"]] = leaf
        if self.awaits_user:
            self.status = _stricter(self.status, entry["minimum_deadline"]["status"])
            self.add_reasons(error["code"] for error in entry["errors"])
        for one in entry["impact"]["restricts_capabilities"]:
            name = (one["configuration"], one["capability"])
            starts, status = dates.get(".".join(name)), one["deadline"]["status"]
            known = self.blocks.setdefault(name, Block(status, starts))
            known.status = _stricter(known.status, status)
            known.starts = min((at for at in (known.starts, starts) if at), default=None)

    def add_reasons(self, codes: Iterable[str]) -> None:
        """Note why it is open, each reason once."""
        for code in codes:
            if Reason(code) not in self.reasons:
                self.reasons.append(Reason(code))


class Itemiser:
    """Makes the items of one account."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.persons: dict[str, Wire] = {person["id"]: person for person in view.persons}
        self.capabilities = dict(_capabilities(view.account["configuration"] or {}))
        individual = (view.account["identity"] or {}).get("individual")
        self._individual: str | None = individual["id"] if individual else None

    def current(self) -> list[Item]:
        """What is open now."""
        requirements = self._view.account["requirements"]
        return [*self._asked(requirements), *self._steps(), *self._notices(requirements["entries"])]

    def announced(self) -> list[Item]:
        """What will be asked from the transition on."""
        return self._asked(self._view.account["future_requirements"])

    def _asked(self, requirements: Wire) -> list[Item]:
        """An item for each question, in the order of the entries; inquiries are told by notices."""
        found: dict[tuple[str | None, str, bool], Item] = {}
        by_entry: dict[tuple[str | None, str], Item] = {}
        for entry in requirements["entries"]:
            if _is_inquiry(entry):
                continue
            person, description = _person_of(entry), entry["description"]
            leaf = relative(description)
            asked = question(leaf)
            awaits_user = entry["awaiting_action_from"] == AWAITS_USER
            key = (person, description.removesuffix(leaf) + asked, awaits_user)
            item = found.get(key)
            if item is None:
                status = DueStatus.EVENTUALLY_DUE.value if awaits_user else BEING_CHECKED
                item = found[key] = Item(entry["id"], *self._place(person, description), asked, status)
            item.merge(entry, leaf, self._view.deadlines.get(entry["id"], {}))
            if entry["id"] in self._view.to_confirm:
                item.add_reasons([CONFIRMATION_NEEDED])
            by_entry[person, description] = item
        for alternative in requirements["alternatives"]:
            originals = [by_entry.get((_person_of(one), one["description"])) for one in alternative["original_entries"]]
            for item in {one.id: one for one in originals if one is not None and one.awaits_user}.values():
                _add_options(item, alternative["options"])
        return list(found.values())

    def _steps(self) -> Iterator[Item]:
        """Checks that wait for the end user, at the page of whoever verifies."""
        for check in self._view.checks:
            action = check["next_action"]
            if action is not None:
                group, person = self._place(check["subject"]["person"], "")
                item = Item(check["id"], group, person, "", DueStatus.CURRENTLY_DUE, notice="continue")
                item.url = action["redirect_to_url"]["url"]
                yield item

    def _notices(self, entries: Sequence[Wire]) -> Iterator[Item]:
        """Capabilities that are off for no entry's sake: one item for each thing that people may be told about it."""
        found: dict[Notice, Item] = {}
        checked = {
            name
            for entry in entries
            if entry["awaiting_action_from"] == AWAITS_ENGINE and not _is_inquiry(entry)
            for name in _restricted(entry)
        }
        for name, capability in self.capabilities.items() if not self._view.account["closed"] else ():
            code = next((detail["code"] for detail in capability["status_details"]), "")
            notice = _notice(capability["status"], code, is_checked=name in checked)
            if notice is not None:
                item = self._noticed(found, notice)
                item.blocks[name] = Block(item.status)
                item.add_reasons([code])
        for entry in filter(_is_inquiry, entries):
            item = self._noticed(found, "contact")
            item.internal.append(entry["description"])
            for name in _restricted(entry):
                item.blocks.setdefault(name, Block(item.status))
        yield from found.values()

    def _noticed(self, found: dict[Notice, Item], notice: Notice) -> Item:
        if notice not in found:
            # Of nothing but what is told: an id made of the reason would tell it to whoever tries all reasons.
            digest = hashlib.sha256(f"{self._view.account['id']}||{notice}".encode()).hexdigest()
            status = RESTRICTED if NOTICES[notice][1] == "contact" else BEING_CHECKED
            found[notice] = Item(f"reqent_{digest[:24]}", "other", None, "", status, notice=notice)
        return found[notice]

    def _place(self, person: str | None, description: str) -> tuple[Group, str | None]:
        """The group, and the person that it is about."""
        if description.startswith(INDIVIDUAL) or (person is not None and person == self._individual):
            return "about_you", self._individual
        if person is not None:
            return group_of_person(self.persons.get(person, {}).get("relationship") or {}), person
        return group_of_account_leaf(description), None


def _add_options(item: Item, options: Iterable[Wire]) -> None:
    for option in options:
        leaves = {one["description"]: relative(one["description"]) for one in option["entries"]}
        if leaves not in item.options:
            item.options.append(leaves)
        for one in option["entries"]:
            item.add_reasons(error["code"] for error in one["errors"])


def _notice(status: str, code: str, *, is_checked: bool) -> Notice | None:
    """What people are told about a capability; None where it is active, or entries tell it."""
    if status == "active" or code == "requirements_past_due":
        return None
    if code == "requirements_pending_verification":
        return None if is_checked else "checking"
    if status == "unsupported":
        return "unavailable"
    return "review" if status == "pending" else "contact"


def _capabilities(configuration: Wire) -> Iterator[tuple[CapabilityName, Wire]]:
    for name, section in configuration.items():
        for path, capability in _walk((section or {}).get("capabilities") or {}, ()):
            yield (name, ".".join(path)), capability


def _walk(node: Wire, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Wire]]:
    for name, child in node.items():
        if isinstance(child, Mapping):
            if isinstance(child.get("status"), str):
                yield (*path, name), child
            else:
                yield from _walk(child, (*path, name))


def _restricted(entry: Wire) -> list[CapabilityName]:
    return [(one["configuration"], one["capability"]) for one in entry["impact"]["restricts_capabilities"]]


def _is_inquiry(entry: Wire) -> bool:
    return (entry["reference"] or {}).get("type") == "inquiry"


def _person_of(entry: Wire) -> str | None:
    reference = entry["reference"] or {}
    person: str | None = reference.get("resource") if reference.get("type") == "person" else None
    return person


def _stricter(one: str, other: str) -> str:
    return min(one, other, key=lambda status: DueStatus(status).rank)

"""Onboards an account as its user would: reads the entries that await the user, supplies exactly those, looks again.

It knows the wire's words and nothing of a policy's rules. Of alternatives it always takes the original entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from onboarding.domain.policy import Policies, Role
from onboarding.domain.requirements import AWAITS_USER
from onboarding.domain.state import ACCOUNT, Fact, Person, Shape
from onboarding.shape import ROLES
from tests.domain.stories import BUILTIN, Story, World

ROUNDS = 12  # far more than any policy needs: a policy that never stops asking ends here
PERCENT = "relationship.percent_ownership"
_ATTRIBUTES = {
    "identity.country": "country",
    "identity.entity_type": "entity_type",
    "identity.business_details.structure": "structure",
}
"""Leaves that are attributes of a shape, not facts."""
_LETTERS = {"past_due": "p", "currently_due": "c", "eventually_due": "e"}


def bare(
    country: str | None, entity_type: str | None, structure: str | None = None, *, requested: Iterable[str]
) -> Shape:
    """An account of which nothing is known but what its platform decides."""
    attributes = {"country": country, "entity_type": entity_type, "structure": structure}
    return Shape(
        attributes={name: value for name, value in attributes.items() if value}, requested=frozenset(requested)
    )


@dataclass(frozen=True)
class Onboarding:
    """How an onboarding went.

    Attributes:
        story: the account as it stands at the end.
        rounds: what the user was asked for, round by round, each entry as :func:`label` writes it.
        given: every leaf that was supplied, by the person's id or ``account``.
    """

    story: Story
    rounds: tuple[tuple[str, ...], ...]
    given: Mapping[str, frozenset[str]]

    @property
    def open_entries(self) -> list[str]:
        """What still awaits the user: empty unless the driver could not get on."""
        return [label(entry) for entry in _awaiting(self.story)]

    @property
    def inactive(self) -> dict[str, str]:
        """Requested capabilities that are not active, and those that came with them."""
        return {name: status for name, status in self.story.capabilities.items() if status != "active"}

    @property
    def asked(self) -> set[str]:
        """Everything that the user was ever asked for, without the persons' ids."""
        return {one.partition(":")[2] or one for asked in self.rounds for one in asked}


def onboard(
    shape: Shape | Story,
    world: World | None = None,
    *,
    policies: Policies = BUILTIN,
    attributes: Mapping[str, str] | None = None,
    percent: int = 30,
    rounds: int = ROUNDS,
) -> Onboarding:
    """Supply what is asked for until nothing more is, or until it was asked in vain.

    Args:
        shape: what the account begins with; or a story that is under way.
        world: who answers checks; by default everything passes.
        policies: what binds the account.
        attributes: values of attributes that may be asked for, such as ``{"entity_type": "company"}``.
        percent: the share that an owner says to have.
        rounds: how many rounds the user puts up with.
    """
    story = shape if isinstance(shape, Story) else Story(shape, world, policies)
    asked: list[tuple[str, ...]] = []
    given: dict[str, frozenset[str]] = {}
    while entries := _awaiting(story):
        labels = tuple(label(entry) for entry in entries)
        if len(asked) == rounds or (asked and asked[-1] == labels):
            break
        asked.append(labels)
        hand = _Hand(story, attributes or {}, percent, value=str(len(asked)))
        for entry in entries:
            hand.supply(entry)
        story.change(shape=hand.shape)
        for subject, leaves in hand.given.items():
            given[subject] = given.get(subject, frozenset()) | leaves
    return Onboarding(story, tuple(asked), given)


def label(entry: Mapping[str, Any]) -> str:
    """The description, with the person in front where the entry refers to one."""
    reference = entry["reference"]
    return f"{reference['resource']}:{entry['description']}" if reference else str(entry["description"])


def due_letters(story: Story, capabilities: Iterable[str], *, awaiting: str | None = None) -> dict[str, str]:
    """Every entry with one letter for each of ``capabilities``, then its error codes.

    Past due ``p``, currently due ``c``, eventually due ``e``, or ``-`` where the entry restricts it not at all.

    Args:
        story: the account.
        capabilities: which of them, in the order of the letters.
        awaiting: only entries that await ``user`` or ``stripe``; by default the latter's are marked.
    """
    capabilities = list(capabilities)
    found = {}
    for entry in story.document["entries"]:
        if awaiting not in (None, entry["awaiting_action_from"]):
            continue
        due = {
            f"{one['configuration']}.{one['capability']}": _LETTERS[one["deadline"]["status"]]
            for one in entry["impact"]["restricts_capabilities"]
        }
        errors = "".join(f" {error['code']}" for error in entry["errors"])
        ours = "" if awaiting or entry["awaiting_action_from"] == AWAITS_USER else " (ours)"
        found[label(entry)] = "".join(due.get(name, "-") for name in capabilities) + errors + ours
    return found


def _awaiting(story: Story) -> list[dict[str, Any]]:
    return [entry for entry in story.document["entries"] if entry["awaiting_action_from"] == AWAITS_USER]


class _Hand:
    """One round of supplying: the shape as it becomes, entry by entry."""

    def __init__(self, story: Story, attributes: Mapping[str, str], percent: int, *, value: str) -> None:
        self.shape = story.state.shape
        self.given: dict[str, frozenset[str]] = {}
        self._roles = story.evaluation.policy.roles
        self._now = story.now
        self._attributes = attributes
        self._percent = percent
        self._value = value

    def supply(self, entry: Mapping[str, Any]) -> None:
        description = entry["description"]
        reference = entry["reference"]
        if reference is not None:
            assert reference["type"] == "person", "an inquiry awaits nobody"
            self._on_person(reference["resource"], description)
            return
        role = next((role for role in self._roles.values() if description.startswith(f"{role.prefix}.")), None)
        if role is not None:
            self._on_person(self._holder(role), description.removeprefix(f"{role.prefix}."))
        elif description in _ATTRIBUTES:
            name = _ATTRIBUTES[description]
            self.shape = replace(self.shape, attributes={**self.shape.attributes, name: self._attributes[name]})
            self._note(ACCOUNT, description)
        else:
            self.shape = replace(self.shape, facts={**self.shape.facts, **self._fact(description)})
            self._note(ACCOUNT, description)

    def _holder(self, role: Role) -> str:
        """The person whom a prefix stands for: made in this round, or the individual, who has no reference."""
        known = next((one.id for one in self.shape.persons if role.flag in one.roles and _is_bare(one, role)), None)
        if known is not None:
            return known
        flagged = {f"relationship.{role.flag}"} if role.flag in ROLES else set()
        facts = {path: fact for leaf in flagged for path, fact in self._fact(leaf).items()}
        made = Person(f"person_{role.name}", frozenset({role.flag}), facts)
        self.shape = replace(self.shape, persons=(*self.shape.persons, made))
        return made.id

    def _on_person(self, person_id: str, leaf: str) -> None:
        assert person_id in {one.id for one in self.shape.persons}
        self.shape = replace(
            self.shape,
            persons=tuple(self._with(one, leaf) if one.id == person_id else one for one in self.shape.persons),
        )
        self._note(person_id, leaf)

    def _with(self, person: Person, leaf: str) -> Person:
        changed = replace(person, facts={**person.facts, **self._fact(leaf)})
        section, _, name = leaf.partition(".")
        if section == "relationship" and name in ROLES:
            changed = replace(changed, roles=changed.roles | {name})
        if leaf == PERCENT:
            changed = replace(changed, percent=Decimal(self._percent))
        return changed

    def _fact(self, leaf: str) -> dict[str, Fact]:
        return {leaf: Fact(f"{leaf}={self._value}", self._now)}

    def _note(self, subject: str, leaf: str) -> None:
        self.given[subject] = self.given.get(subject, frozenset()) | {leaf}


def _is_bare(person: Person, role: Role) -> bool:
    """Whether entries of the role without a reference can mean this person."""
    return not role.refers or person.id == f"person_{role.name}"

"""Whoever supplies what is asked for gets what was requested, or is refused by a rule that says so."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.domain.demands import CheckDue
from onboarding.domain.policy import Policies
from onboarding.domain.state import ACCOUNT, Age, Outcome, Person, Shape
from tests.domain.generated import CODES, LAWS, policies, shapes
from tests.domain.stories import PASSES, Said, Story, World
from tests.explanation.telling import Explanation, on_person

# A failing account is long to print, and worth it.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

ROUNDS = 40
"""More than a user ever needs: each kind of check fails at most twice about one subject."""

ATTRIBUTES = {"identity.country": ("country", "US"), "identity.entity_type": ("entity_type", "individual")}


class Moody:
    """Verifiers that fail each question of a kind about a subject up to so many times, by chance; then they pass."""

    def __init__(self, seed: int, fails: int) -> None:
        self._seed = seed
        self._fails = fails
        self._failed: dict[tuple[str, str], int] = {}

    def __call__(self, due: CheckDue) -> Said:
        drawn = hashlib.sha256(f"{self._seed}|{due.kind}|{due.subject}|{due.digest}".encode()).digest()
        failed = self._failed.get((due.kind, due.subject), 0)
        if drawn[0] % 2 or failed >= self._fails:
            return PASSES
        self._failed[due.kind, due.subject] = failed + 1
        after = timedelta(seconds=5) if drawn[1] % 3 == 0 else None
        return Said(Outcome.FAILED, (CODES[drawn[2] % len(CODES)],), after)


class User:
    """Supplies what entries ask, or now and then one of their alternatives."""

    def __init__(self, story: Story, seed: int) -> None:
        self._story = story
        self._chance = random.Random(seed)  # noqa: S311 -- nothing secret
        self._values = 0

    def awaited(self) -> list[tuple[str, str | None]]:
        """Description and person of each entry that awaits the user."""
        return [
            (entry["description"], (entry["reference"] or {}).get("resource"))
            for entry in self._story.document["entries"]
            if entry["awaiting_action_from"] == "user"
        ]

    def follow(self) -> None:
        """Supply everything that is asked for now."""
        asked = dict.fromkeys(self.awaited())
        for alternative in self._story.document["alternatives"]:
            option = self._chance.choice(alternative["options"])
            if self._chance.random() < 0.3 and all(one["awaiting_action_from"] == "user" for one in option["entries"]):
                for one in alternative["original_entries"]:
                    asked.pop(_place(one), None)
                asked |= dict.fromkeys(map(_place, option["entries"]))
        for description, person_id in asked:
            self._supply(description, person_id)
        self._story.wait(timedelta(seconds=6))

    def _supply(self, description: str, person_id: str | None) -> None:
        self._values += 1
        if description in ATTRIBUTES:
            name, value = ATTRIBUTES[description]
            self._story.change_shape(attributes={**self._story.state.shape.attributes, name: value})
            return
        subject, path = (person_id, description) if person_id is not None else self._found(description)
        self._story.supply(path, of=subject, value=str(self._values))
        if path.startswith("date_of_birth."):  # of somebody who is old enough
            shape = self._story.state.shape
            self._story.change(shape=on_person(shape, subject, lambda one: replace(one, age=Age())))

    def _found(self, description: str) -> tuple[str, str]:
        """Subject and leaf of an entry without a reference; a role that nobody holds gets somebody."""
        for role in self._story.evaluation.policy.roles.values():
            if description.startswith(f"{role.prefix}."):
                shape, path = self._story.state.shape, description.removeprefix(f"{role.prefix}.")
                holder = next((one.id for one in shape.persons if role.flag in one.roles), None)
                if holder is None:
                    holder = f"person_{role.name}"
                    self._story.change_shape(persons=(*shape.persons, Person(holder, frozenset({role.flag}))))
                return holder, path
        return ACCOUNT, description


def _place(entry: dict[str, Any]) -> tuple[str, str | None]:
    return entry["description"], (entry["reference"] or {}).get("resource")


def _with_one_individual(shape: Shape) -> Shape:
    """As the contract has it: an individual's account is about one person."""
    first, others = shape.persons[:1], shape.persons[1:]
    others = tuple(replace(one, roles=one.roles - {"individual"}) for one in others)
    return replace(shape, persons=first + others)


@LAWS
@given(
    binding=policies(), shape=shapes().map(_with_one_individual), seed=st.integers(0, 10_000), fails=st.integers(0, 2)
)
def test_following_every_remedy_ends_active_or_refused_by_a_rule(
    binding: Policies, shape: Shape, seed: int, fails: int
) -> None:
    story = Story(shape, World(otherwise=Moody(seed, fails)), binding)
    user = User(story, seed)
    for _ in range(ROUNDS):
        if not user.awaited() and not story.open_checks:  # an answer that is still to come may ask for more
            break
        user.follow()

    assert user.awaited() == []
    for name, told in Explanation(story.policies, story.state, story.now).capabilities.items():
        if not told.is_active:
            refused = [node for node in told.document["blocked_by"] if node["cause"] == "failed" and node["reasons"]]
            assert refused or told.is_final, (name, told)

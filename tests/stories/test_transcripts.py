"""Whole transcripts: requirements, future requirements and capabilities after each step of five stories.

They are compared as text, in order, with ``transcripts/*.json``. Instants stand as distances from the story's start,
ids by the order of their appearance; capabilities that were never requested are left out.
``TRANSCRIPTS=write`` writes the files anew: read what changed before you commit.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from onboarding.engine import Engine
from tests.stories.telling import DAY, HOUR, START, Life, Placeholders, company, individual
from tests.support import samples
from tests.support.layout import laid_out

FOLDER = Path(__file__).parent / "transcripts"
WIDTH_OF_TREE = 3
"""Below this depth a value stands on one line: an entry, an alternative, a capability."""

EIN = "identity__business_details__id_numbers"
MCC = "configuration__merchant__mcc"
FRONT = "identity__individual__documents__primary_verification"
_INSTANT = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"')


class Transcript:
    """The steps of one account's story."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self._ids = Placeholders(life.start)
        self._steps: list[Any] = []

    async def step(self, name: str, done: Awaitable[Any] | None = None) -> None:
        """Do something, then write down what the account says."""
        if done is not None:
            await done
        account = await self.life.account()
        told = {
            "step": name,
            "capabilities": {
                name: _requested(configuration["capabilities"])
                for name, configuration in account["configuration"].items()
                if configuration
            },
            "requirements": account["requirements"],
            "future_requirements": account["future_requirements"],
        }
        text = _INSTANT.sub(self._distance, json.dumps(told))
        self._steps.append(json.loads(self._ids.named(text)))

    def text(self) -> str:
        """All steps as JSON, one entry to a line."""
        return "[\n" + ",\n".join(laid_out(step, "  ", WIDTH_OF_TREE) for step in self._steps) + "\n]\n"

    def _distance(self, found: re.Match[str]) -> str:
        at = datetime.fromisoformat(found[1]) - self.life.start
        return json.dumps(f"start + {at}" if at >= 0 * DAY else "before the start")


def _requested(node: Any) -> Any:
    """Capabilities without those that were never requested, which are null."""
    if not isinstance(node, dict) or "status" in node:
        return node
    return {name: _requested(below) for name, below in node.items() if below is not None}


async def bare_company(told: Transcript) -> None:
    """A company of the United States from nothing, as its platform fills in what is asked."""
    life = told.life
    wants = {"merchant": {"capabilities": {"card_payments": {"requested": True}}}}
    await told.step("nothing requested", life.put(samples.CONTROLLED))
    country = {"identity": {"country": "US"}, "configuration": wants}
    await told.step("card payments in the United States", life.put(country))
    await told.step("entity type", life.put({"identity": {"entity_type": "company"}}))
    await told.step("the business", life.put(samples.COMPANY))
    await told.step("a representative who owns 60 %", life.add("rep", samples.REPRESENTATIVE))
    await told.step("a bank account", life.pays_into())


async def norwegian_recipient(told: Transcript) -> None:
    """An individual of Norway who is paid out by bank transfer: asked for a name and a birth date."""
    life = told.life
    wants = {"recipient": {"capabilities": {"bank_accounts": {"local": {"requested": True}}}}}
    identity = {"country": "NO", "entity_type": "individual"}
    await told.step("created", life.put({**samples.CONTROLLED, "identity": identity, "configuration": wants}))
    name = {"given_name": "Jenny", "surname": "Rosen"}
    await told.step("a name", life.put({"identity": {"individual": name}}))
    born = {"date_of_birth": {"day": 1, "month": 1, "year": 1902}}
    await told.step("a birth date", life.put({"identity": {"individual": born}}))


async def late_bad_tax_id(told: Transcript) -> None:
    """An active company changes its tax ID to one that does not match, lets the time pass, and mends it."""
    life = told.life
    await life.put(company())
    await life.add("rep", samples.REPRESENTATIVE)
    await told.step("complete", life.pays_into())
    await life.comes(10 * DAY)
    await told.step("another tax ID", life.supply(**{EIN: [{"type": "us_ein", "value": "111111111"}]}))
    await told.step("it was checked", life.comes(10 * DAY + HOUR))
    await told.step("the deadline", life.comes(40 * DAY))
    terms = "identity__attestations__terms_of_service__account"
    await told.step(
        "one that matches, and terms accepted for it",
        life.supply(**{EIN: [{"type": "us_ein", "value": "222222222"}], terms: samples.ACCEPTANCE}),
    )


async def identity_is_not_matched(told: Transcript) -> None:
    """What an individual keyed in is not matched, a document fails, another one proves it."""
    life = told.life
    await life.put(individual(date_of_birth={"day": 3, "month": 5, "year": 1980}))
    await told.step("complete", life.pays_into())
    await told.step("it was checked", life.comes(HOUR))
    bad = {"type": "front_back", "front_back": {"front": "file_identity_document_failure"}}
    await told.step("a document that fails", life.supply(**{FRONT: bad}))
    good = {"type": "front_back", "front_back": {"front": "file_identity_document_success"}}
    await told.step("it was checked too", life.comes(2 * HOUR))
    await told.step("one that passes", life.supply(**{FRONT: good}))
    await told.step("checked at last", life.comes(3 * HOUR))


async def missed_deadline(told: Transcript) -> None:
    """A value that was given is taken away, its deadline is missed, and it is given again."""
    life = told.life
    await life.put(individual())
    await told.step("complete", life.pays_into())
    await life.comes(10 * DAY)
    await told.step("the category code is taken away", life.supply(**{MCC: None}))
    await told.step("the last day", life.comes(39 * DAY))
    await told.step("the deadline", life.comes(40 * DAY))
    await told.step("given again", life.supply(**{MCC: "5734"}))


STORIES: dict[str, Callable[[Transcript], Awaitable[None]]] = {
    story.__name__: story
    for story in (bare_company, norwegian_recipient, late_bad_tax_id, identity_is_not_matched, missed_deadline)
}


@pytest.mark.parametrize("name", STORIES)
async def test_a_story_is_told_as_it_was_written_down(engine: Engine, name: str) -> None:
    told = Transcript(await Life.begin(engine, start=START))
    await STORIES[name](told)
    file = FOLDER / f"{name}.json"
    if os.environ.get("TRANSCRIPTS") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(told.text(), encoding="utf-8")
    assert told.text() == file.read_text(encoding="utf-8")

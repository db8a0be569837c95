"""The verifier that asks nobody but people."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from onboarding.domain.settle import Answer
from onboarding.domain.state import Outcome
from onboarding.verifiers.manual import REASON, ManualVerifier
from onboarding.verifiers.port import Question, Verifier

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
MARKER = "zqxmarkerqxz"


def question(kind: str) -> Question:
    return Question("check_1", kind, "account", "digest", {"given_name": MARKER}, NOW)


@pytest.mark.parametrize("kind", ["screening", "address_match"])
def test_its_kinds_go_to_people(kind: str) -> None:
    answer = ManualVerifier(["screening", "address_match"]).answer(question(kind))

    assert answer == Answer(Outcome.INCONCLUSIVE, (REASON,), "manual", "1", NOW)
    assert not answer.outcome.is_decisive
    assert MARKER not in repr(answer)


def test_the_same_question_has_the_same_answer() -> None:
    verifier = ManualVerifier(["screening"])

    assert verifier.answer(question("screening")) == verifier.answer(question("screening"))


@pytest.mark.parametrize("kinds", [[], ["screening"]])
def test_other_kinds_are_not_its_own(kinds: list[str]) -> None:
    assert ManualVerifier(kinds).answer(question("keyed_identity")) is None


def test_it_is_asked_in_the_plan_and_not_as_a_vendor() -> None:
    assert not isinstance(ManualVerifier(["screening"]), Verifier)

"""Queues of reviews in packs: which check waits where, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from onboarding.catalogue import builtin_policy, compile_policy, lint_packs, load_packs
from onboarding.catalogue.loader import policy_bytes
from onboarding.domain.policy import Policy

PACK = """
capabilities: {merchant.pay: {}}
roles: {boss: {flag: representative, prefix: boss}}
checks:
  look:
    inputs: [given_name]
    requires: [given_name]
    report_within_hours: 1
    queue: faces
reviews:
  faces: {sla_hours: 2, priority: 7, four_eyes: true, sample_share: 0.02}
"""


def _policy(text: str) -> Policy:
    return compile_policy(policy_bytes("test", 1, load_packs({"pack": text})))


def test_a_check_names_its_queue_and_the_rest_is_general() -> None:
    policy = _policy(PACK)

    faces = policy.queue_of("look")
    assert (faces.name, faces.sla, faces.priority) == ("faces", timedelta(hours=2), 7)
    assert (faces.four_eyes, faces.sample_share) == (True, 0.02)
    for queue in (policy.queue_of("unknown"), policy.queue_named("gone"), policy.queue_named("general")):
        assert (queue.name, queue.sla, queue.four_eyes, queue.sample_share) == (
            "general",
            timedelta(hours=24),
            False,
            0.0,
        )
    assert policy.queue_named("quality").name == "quality"


def test_a_policy_of_before_has_the_defaults() -> None:
    text = PACK[: PACK.index("reviews:")].replace("    queue: faces\n", "")

    assert _policy(text).queue_of("look").name == "general"


def test_what_ships_tells_screenings_and_documents_apart() -> None:
    policy = builtin_policy()

    assert policy.queue_of("screening").name == "screening"
    assert {kind for kind in policy.checks if policy.queue_of(kind).name == "documents"} == {
        kind for kind in policy.checks if kind.endswith("_document")
    }


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "queue: faces",
            "queue: facades",
            "pack.yaml:9: checks.look, queue: reviews: 'facades' is used but not defined",
        ),
        ("sla_hours: 2", "sla_hours: 0", "pack.yaml:11: reviews.faces.sla_hours: Input should be greater than 0"),
        ("0.02", "1.5", "pack.yaml:11: reviews.faces.sample_share: Input should be less than or equal to 1"),
        ("priority: 7", "prio: 7", "pack.yaml:11: reviews.faces.prio: Extra inputs are not permitted"),
        ("  faces:", "  Faces:", "pack.yaml:11: reviews.Faces.[key]: String should match pattern"),
    ],
)
def test_a_problem_is_told_with_its_place(old: str, new: str, problem: str) -> None:
    assert PACK.count(old) == 1

    told = [str(one) for one in lint_packs({"pack": PACK.replace(old, new)})]

    assert told[0].startswith(problem), told

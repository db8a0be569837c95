"""``/v2/verification/policies`` and ``/v2/verification/rollouts`` over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from onboarding.domain.instants import rfc3339
from onboarding.policies import Pace
from tests.policies.telling import HARSH, NOTICE, WORKERS, asking, finish, steps_of
from tests.policies.test_publishing import OWN
from tests.support import samples
from tests.support.serving import Platform

POLICIES, ROLLOUTS = "/v2/verification/policies", "/v2/verification/rollouts"


def get(platform: Platform, path: str, **options: Any) -> Any:
    answer = platform.request("GET", path, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(platform: Platform, path: str, body: Any = None, key: str = "", **options: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    answer = platform.request("POST", path, json=body or {}, headers=headers, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(platform: Platform, path: str, body: Any = None, key: str = "", **options: Any) -> tuple[int, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    answer = platform.request("POST", path, json=body or {}, headers=headers, **options)
    return answer.status_code, answer.json()["error"]


def publish(platform: Platform, text: str = "", name: str = "acme", **options: Any) -> Any:
    return post(platform, POLICIES, {"name": name, "packs": {"acme": text or asking()}}, **options)


def now(platform: Platform) -> datetime:
    return platform.server.run(platform.server.engine.policy_book.now())


def waves(platform: Platform, *planned: tuple[float, timedelta]) -> list[dict[str, Any]]:
    instant = now(platform)
    return [
        {"share": share, "starts_at": rfc3339(instant + at), "transition_at": rfc3339(instant + at + NOTICE)}
        for share, at in planned
    ]


def taken_further(platform: Platform, rollout: str) -> str:
    engine = platform.server.engine
    pace = Pace(at_least=timedelta(), closing=timedelta())
    return platform.server.run(finish(steps_of(engine, pace), rollout))


def account(platform: Platform, **changes: Any) -> Any:
    return platform.sdk().v2.core.accounts.create({**samples.patched(samples.COMPANY), **changes})


def test_policies_are_published_listed_and_told_whole(platform: Platform, other_platform: Platform) -> None:
    made = publish(platform, OWN)
    assert made["object"] == "v2.verification.policy"
    assert (made["name"], made["version"], made["platform"], made["current"]) == ("acme", "1", platform.id, False)
    assert made["id"] == f"pol_{made['hash'][:24]}"
    assert "merchant.acme_instant_payout" in made["capabilities"]
    assert next(rule for rule in made["rules"] if rule["name"] == "acme.warehouse")["source"] == "Acme's terms, 7"
    assert get(platform, f"{POLICIES}/{made['id']}") == made
    assert publish(platform, OWN)["id"] == made["id"]

    listed = get(platform, POLICIES, params={"limit": "100"})["data"]
    assert listed[0] == {name: made[name] for name in listed[0]}
    assert {one["platform"] for one in listed} == {None, platform.id}
    assert [one["name"] for one in listed if one["current"]] == ["builtin"]
    assert made["id"] not in [one["id"] for one in get(other_platform, POLICIES, params={"limit": "100"})["data"]]
    for path in (f"{POLICIES}/{made['id']}", f"{POLICIES}/{made['id']}/diff?against={made['id']}"):
        assert other_platform.request("GET", path).status_code == 404
    for path, body in (("dry_run", {}), ("roll_out", {"waves": waves(platform, (1.0, timedelta()))})):
        assert refused(other_platform, f"{POLICIES}/{made['id']}/{path}", body)[0] == 404


def test_pages_of_policies(platform: Platform) -> None:
    ids = [publish(platform, asking(f"acme.rule_{number}"))["id"] for number in range(3)]
    first = get(platform, POLICIES, params={"limit": "2"})
    assert [one["id"] for one in first["data"]] == [ids[2], ids[1]]
    second = get(platform, first["next_page_url"])
    assert second["data"][0]["id"] == ids[0]
    assert get(platform, second["previous_page_url"])["data"] == first["data"]


def test_all_problems_of_packs_are_told(platform: Platform) -> None:
    packs = {"one": asking(needs="[identity.shoe_size]"), "two": asking("acme.two", when="{colour: [red]}")}
    status, error = refused(platform, POLICIES, {"name": "acme", "packs": packs})
    assert (status, error["code"], error["param"]) == (400, "policy_invalid", "packs")
    assert error["type"] == "invalid_request_error"
    assert error["problems"] == [
        {
            "file": "one.yaml",
            "line": 6,
            "rule": "acme.workers",
            "at": "needs[0]",
            "message": "'identity.shoe_size' is no field of an account",
        },
        {
            "file": "two.yaml",
            "line": 5,
            "rule": "acme.two",
            "at": "when",
            "message": "'colour' is neither a kind of condition nor an attribute of an account",
        },
    ]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "parameter_missing", "name"),
        ({"name": "acme"}, "parameter_missing", "packs"),
        ({"name": "acme", "packs": {}}, "parameter_invalid", "packs"),
        ({"name": "acme", "packs": {"a": 3}}, "parameter_invalid", "packs.a"),
        ({"name": "Acme!", "packs": {"a": asking()}}, "parameter_invalid", "name"),
        ({"name": "acme", "packs": {"a": asking()}, "base": "none"}, "parameter_unknown", "base"),
        ({"name": "acme", "packs": {"us": asking()}}, "policy_invalid", "packs"),  # it would weaken what ships
    ],
)
def test_odd_requests_publish_nothing(platform: Platform, body: Any, code: str, param: str) -> None:
    rows = platform.server.count_rows()
    status, error = refused(platform, POLICIES, body)
    assert (status, error["code"], error["param"]) == (400, code, param)
    assert platform.server.count_rows() == rows


def test_diff_tells_what_is_otherwise(platform: Platform) -> None:
    one, two = publish(platform), publish(platform, asking(source="another law"))
    found = get(platform, f"{POLICIES}/{two['id']}/diff", params={"against": one["id"]})
    assert (found["object"], found["policy"], found["against"]) == ("v2.verification.policy_diff", two["id"], one["id"])
    assert found["rules"] == {
        "added": [],
        "removed": [],
        "changed": [
            {
                "name": "acme.workers",
                "parts": [{"part": "source", "removed": ["Acme's own"], "added": ["another law"]}],
            }
        ],
    }
    assert platform.request("GET", f"{POLICIES}/{two['id']}/diff").status_code == 400


def test_dry_run_counts_and_changes_nothing(platform: Platform, other_platform: Platform) -> None:
    for _ in range(3):
        account(platform)
    account(other_platform)
    policy = publish(platform)
    rows = platform.server.count_rows()
    found = post(platform, f"{POLICIES}/{policy['id']}/dry_run")
    assert (found["object"], found["policy"]) == ("v2.verification.policy_dry_run", policy["id"])
    assert (found["accounts"], found["changed"], found["undecided"]) == (3, 3, 0)
    assert found["becoming_due"][WORKERS] == 3
    assert platform.server.count_rows() == rows
    assert post(platform, f"{POLICIES}/{policy['id']}/dry_run", live=True)["accounts"] == 0
    status, error = refused(
        platform, f"{POLICIES}/{policy['id']}/dry_run", {"at": "2027-01-02T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
    )
    assert (status, error["param"]) == (400, "until")


def test_dry_run_of_a_large_book_is_for_the_command_line(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onboarding.policies.book.MOST_ACCOUNTS", 1)
    for _ in range(2):
        account(platform)
    policy = publish(platform)
    status, error = refused(platform, f"{POLICIES}/{policy['id']}/dry_run")
    assert (status, error["code"]) == (400, "book_too_large")
    assert "onboarding policies dry-run" in error["message"]
    body = {"waves": waves(platform, (1.0, timedelta()))}
    assert refused(platform, f"{POLICIES}/{policy['id']}/roll_out", body)[1]["code"] == "book_too_large"
    post(platform, f"{POLICIES}/{policy['id']}/roll_out", {**body, "allow_restricting": True})


def test_roll_out_is_announced_with_its_date_then_asked_for(platform: Platform, other_platform: Platform) -> None:
    mine, other = account(platform), account(other_platform)
    policy = publish(platform)
    body = {"waves": waves(platform, (1.0, timedelta()))}
    made = post(platform, f"{POLICIES}/{policy['id']}/roll_out", body, key="first")
    assert (made["object"], made["status"], made["policy"]) == ("v2.verification.rollout", "scheduled", policy["id"])
    assert (made["platform"], made["livemode"], made["created_by"][:4]) == (platform.id, False, "key_")
    assert post(platform, f"{POLICIES}/{policy['id']}/roll_out", body, key="first")["id"] == made["id"]
    conflict = refused(platform, f"{POLICIES}/{policy['id']}/roll_out", {**body, "from_name": "builtin"}, key="first")
    assert (conflict[0], conflict[1]["code"]) == (409, "idempotency_error")
    assert refused(platform, f"{POLICIES}/{policy['id']}/roll_out", body)[1]["code"] == "rollout_under_way"

    assert taken_further(platform, made["id"]) == "done"
    shown = get(platform, f"{ROLLOUTS}/{made['id']}")
    assert shown["accounts"] == {"announced": 1, "moved": 0, "failed": 0, "rolled_back": 0}
    assert shown["waves"] == [{**body["waves"][0], "announced": 1}]
    assert get(platform, ROLLOUTS)["data"] == [shown]
    for who, expected in ((platform, True), (other_platform, False)):
        path = f"/v2/core/accounts/{(mine if who is platform else other).id}"
        found = get(who, path, params={"include[0]": "future_requirements", "include[1]": "requirements"})
        future = found["future_requirements"]
        assert (WORKERS in {one["description"] for one in future["entries"]}) is expected
        assert future["minimum_transition_date"] == (body["waves"][0]["transition_at"] if expected else None)
        assert WORKERS not in {one["description"] for one in found["requirements"]["entries"]}
    events = get(platform, "/v2/core/events", params={"object_id": mine.id})["data"]
    assert "v2.core.account[future_requirements].updated" in {one["type"] for one in events}
    assert account(platform) is not None
    assert [one["id"] for one in get(platform, POLICIES)["data"] if one["current"]] == [policy["id"]]
    newest = get(platform, f"{POLICIES}/{policy['id']}")
    assert newest["current"]


def test_roll_out_is_paused_resumed_and_taken_back(platform: Platform, other_platform: Platform) -> None:
    account(platform)
    policy = publish(platform)
    body = {"waves": waves(platform, (1.0, timedelta(days=1)))}
    made = post(platform, f"{POLICIES}/{policy['id']}/roll_out", body)["id"]
    for act in ("pause", "resume", "roll_back"):
        assert refused(other_platform, f"{ROLLOUTS}/{made}/{act}")[0] == 404
        assert refused(platform, f"{ROLLOUTS}/{made}/{act}", live=True)[0] == 404
    assert other_platform.request("GET", f"{ROLLOUTS}/{made}").status_code == 404
    assert post(platform, f"{ROLLOUTS}/{made}/pause", key="p")["status"] == "paused"
    assert post(platform, f"{ROLLOUTS}/{made}/resume")["status"] == "scheduled"
    # The key was used: nothing is paused again, and the answer is the roll-out as it is now.
    assert post(platform, f"{ROLLOUTS}/{made}/pause", key="p")["status"] == "scheduled"
    assert post(platform, f"{ROLLOUTS}/{made}/roll_back")["status"] == "rolling_back"
    assert taken_further(platform, made) == "rolled_back"
    status, error = refused(platform, f"{ROLLOUTS}/{made}/resume")
    assert (status, error["code"]) == (409, "rollout_rolled_back")


def test_roll_out_that_restricts_too_many_is_refused_with_the_numbers(platform: Platform) -> None:
    accounts = platform.sdk().v2.core.accounts
    for _ in range(2):
        made = accounts.create(samples.patched(samples.RECIPIENT, identity__country="US"))
        accounts.update(made.id, samples.patched(samples.RECIPIENT_DETAILS))
    policy = publish(platform, HARSH)
    body = {"waves": waves(platform, (1.0, timedelta()))}
    status, error = refused(platform, f"{POLICIES}/{policy['id']}/roll_out", body)
    assert (status, error["code"], error["param"]) == (400, "rollout_restricts", "allow_restricting")
    assert (error["dry_run"]["accounts"], error["dry_run"]["losing_active"]) == (2, 2)
    post(platform, f"{POLICIES}/{policy['id']}/roll_out", {**body, "allow_restricting": True})


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"share": 0}, "waves[0].share"),
        ({"share": "1"}, "waves[0].share"),
        ({"share": 0.5}, "waves"),
        ({"starts_at": "tomorrow"}, "waves[0].starts_at"),
        ({"starts_at": "2020-01-01T00:00:00Z"}, "waves[0].starts_at"),
        ({"transition_at": "2020-01-01T00:00:00Z"}, "waves[0].transition_at"),
        ({"until": "2020-01-01T00:00:00Z"}, "waves[0].until"),
    ],
)
def test_odd_waves_are_refused(platform: Platform, changes: Any, param: str) -> None:
    [builtin] = [one["id"] for one in get(platform, POLICIES)["data"] if one["current"]]
    body = {"waves": [{**waves(platform, (1.0, timedelta()))[0], **changes}]}
    status, error = refused(platform, f"{POLICIES}/{builtin}/roll_out", body)
    assert (status, error["param"]) == (400, param)


def test_own_capability_becomes_active_once_its_requirement_is_met(platform: Platform) -> None:
    policy = publish(platform, OWN)
    made = post(
        platform, f"{POLICIES}/{policy['id']}/roll_out", {"waves": waves(platform, (1.0, timedelta()))}
    )  # fmt: skip
    assert taken_further(platform, made["id"]) == "done"
    wanted = samples.patched(samples.COMPANY)
    wanted["configuration"]["merchant"]["capabilities"]["acme_instant_payout"] = {"requested": True}
    wanted.get("defaults", {}).get("profile", {}).pop("product_description", None)
    include = ["configuration.merchant", "requirements"]
    created = platform.request("POST", "/v2/core/accounts", json={**wanted, "include": include}).json()
    shown = created["configuration"]["merchant"]["capabilities"]["acme_instant_payout"]
    assert shown["status"] == "restricted"
    assert "defaults.profile.product_description" in {one["description"] for one in created["requirements"]["entries"]}
    supplied = {"defaults": {"profile": {"product_description": "Garden tools"}}, "include": include}
    updated = platform.request("POST", f"/v2/core/accounts/{created['id']}", json=supplied).json()
    shown = updated["configuration"]["merchant"]["capabilities"]["acme_instant_payout"]
    assert (shown["status"], shown["status_details"]) == ("active", [])

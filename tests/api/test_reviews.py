"""People decide reviews: over the official SDK, and with requests that it would never send."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.api_keys import API_KEY_DIGEST
from onboarding.domain.settle import Answer
from onboarding.domain.state import Outcome
from onboarding.door.draft import Draft
from onboarding.ids import new_id
from onboarding.storage import keys
from tests.support.samples import BANK_ACCOUNT, COMPANY, MARKER, RECIPIENT, RECIPIENT_DETAILS, REPRESENTATIVE, patched
from tests.support.serving import Platform, new_secret

REVIEWS = "/v2/verification/reviews"
INVALID = "invalid_request_error"
HIT = {"day": 1, "month": 1, "year": 1900}


def new_hit(platform: Platform) -> tuple[str, Any]:
    """An individual, complete but for a screening that found something: account and review."""
    sdk = platform.sdk()
    details = patched(RECIPIENT_DETAILS, identity__individual__date_of_birth=HIT)
    account = sdk.v2.core.accounts.create(RECIPIENT)
    sdk.v2.core.accounts.update(account.id, details)
    sdk.v1.accounts.external_accounts.create(account.id, {"external_account": BANK_ACCOUNT})
    # The keyed checks of a birth date that has a hit pass at once, and so does the address.
    [review] = sdk.raw_request("get", REVIEWS, account=account.id).data["data"]
    return account.id, review


def post(platform: Platform, review: Any, verb: str, json: Any = None, **sent: Any) -> Any:
    return platform.request("POST", f"{REVIEWS}/{review['id']}/{verb}", json=json, **sent)


def error_of(answer: Any) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("param")


def statuses(platform: Platform, account_id: str) -> set[str]:
    account = platform.sdk().v2.core.accounts.retrieve(account_id, {"include": ["configuration.recipient"]})
    return {one["status"] for one in account.configuration.recipient.capabilities.stripe_balance.to_dict().values()}


def with_another_key(platform: Platform) -> Platform:
    """The same platform under another test key."""
    secret, engine = new_secret(live=False), platform.server.engine

    async def make() -> None:
        digest = engine.ring.platform_digest(API_KEY_DIGEST, secret)
        async with engine.database.reading() as r:
            await keys.create_key(r, key_id=new_id("key_"), platform_id=platform.id, livemode=False, digest=digest)

    platform.server.run(make())
    return replace(platform, test_key=secret)


@pytest.mark.parametrize(("decision", "expected"), [("passed", "active"), ("failed", "restricted")])
def test_sdk_claims_and_decides(platform: Platform, decision: str, expected: str) -> None:
    sdk = platform.sdk()
    account_id, review = new_hit(platform)
    assert statuses(platform, account_id) == {"pending"}
    before = platform.server.fetch("SELECT max(sequence) AS sequence FROM events WHERE account_id = $1", account_id)

    claimed = sdk.raw_request("post", f"{REVIEWS}/{review['id']}/claim").data
    decided = sdk.raw_request("post", f"{REVIEWS}/{review['id']}/decide", decision=decision).data

    key_id = platform.server.fetch("SELECT id FROM api_keys WHERE platform_id = $1 AND NOT livemode", platform.id)
    until = datetime.fromisoformat(claimed["claimed_until"]) - datetime.now(UTC)
    assert timedelta(minutes=29) < until <= timedelta(minutes=30)
    assert claimed == {
        **review, "status": "claimed", "claimed_by": key_id[0]["id"], "claimed_until": claimed["claimed_until"]
    }  # fmt: skip
    assert decided == {
        **claimed,
        "status": "decided",
        "claimed_until": None,
        "decision": decision,
        "decided": decided["decided"],
        "decided_by": key_id[0]["id"],
    }
    assert sdk.raw_request("get", f"{REVIEWS}/{review['id']}").data == decided
    assert statuses(platform, account_id) == {expected}
    [check] = platform.server.fetch("SELECT state FROM checks WHERE id = $1", review["check"])
    assert check["state"] == "concluded"
    changed = platform.server.fetch(
        "SELECT data FROM events WHERE account_id = $1 AND sequence > $2 AND type LIKE '%capability_status_updated'",
        account_id,
        before[0]["sequence"],
    )
    assert sorted(row["data"]["updated_capability"] for row in changed) == [
        "stripe_balance.payouts",
        "stripe_balance.stripe_transfers",
    ]
    told = platform.server.fetch("SELECT type FROM events WHERE related_id = $1 ORDER BY sequence", review["check"])
    assert [row["type"] for row in told] == ["v2.verification.check.created", "v2.verification.check.updated"]


def test_a_review_says_what_it_is_about(platform: Platform) -> None:
    company = platform.sdk().v2.core.accounts.create(COMPANY)
    person = platform.sdk().v2.core.accounts.persons.create(company.id, patched(REPRESENTATIVE, date_of_birth=HIT))

    [review] = platform.request("GET", f"{REVIEWS}?account={company.id}").json()["data"]

    assert review["subject"] == {"type": "person", "person": person.id}
    assert (review["kind"], review["outcome"], review["reason"]) == ("screening", "inconclusive", "screening_hit")
    assert (review["decision"], review["decided_by"], review["detail"]) == (None, None, None)


@dataclass(frozen=True)
class Found:
    """A vendor found something for the screening that the account waits for."""

    cause = "check.attempt_heard"

    def apply(self, draft: Draft) -> None:
        [check] = [one for one in draft.state.checks if one.kind == "screening"]
        reasons, detail = ("screening_hit",), {"name": MARKER}
        draft.answer(check, Answer(Outcome.INCONCLUSIVE, reasons, "vendor", "1", draft.as_of, "found", detail))


def test_live_review_shows_what_was_found_to_its_own_platform_only(
    platform: Platform, other_platform: Platform
) -> None:
    account = platform.sdk(live=True).v2.core.accounts.create(
        patched(RECIPIENT, identity__individual={"given_name": "Jenny", "surname": "Rosen"})
    )
    platform.server.run(platform.server.engine.door.revise(account.id, Found()))
    [listed] = platform.request("GET", REVIEWS, live=True).json()["data"]

    shown = platform.request("GET", f"{REVIEWS}/{listed['id']}", live=True).json()

    assert (listed["detail"], shown["detail"], shown["livemode"]) == (None, {"name": MARKER}, True)
    for verb, body in (("claim", None), ("release", None), ("decide", {"decision": "passed"})):
        for answer in (post(platform, listed, verb, body), post(other_platform, listed, verb, body, live=True)):
            assert error_of(answer) == (404, "not_found", None)
            assert MARKER not in answer.text
    assert post(platform, listed, "decide", {"decision": "passed"}, live=True).json()["status"] == "decided"


def test_a_claim_is_its_keys_own(platform: Platform) -> None:
    _, review = new_hit(platform)
    other = with_another_key(platform)

    first, again = post(platform, review, "claim").json(), post(platform, review, "claim").json()
    assert first == {**again, "claimed_until": first["claimed_until"]}
    assert first["claimed_until"] < again["claimed_until"]
    for verb, body in (("claim", None), ("release", None), ("decide", {"decision": "passed"})):
        answer = post(other, review, verb, body)
        assert error_of(answer) == (409, "review_claimed", None)
        assert answer.headers["Stripe-Should-Retry"] == "false"
    assert post(platform, review, "release").json() == review
    assert post(other, review, "decide", {"decision": "passed"}).status_code == 200
    for verb, body in (("claim", {}), ("release", {}), ("decide", {"decision": "failed"})):
        assert error_of(post(platform, review, verb, body)) == (409, "review_decided", None)


def test_a_key_repeated_answers_with_the_review_as_it_is_now(platform: Platform) -> None:
    account_id, review = new_hit(platform)
    headers = {"Idempotency-Key": "decided-once"}
    decided = post(platform, review, "decide", {"decision": "passed"}, headers=headers).json()
    rows = platform.server.count_rows()

    again = post(platform, review, "decide", {"decision": "passed"}, headers=headers)
    changed = post(platform, review, "decide", {"decision": "failed"}, headers=headers)

    assert (again.status_code, again.json()) == (200, decided)
    assert error_of(changed)[:2] == (409, "idempotency_error")
    assert platform.server.count_rows() == rows
    assert statuses(platform, account_id) == {"active"}


BAD: dict[str, tuple[str, Any, str, str | None]] = {
    "no decision": ("decide", {}, "parameter_missing", "decision"),
    "an unknown one": ("decide", {"decision": MARKER}, "parameter_invalid", "decision"),
    "none": ("decide", {"decision": None}, "parameter_invalid", "decision"),
    "a list": ("decide", {"decision": ["passed"]}, "parameter_invalid", "decision"),
    "an unknown field": ("decide", {"decision": "passed", "note": MARKER}, "parameter_unknown", "note"),
    "reasons for a pass": ("decide", {"decision": "passed", "reasons": ["a"]}, "parameter_invalid", "reasons"),
    "reasons to ask again": ("decide", {"decision": "ask_again", "reasons": ["a"]}, "parameter_invalid", "reasons"),
    "reasons of a screening": (
        "decide",
        {"decision": "failed", "reasons": ["verification_failed_other"]},
        "parameter_invalid",
        "reasons",
    ),
    "a reason alone": ("decide", {"decision": "failed", "reasons": "a"}, "parameter_invalid", "reasons"),
    "a wrong reason": ("decide", {"decision": "failed", "reasons": ["a", 7]}, "parameter_invalid", "reasons[1]"),
    "too many reasons": ("decide", {"decision": "failed", "reasons": ["a"] * 21}, "parameter_invalid", "reasons"),
    "a claim for others": ("claim", {"claimed_by": MARKER}, "parameter_unknown", "claimed_by"),
    "a release of others": ("release", {"claimed_by": MARKER}, "parameter_unknown", "claimed_by"),
}


def test_wrong_requests_change_nothing(platform: Platform) -> None:
    _, review = new_hit(platform)
    rows = platform.server.count_rows()

    for what, (verb, body, code, param) in BAD.items():
        answer = post(platform, review, verb, body, headers={"Idempotency-Key": "refused"})
        assert error_of(answer) == (400, code, param), what
        assert (answer.json()["error"]["type"], MARKER in answer.text) == (INVALID, False), what
    for verb in ("claim", "release", "decide"):
        answer = platform.request("POST", f"{REVIEWS}/{review['id']}/{verb}", content=b"[1]")
        assert error_of(answer) == (400, "invalid_json", None)
        assert error_of(post(platform, review, f"{verb}?colour=red", {})) == (400, "parameter_unknown", "colour")
        for unknown in ("rev_0000", "%00", "review"):
            answer = post(platform, {"id": unknown}, verb, {"decision": "passed"} if verb == "decide" else {})
            assert error_of(answer) == (404, "not_found", None)
    assert platform.server.count_rows() == rows
    assert platform.request("GET", f"{REVIEWS}/{review['id']}").json() == review


def test_reasons_are_codes_of_the_policy(platform: Platform) -> None:
    """An identity that no vendor could establish."""
    account = platform.sdk(live=True).v2.core.accounts.create(
        patched(
            RECIPIENT,
            identity__individual={
                "given_name": "Jenny",
                "surname": "Rosen",
                "date_of_birth": {"day": 7, "month": 6, "year": 1980},
            },
        )
    )

    class Unsure:
        cause = "check.attempt_heard"

        def apply(self, draft: Draft) -> None:
            [check] = [one for one in draft.state.checks if one.kind == "keyed_identity"]
            draft.answer(check, Answer(Outcome.INCONCLUSIVE, (), "vendor", "1", draft.as_of))

    platform.server.run(platform.server.engine.door.revise(account.id, Unsure()))
    [review] = platform.request("GET", REVIEWS, live=True).json()["data"]

    def fail(*reasons: str) -> Any:
        return post(platform, review, "decide", {"decision": "failed", "reasons": list(reasons)}, live=True)

    known = "verification_failed_keyed_identity"
    assert error_of(fail(known, MARKER)) == (400, "parameter_invalid", "reasons[1]")
    assert fail(known).json()["decision"] == "failed"
    check = platform.request("GET", f"/v2/verification/checks/{review['check']}", live=True).json()
    assert (check["outcome"], check["reasons"], check["verifier"]) == ("failed", [known], "review")


def test_of_two_deciders_at_once_one_wins(platform: Platform) -> None:
    account_id, review = new_hit(platform)
    bodies = [{"decision": "passed"}, {"decision": "failed"}]

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda body: post(platform, review, "decide", body), bodies))

    [won] = [answer.json() for answer in answers if answer.status_code == 200]
    [lost] = [answer for answer in answers if answer.status_code != 200]
    assert error_of(lost) == (409, "review_decided", None)
    assert statuses(platform, account_id) == {"active" if won["decision"] == "passed" else "restricted"}


def test_another_birth_date_supersedes_the_review(platform: Platform) -> None:
    account_id, review = new_hit(platform)
    platform.sdk().v2.core.accounts.update(account_id, RECIPIENT_DETAILS)

    assert error_of(post(platform, review, "decide", {"decision": "failed"})) == (409, "review_superseded", None)
    assert statuses(platform, account_id) == {"active"}


def test_reviews_are_chosen_by_status_and_queue(platform: Platform) -> None:
    made = [new_hit(platform)[1] for _ in range(3)]
    ids = [review["id"] for review in made]
    post(platform, made[1], "decide", {"decision": "passed"})

    def pages(query: str) -> list[list[str]]:
        found, url = [], f"{REVIEWS}?{query}"
        while url is not None:
            page = platform.request("GET", url).json()
            found.append([review["id"] for review in page["data"]])
            url = page["next_page_url"]
        return found

    assert pages("limit=1&status=open&queue=screening") == [[ids[0]], [ids[2]]]
    assert pages("status=decided") == [[ids[1]]]
    assert pages("status=claimed") == pages("queue=general") == [[]]
    for query, param in (("status=done", "status"), ("queue=%00", "queue"), ("colour=red", "colour")):
        assert error_of(platform.request("GET", f"{REVIEWS}?{query}"))[2] == param


# --- people who share the reviews -------------------------------------------------------------------------------------


def test_reviewers_share_a_queue_over_the_sdk(platform: Platform) -> None:
    sdk = platform.sdk()
    (account_id, first), (_, second) = new_hit(platform), new_hit(platform)

    def take(reviewer: str, **options: Any) -> Any:
        return sdk.raw_request("post", f"{REVIEWS}/claim_next", queue="screening", reviewer=reviewer, **options).data

    taken = take("ada", idempotency_key="ada-1")
    assert (taken["id"], taken["status"], taken["reviewer"]) == (first["id"], "claimed", "ada")
    assert take("ben")["id"] == second["id"]
    assert take("ada", idempotency_key="ada-1")["id"] == first["id"]  # the same request, though nothing is left
    empty = platform.request("POST", f"{REVIEWS}/claim_next", json={"queue": "screening"})
    assert error_of(empty) == (404, "review_queue_empty", None)
    assert error_of(post(platform, first, "decide", {"decision": "passed"})) == (409, "review_claimed", None)
    assigned = post(platform, second, "assign", {"assignee": "cleo"}).json()
    assert (assigned["assignee"], assigned["reviewer"]) == ("cleo", "ben")
    listed = platform.request("GET", f"{REVIEWS}?assignee=cleo&status=claimed&overdue=false").json()["data"]
    assert [one["id"] for one in listed] == [second["id"]]
    assert platform.request("GET", f"{REVIEWS}?overdue=true").json()["data"] == []
    decided = post(platform, first, "decide", {"decision": "passed", "reviewer": "ada"}).json()
    assert (decided["reviewer"], decided["decided_by"]) == ("ada", taken["claimed_by"])
    assert statuses(platform, account_id) == {"active"}
    told = platform.server.fetch("SELECT type, data FROM events WHERE related_id = $1", first["id"])
    assert [(row["type"], row["data"]["decision"]) for row in told] == [("v2.verification.review.decided", "passed")]


def test_notes_are_for_the_platform_itself(platform: Platform, other_platform: Platform) -> None:
    _, review = new_hit(platform)
    headers = {"Idempotency-Key": "noted-once"}
    noted = post(platform, review, "notes", {"text": f"{MARKER}: by phone", "reviewer": "ada"}, headers=headers).json()
    assert (
        post(platform, review, "notes", {"text": f"{MARKER}: by phone", "reviewer": "ada"}, headers=headers).json()
        == noted
    )
    post(platform, review, "notes", {"text": "second"})

    page = platform.request("GET", f"{REVIEWS}/{review['id']}/notes?limit=1").json()
    older = platform.request("GET", page["next_page_url"]).json()

    assert [one["text"] for one in page["data"]] == ["second"]
    assert older["data"] == [noted]
    assert (noted["text"], noted["reviewer"]) == (f"{MARKER}: by phone", "ada")
    assert error_of(other_platform.request("GET", f"{REVIEWS}/{review['id']}/notes"))[:2] == (404, "not_found")
    answer = post(other_platform, review, "notes", {"text": MARKER})
    assert (error_of(answer)[:2], MARKER in answer.text) == ((404, "not_found"), False)
    [row] = platform.server.fetch("SELECT count(*) AS notes FROM review_notes WHERE review_id = $1", review["id"])
    assert row["notes"] == 2


def test_what_is_asked_stands_among_the_requirements(platform: Platform) -> None:
    account_id, review = new_hit(platform)
    description = "identity.individual.documents.primary_verification"
    code = "verification_document_not_readable"

    asked = post(
        platform, review, "request_information", {"entries": [{"description": description, "error": code}]}
    ).json()

    assert (asked["status"], asked["sla_at"]) == ("waiting", None)
    account = platform.request("GET", f"/v2/core/accounts/{account_id}?include=requirements").json()
    [entry] = [one for one in account["requirements"]["entries"] if one["description"] == description]
    assert (entry["awaiting_action_from"], entry["errors"][0]["code"]) == ("user", code)
    assert statuses(platform, account_id) == {"restricted"}
    patch = {"type": "front_back", "front_back": {"front": "file_identity_document_success"}}
    answer = platform.request(
        "POST",
        f"/v2/core/accounts/{account_id}",
        json={"identity": {"individual": {"documents": {"primary_verification": patch}}}},
    )
    assert answer.status_code == 200, answer.text
    again = platform.request("GET", f"{REVIEWS}/{review['id']}").json()
    assert (again["status"], again["priority"]) == ("open", 0)


BAD_FOR_MANY: dict[str, tuple[str, Any, str, str | None]] = {
    "an address for a reviewer": ("claim", {"reviewer": "ada@example.com"}, "parameter_invalid", "reviewer"),
    "a name with a space": ("decide", {"decision": "passed", "reviewer": MARKER}, "parameter_invalid", "reviewer"),
    "a long one": ("release", {"reviewer": "a" * 65}, "parameter_invalid", "reviewer"),
    "no queue": ("../claim_next", {}, "parameter_missing", "queue"),
    "no name of one": ("../claim_next", {"queue": MARKER}, "parameter_invalid", "queue"),
    "nobody said": ("assign", {}, "parameter_missing", "assignee"),
    "an address for an assignee": ("assign", {"assignee": "ada@example.com"}, "parameter_invalid", "assignee"),
    "no text": ("notes", {}, "parameter_missing", "text"),
    "nothing noted": ("notes", {"text": "  "}, "parameter_invalid", "text"),
    "too much noted": ("notes", {"text": "a" * 5001}, "parameter_invalid", "text"),
    "nothing asked": ("request_information", {"entries": []}, "parameter_invalid", "entries"),
    "asked without a code": (
        "request_information",
        {"entries": [{"description": "email"}]},
        "parameter_missing",
        "entries[0].error",
    ),
    "an unknown field asked": (
        "request_information",
        {"entries": [{"description": MARKER, "error": "verification_failed_other"}]},
        "parameter_invalid",
        "entries[0].description",
    ),
}


def test_wrong_requests_of_many_change_nothing(platform: Platform) -> None:
    _, review = new_hit(platform)
    rows = platform.server.count_rows()

    for what, (verb, body, code, param) in BAD_FOR_MANY.items():
        path = f"{REVIEWS}/claim_next" if verb.startswith("..") else f"{REVIEWS}/{review['id']}/{verb}"
        answer = platform.request("POST", path, json=body)
        assert error_of(answer) == (400, code, param), what
        assert (answer.json()["error"]["type"], MARKER in answer.text) == (INVALID, False), what
    for query, param in (("assignee=a@b", "assignee"), ("overdue=yes", "overdue"), ("page=bm8", "page")):
        assert error_of(platform.request("GET", f"{REVIEWS}?{query}"))[2] == param
    assert platform.server.count_rows() == rows

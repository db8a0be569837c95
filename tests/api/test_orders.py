"""People hold and reject accounts: over the official SDK, and with requests that it would never send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from onboarding.domain.state import OrderKind
from onboarding.door.callers import Caller
from onboarding.door.orders import Audience
from tests.support.samples import ALL, BANK_ACCOUNT, BARE, MARKER, RECIPIENT, RECIPIENT_DETAILS
from tests.support.serving import Platform

INVALID = "invalid_request_error"
TRANSFERS, PAYOUTS = "recipient.stripe_balance.stripe_transfers", "recipient.stripe_balance.payouts"
HELD = ["restricted", "restricted_other", "contact_stripe"]
ACTIVE = ["active"]


def paid_out(platform: Platform) -> str:
    """An individual who is paid out."""
    sdk = platform.sdk()
    made: str = sdk.v2.core.accounts.create(RECIPIENT).id
    sdk.v2.core.accounts.update(made, RECIPIENT_DETAILS)
    sdk.v1.accounts.external_accounts.create(made, {"external_account": BANK_ACCOUNT})
    assert statuses(platform, made) == {TRANSFERS: ACTIVE, PAYOUTS: ACTIVE}
    return made


@pytest.fixture
def account(platform: Platform) -> str:
    return paid_out(platform)


def read(platform: Platform, account: str) -> Any:
    return platform.sdk().v2.core.accounts.retrieve(account, {"include": ALL}).to_dict()


def statuses(platform: Platform, account: str) -> dict[str, list[str]]:
    balance = read(platform, account)["configuration"]["recipient"]["capabilities"]["stripe_balance"]
    return {
        f"recipient.stripe_balance.{name}": [
            one["status"],
            *(word for detail in one["status_details"] for word in (detail["code"], detail["resolution"])),
        ]
        for name, one in balance.items()
    }


def path(account: str, rest: str = "") -> str:
    return f"/v2/verification/accounts/{account}/orders{rest}"


def place(platform: Platform, account: str, headers: Any = None, **body: Any) -> Any:
    return platform.request("POST", path(account), json=body, headers=headers)


def hold(platform: Platform, account: str, **body: Any) -> Any:
    answer = place(platform, account, **{"kind": "hold", "reason": "credit_review", **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def undo(platform: Platform, account: str, order: Any, headers: Any = None) -> Any:
    return platform.request("POST", path(account, f"/{order['id']}/undo"), headers=headers)


def by_operator(platform: Platform, account: str, kind: OrderKind, reason: str, **changes: Any) -> Any:
    """An order of whoever runs the engine."""
    caller = Caller(platform.id, livemode=False, actor="operator:ann")
    orders = platform.server.engine.orders
    return platform.server.run(orders.place(caller, account, None, kind=kind, reason=reason, **changes))


def error_of(answer: Any) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("param")


def key_of(platform: Platform) -> str:
    [row] = platform.server.fetch("SELECT id FROM api_keys WHERE platform_id = $1 AND NOT livemode", platform.id)
    found: str = row["id"]
    return found


def events_since(platform: Platform, account: str, sequence: int) -> list[str]:
    rows = platform.server.fetch(
        "SELECT type FROM events WHERE account_id = $1 AND sequence > $2 ORDER BY sequence", account, sequence
    )
    return [row["type"] for row in rows]


def sequence_of(platform: Platform, account: str) -> int:
    [row] = platform.server.fetch("SELECT event_sequence FROM accounts WHERE id = $1", account)
    found: int = row["event_sequence"]
    return found


def test_a_hold_restricts_until_it_is_undone(platform: Platform, account: str) -> None:
    before, sequence = read(platform, account), sequence_of(platform, account)

    placed = hold(platform, account, ticket=f"{MARKER}-7")

    assert placed == {
        "id": placed["id"],
        "object": "v2.verification.order",
        "account": account,
        "audience": "internal",
        "capability": None,
        "created": placed["created"],
        "ends_at": None,
        "kind": "hold",
        "livemode": False,
        "person": None,
        "placed_by": key_of(platform),
        "reason": "credit_review",
        "status": "in_force",
        "target": None,
        "ticket": f"{MARKER}-7",
        "undone": None,
        "undone_by": None,
    }
    assert statuses(platform, account) == {TRANSFERS: HELD, PAYOUTS: HELD}
    requirements = read(platform, account)["requirements"]
    [entry] = requirements["entries"]
    inquiry = f"interv_{placed['id'].removeprefix('ord_')}"
    assert (entry["description"], entry["awaiting_action_from"]) == (
        f"{inquiry}.other_compliance_inquiry.support",
        "stripe",
    )
    assert entry["reference"] == {"type": "inquiry", "resource": None, "inquiry": inquiry}
    assert requirements["summary"] == {"minimum_deadline": {"status": "eventually_due", "time": None}}

    undone = undo(platform, account, placed).json()

    assert undone == {**placed, "status": "undone", "undone": undone["undone"], "undone_by": key_of(platform)}
    assert read(platform, account) == before
    changed, due = "v2.core.account[configuration.recipient].capability_status_updated", "v2.core.account[requirements]"
    assert events_since(platform, account, sequence) == [changed, changed, f"{due}.updated"] * 2
    actions = platform.server.fetch(
        "SELECT actor, action FROM audit_log WHERE account_id = $1 ORDER BY position DESC LIMIT 2", account
    )
    assert [tuple(row) for row in actions] == [
        (key_of(platform), "order.undone"),
        (key_of(platform), "order.placed"),
    ]
    stored = platform.server.fetch(
        "SELECT s.t || o.o AS text FROM (SELECT t::text AS t FROM orders t WHERE id = $1) s,"
        " (SELECT t::text AS o FROM sealed_values t WHERE subject = $1) o",
        placed["id"],
    )
    assert MARKER not in stored[0]["text"]


def test_a_hold_of_one_capability_for_the_user_says_what_it_is_about(platform: Platform, account: str) -> None:
    placed = hold(platform, account, capability=PAYOUTS, audience="user", reason="url_inquiry")

    assert statuses(platform, account) == {TRANSFERS: ACTIVE, PAYOUTS: HELD}
    [entry] = read(platform, account)["requirements"]["entries"]
    assert entry["description"] == f"interv_{placed['id'].removeprefix('ord_')}.url_inquiry.support"
    assert entry["impact"] == {
        "restricts_capabilities": [
            {
                "capability": "stripe_balance.payouts",
                "configuration": "recipient",
                "deadline": {"status": "eventually_due"},
            }
        ]
    }


def test_a_rejection_is_placed_and_taken_back(platform: Platform, account: str) -> None:
    placed = place(platform, account, kind="reject", reason="platform_fraud").json()

    rejected = ["rejected", "rejected_platform_fraud", "contact_stripe"]
    assert (placed["audience"], placed["reason"]) == ("user", "platform_fraud")
    assert statuses(platform, account) == {TRANSFERS: rejected, PAYOUTS: rejected}
    assert undo(platform, account, placed).json()["status"] == "undone"
    assert statuses(platform, account) == {TRANSFERS: ACTIVE, PAYOUTS: ACTIVE}


def test_a_platform_undoes_only_what_it_placed(platform: Platform, account: str) -> None:
    sdk = platform.sdk()
    fraud = by_operator(platform, account, OrderKind.REJECT, "fraud")
    rows = platform.server.count_rows()

    assert fraud["placed_by"] == "operator:ann"
    assert error_of(undo(platform, account, fraud)) == (403, "order_not_yours", None)
    with pytest.raises(stripe.PermissionError, match="placed itself"):
        sdk.v1.accounts.unreject(account)
    assert platform.server.count_rows() == rows

    sdk.v1.accounts.reject(account, {"reason": "other"})
    still = sdk.v1.accounts.unreject(account)  # its own is taken back, the operator's stays
    assert still.requirements.disabled_reason == "rejected.fraud"
    assert statuses(platform, account)[TRANSFERS] == ["rejected", "rejected_fraud", "contact_stripe"]

    orders, operator = platform.server.engine.orders, Caller(platform.id, livemode=False, actor="operator:ann")
    own = hold(platform, account)
    for order in (fraud, own):
        undone = platform.server.run(orders.undo(operator, account, order["id"], None))
        assert (undone["status"], undone["undone_by"]) == ("undone", "operator:ann")
    assert statuses(platform, account)[TRANSFERS] == ACTIVE
    listed = platform.request("GET", path(account)).json()["data"]
    assert [(one["placed_by"][:4], one["undone_by"][:4]) for one in listed] == [
        ("key_", "oper"),
        ("key_", "key_"),
        ("oper", "oper"),
    ]


def test_an_internal_reason_is_in_no_answer_and_no_event(platform: Platform, account: str) -> None:
    secret = {"pep_review", "legal_hold", "sanctions_review", MARKER}
    for reason in ("pep_review", "legal_hold", "sanctions_review"):
        by_operator(platform, account, OrderKind.HOLD, reason, ticket=MARKER)
    own = hold(platform, account, reason="platform_concern", ticket="desk-7")

    told = {
        name: platform.request("GET", name).text
        for name in (
            f"/v2/core/accounts/{account}?" + "&".join(f"include={name}" for name in ALL),
            f"/v2/core/events?object_id={account}&limit=100",
            f"/v2/verification/accounts/{account}/explanation",
            f"/v2/verification/accounts/{account}/requirements",
            f"/v2/verification/accounts/{account}/timeline",
            f"/v2/verification/checks?account={account}",
            path(account),
            path(account, f"/{own['id']}"),
        )
    }

    for name, text in told.items():
        assert {word for word in secret if word in text} == set(), name
    # The platform's own words are told to itself, and stand in nothing that its users may be shown.
    assert "platform_concern" in told[path(account)]
    assert not any("platform_concern" in text for name, text in told.items() if name.startswith("/v2/core"))
    listed = platform.request("GET", path(account)).json()["data"]
    assert [(one["reason"], one["ticket"], one["placed_by"]) for one in listed[1:]] == [(None, None, "operator")] * 3
    # What an operator says to the user, all may read.
    shown = by_operator(platform, account, OrderKind.HOLD, "address_verification", audience=Audience.USER)
    assert platform.request("GET", path(account, f"/{shown['id']}")).json()["reason"] == "address_verification"


def test_a_key_repeated_answers_with_the_order_as_it_is_now(platform: Platform, account: str) -> None:
    body = {"kind": "hold", "reason": "credit_review", "ticket": "desk-7"}
    placed = place(platform, account, headers={"Idempotency-Key": "placed"}, **body).json()
    undone = undo(platform, account, placed, headers={"Idempotency-Key": "undone"}).json()
    rows = platform.server.count_rows()

    assert place(platform, account, headers={"Idempotency-Key": "placed"}, **body).json() == undone
    assert undo(platform, account, placed, headers={"Idempotency-Key": "undone"}).json() == undone
    assert undo(platform, account, placed).json() == undone
    other = place(platform, account, headers={"Idempotency-Key": "placed"}, **{**body, "reason": "url_inquiry"})
    assert error_of(other)[:2] == (409, "idempotency_error")
    assert platform.server.count_rows() == rows


def test_orders_are_listed_newest_first_undone_ones_too(
    platform: Platform, other_platform: Platform, account: str
) -> None:
    placed = [hold(platform, account) for _ in range(5)]
    placed[1] = undo(platform, account, placed[1]).json()

    pages, url = [], path(account, "?limit=2")
    while url is not None:
        page = platform.request("GET", url).json()
        pages.append(page["data"])
        url = page["next_page_url"]

    assert [one for page in pages for one in page] == placed[::-1]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert platform.request("GET", path(account, f"/{placed[1]['id']}")).json() == placed[1]
    for query, param in (("limit=101", "limit"), ("page=%00", "page"), ("kind=hold", "kind")):
        assert error_of(platform.request("GET", path(account, f"?{query}")))[2] == param
    for answer in (
        other_platform.request("GET", path(account)),
        other_platform.request("GET", path(account, f"/{placed[0]['id']}")),
        undo(other_platform, account, placed[0]),
        place(other_platform, account, kind="hold", reason="credit_review"),
        platform.request("GET", path(account), live=True),
        platform.request("GET", path(account, "/ord_0")),
        undo(platform, account, {"id": "ord_0"}),
        undo(platform, platform.sdk().v2.core.accounts.create(BARE).id, placed[0]),
        other_platform.request("POST", f"/v1/accounts/{account}/reject", content=b"reason=other"),
    ):
        assert error_of(answer) == (404, "not_found", None)


HOLD: Any = {"kind": "hold", "reason": "credit_review"}
REJECT: Any = {"kind": "reject", "reason": "platform_fraud"}
LATER = "2099-01-01T00:00:00Z"
NEXT_WEEK = (datetime.now(UTC) + timedelta(days=7)).isoformat()
RECHECK: Any = {"kind": "recheck", "reason": "other"}
EXTENSION: Any = {"kind": "extend_deadline", "reason": "other", "ends_at": NEXT_WEEK}
OVERRIDE: Any = {
    "kind": "override_capability",
    "reason": "other",
    "capability": TRANSFERS,
    "ends_at": NEXT_WEEK,
}
RISK: Any = {"kind": "set_risk_class", "reason": "adverse_media", "target": "high"}
BAD: dict[str, tuple[Any, str, str]] = {
    "no kind": ({"reason": "credit_review"}, "parameter_missing", "kind"),
    "an unknown kind": ({**HOLD, "kind": "pause"}, "parameter_invalid", "kind"),
    "no reason": ({"kind": "hold"}, "parameter_missing", "reason"),
    "an unknown reason": ({**HOLD, "reason": MARKER}, "parameter_invalid", "reason"),
    "a hold for fraud": ({**HOLD, "reason": "platform_fraud"}, "parameter_invalid", "reason"),
    "a rejection for a topic": ({**REJECT, "reason": "credit_review"}, "parameter_invalid", "reason"),
    "a rejection for operators only": ({**REJECT, "reason": "listed"}, "parameter_invalid", "reason"),
    "an unknown capability": ({**HOLD, "capability": MARKER}, "parameter_invalid", "capability"),
    "a capability without its configuration": (
        {**HOLD, "capability": "stripe_balance.payouts"},
        "parameter_invalid",
        "capability",
    ),
    "an end that is over": ({**HOLD, "ends_at": "2026-01-01T00:00:00Z"}, "parameter_invalid", "ends_at"),
    "an end in no calendar": ({**HOLD, "ends_at": "9999-12-31T23:59:59-14:00"}, "parameter_invalid", "ends_at"),
    "an end of no lifetime": ({**HOLD, "ends_at": "2200-01-01T00:00:00Z"}, "parameter_invalid", "ends_at"),
    "a class for ever": ({**RISK, "ends_at": "9999-12-31T23:59:59Z"}, "parameter_invalid", "ends_at"),
    "an end without its zone": ({**HOLD, "ends_at": "2099-01-01T00:00:00"}, "parameter_invalid", "ends_at"),
    "a rejection that ends": ({**REJECT, "ends_at": "2099-01-01T00:00:00Z"}, "parameter_invalid", "ends_at"),
    "a rejection nobody may read": ({**REJECT, "audience": "internal"}, "parameter_invalid", "audience"),
    "an unknown audience": ({**HOLD, "audience": MARKER}, "parameter_invalid", "audience"),
    "an empty ticket": ({**HOLD, "ticket": ""}, "parameter_invalid", "ticket"),
    "a long ticket": ({**HOLD, "ticket": MARKER * 20}, "parameter_invalid", "ticket"),
    "an unknown field": ({**HOLD, "actor": MARKER}, "parameter_unknown", "actor"),
    "a hold with a target": ({**HOLD, "target": "screening"}, "parameter_invalid", "target"),
    "a rejection of a person": ({**REJECT, "person": "person_1"}, "parameter_invalid", "person"),
    "a recheck for a topic": ({**RECHECK, "reason": "credit_review"}, "parameter_invalid", "reason"),
    "a recheck that ends": ({**RECHECK, "ends_at": LATER}, "parameter_invalid", "ends_at"),
    "a recheck of a capability": ({**RECHECK, "capability": TRANSFERS}, "parameter_invalid", "capability"),
    "a recheck of an unknown kind": ({**RECHECK, "target": MARKER}, "parameter_invalid", "target"),
    "a recheck of what was never asked": ({**RECHECK, "target": "tax_id_match"}, "parameter_invalid", "target"),
    "a recheck of an unknown person": ({**RECHECK, "person": MARKER}, "parameter_invalid", "person"),
    "an extension without its deadline": ({**EXTENSION, "ends_at": None}, "parameter_missing", "ends_at"),
    "an extension for a topic": ({**EXTENSION, "reason": "pep_review"}, "parameter_invalid", "reason"),
    "an extension into the past": ({**EXTENSION, "ends_at": "2026-01-01T00:00:00Z"}, "parameter_invalid", "ends_at"),
    "an extension of years": ({**EXTENSION, "ends_at": LATER}, "parameter_invalid", "ends_at"),
    "an extension of no demand": ({**EXTENSION, "target": MARKER}, "parameter_invalid", "target"),
    "an extension where no deadline runs": (EXTENSION, "parameter_invalid", "target"),
    "an extension of a person": ({**EXTENSION, "person": "person_1"}, "parameter_invalid", "person"),
    "a risk class without its name": ({**RISK, "target": None}, "parameter_missing", "target"),
    "an unknown risk class": ({**RISK, "target": MARKER}, "parameter_invalid", "target"),
    "a risk class of a capability": ({**RISK, "capability": TRANSFERS}, "parameter_invalid", "capability"),
    "a risk class for a topic": ({**RISK, "reason": "pep_review"}, "parameter_invalid", "reason"),
    "an override of everything": ({**OVERRIDE, "capability": None}, "parameter_missing", "capability"),
    "an override for good": ({**OVERRIDE, "ends_at": None}, "parameter_missing", "ends_at"),
    "an override of years": ({**OVERRIDE, "ends_at": LATER}, "parameter_invalid", "ends_at"),
    "an override of what it has not got": (
        {**OVERRIDE, "capability": "merchant.card_payments"},
        "parameter_invalid",
        "capability",
    ),
    "an override of a demand": ({**OVERRIDE, "target": "screening"}, "parameter_invalid", "target"),
    "an override for fraud": ({**OVERRIDE, "reason": "fraud"}, "parameter_invalid", "reason"),
}


def test_wrong_orders_are_refused_and_leave_nothing(platform: Platform, account: str) -> None:
    order = hold(platform, account)
    rows = platform.server.count_rows()

    for what, (body, code, param) in BAD.items():
        answer = place(platform, account, headers={"Idempotency-Key": "refused"}, **body)
        assert error_of(answer) == (400, code, param), what
        assert (answer.json()["error"]["type"], MARKER in answer.text) == (INVALID, False), what
    answer = platform.request("POST", path(account, f"/{order['id']}/undo"), json={"by": MARKER})
    assert error_of(answer) == (400, "parameter_unknown", "by")
    for verb, form, param in (
        ("reject", b"", "reason"),
        ("reject", b"reason=fraud_of_some_kind", "reason"),
        ("reject", b"reason=other&payouts_action=delay", "payouts_action"),
        ("unreject", b"reason=other", "reason"),
    ):
        answer = platform.request("POST", f"/v1/accounts/{account}/{verb}", content=form)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert platform.server.count_rows() == rows


def test_a_closed_account_takes_no_order_but_lets_one_be_undone(platform: Platform, account: str) -> None:
    order = hold(platform, account)
    platform.sdk().v2.core.accounts.close(account, {"applied_configurations": ["recipient"]})

    assert error_of(place(platform, account, **HOLD)) == (400, "account_closed", None)
    with pytest.raises(stripe.InvalidRequestError):
        platform.sdk().v1.accounts.reject(account, {"reason": "other"})
    assert undo(platform, account, order).json()["status"] == "undone"
    assert statuses(platform, account)[TRANSFERS] == ["restricted", "restricted_other", "no_resolution"]


def test_what_loosens_the_rules_is_for_operators_in_live_mode(platform: Platform) -> None:
    sdk = platform.sdk(live=True)
    account: str = sdk.v2.core.accounts.create(RECIPIENT).id
    rows = platform.server.count_rows()
    for body in (EXTENSION, OVERRIDE, RISK):
        answer = platform.request("POST", path(account), json=body, live=True)
        assert error_of(answer) == (403, "order_for_operators", None)
    assert platform.server.count_rows() == rows


def test_a_risk_class_is_set_and_undone(platform: Platform, account: str) -> None:
    """As the policy that ships has them: the first review comes three years after the activation, or after one."""

    def risk() -> Any:
        return platform.request("GET", f"/v2/verification/accounts/{account}/explanation").json()["risk"]

    def years(found: Any) -> int:
        created = datetime.fromisoformat(read(platform, account)["created"])
        return round((datetime.fromisoformat(found["review"]["due_at"]) - created) / timedelta(days=365))

    mild = risk()
    assert (mild["class"], mild["order"], mild["review"]["open"], years(mild)) == ("low", None, False, 3)

    placed = place(platform, account, **RISK).json()
    assert (placed["kind"], placed["target"], placed["status"]) == ("set_risk_class", "high", "in_force")
    strict = risk()
    assert (strict["class"], strict["order"], years(strict)) == ("high", placed["id"], 1)

    assert undo(platform, account, placed).json()["status"] == "undone"
    assert risk() == mild


def test_checks_are_asked_again_by_kind_or_all_of_them(platform: Platform, account: str) -> None:
    def checks() -> list[tuple[str, str]]:
        found = platform.request("GET", f"/v2/verification/checks?account={account}&limit=100").json()["data"]
        return sorted((one["kind"], one["status"]) for one in found)

    before = checks()
    kinds = sorted({kind for kind, _ in before})
    one = place(platform, account, **RECHECK, target=kinds[0]).json()
    assert (one["kind"], one["target"], one["person"], one["audience"]) == ("recheck", kinds[0], None, "internal")
    assert checks() == sorted([*before, (kinds[0], "concluded")])
    assert platform.request("GET", path(account, f"/{one['id']}")).json()["status"] == "ended"  # answered

    place(platform, account, **RECHECK)
    assert checks() == sorted([*before, (kinds[0], "concluded"), *((kind, "concluded") for kind in kinds)])
    assert statuses(platform, account) == {TRANSFERS: ACTIVE, PAYOUTS: ACTIVE}

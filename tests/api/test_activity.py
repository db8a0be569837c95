"""What accounts turn over: reported once, and never against itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from onboarding.domain.instants import rfc3339
from onboarding.inspection import inspect
from tests.api.test_test_clocks import START as CLOCK_START
from tests.api.test_test_clocks import advance, attach, new_clock
from tests.support.samples import MARKER, RECIPIENT
from tests.support.serving import Platform

ACTIVITY = "/v2/verification/activity"
INVALID = "invalid_request_error"
YEAR = str(datetime.now(UTC).year)
LAST = str(datetime.now(UTC).year - 1)


def totals(**amounts: int) -> list[dict[str, Any]]:
    """``lifetime`` or ``y2026`` or ``y2026_11``, each with its amount."""
    return [{"period": name.removeprefix("y").replace("_", "-"), "amount": one} for name, one in amounts.items()]


def report(platform: Platform, account: str, name: str = "r-1", headers: Any = None, **changes: Any) -> Any:
    body = {"id": name, "account": account, "currency": "usd", "totals": totals(lifetime=1), **changes}
    return platform.request("POST", ACTIVITY, json=body, headers=headers)


def listed(platform: Platform, account: str) -> Any:
    return platform.request("GET", f"{ACTIVITY}?account={account}").json()


def error_of(answer: Any) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("param")


@pytest.fixture
def account(platform: Platform) -> str:
    made: str = platform.sdk().v2.core.accounts.create(RECIPIENT).id
    return made


def test_a_report_is_stored_and_its_totals_count(platform: Platform, account: str) -> None:
    sent = totals(**{f"y{LAST}_11": 300, f"y{LAST}": 900, "lifetime": 1000})

    answer = report(platform, account, currency="USD", totals=sent)

    assert answer.status_code == 200, answer.text
    ordered = [
        {"amount": 1000, "period": "lifetime"},
        {"amount": 900, "period": LAST},
        {"amount": 300, "period": f"{LAST}-11"},
    ]
    assert answer.json() == {
        "id": "r-1",
        "object": "v2.verification.activity_report",
        "account": account,
        "created": answer.json()["created"],
        "currency": "usd",
        "livemode": False,
        "totals": ordered,
    }
    assert listed(platform, account) == {
        "data": [answer.json()],
        "totals": [{**total, "currency": "usd"} for total in ordered],
        "next_page_url": None,
        "previous_page_url": None,
    }


def test_a_later_report_replaces_the_totals_of_its_periods(platform: Platform, account: str) -> None:
    report(platform, account, totals=totals(**{"lifetime": 1000, f"y{LAST}": 900}))
    report(platform, account, "r-2", totals=totals(**{f"y{LAST}": 700}))
    report(platform, account, "r-3", currency="eur", totals=totals(lifetime=5))

    found = listed(platform, account)

    assert [(one["currency"], one["period"], one["amount"]) for one in found["totals"]] == [
        ("eur", "lifetime", 5),
        ("usd", "lifetime", 1000),
        ("usd", LAST, 700),
    ]
    assert [one["id"] for one in found["data"]] == ["r-3", "r-2", "r-1"]
    # An update of the account leaves them as they are.
    platform.sdk().v2.core.accounts.update(account, {"identity": {"individual": {"given_name": "Jenny"}}})
    assert listed(platform, account) == found


def test_the_same_report_again_changes_nothing(platform: Platform, account: str) -> None:
    sent = totals(**{"lifetime": 1000, f"y{LAST}": 900})
    first = report(platform, account, totals=sent, headers={"Idempotency-Key": "a"}).json()
    rows = platform.server.count_rows()

    with_same_key = report(platform, account, totals=sent, headers={"Idempotency-Key": "a"})
    without_key = report(platform, account, totals=sent[::-1], currency="USD")

    assert (with_same_key.status_code, without_key.status_code) == (200, 200)
    assert with_same_key.json() == without_key.json() == first
    assert platform.server.count_rows() == rows
    # Another key of the same request is that request's from then on.
    assert report(platform, account, totals=sent, headers={"Idempotency-Key": "b"}).json() == first
    other = report(platform, account, "r-2", headers={"Idempotency-Key": "b"})
    assert error_of(other)[:2] == (409, "idempotency_error")
    rows["idempotency_keys"] += 1
    assert platform.server.count_rows() == rows


def test_other_content_under_the_same_id_is_refused(platform: Platform, account: str) -> None:
    report(platform, account, totals=totals(lifetime=1000))
    another = platform.sdk().v2.core.accounts.create(RECIPIENT).id
    before, rows = listed(platform, account), platform.server.count_rows()

    answer = report(platform, account, totals=totals(lifetime=2000), headers={"Idempotency-Key": "c"})

    assert error_of(answer) == (409, "idempotency_error", "id")
    assert answer.headers["Stripe-Should-Retry"] == "false"
    with pytest.raises(stripe.IdempotencyError):
        platform.sdk().raw_request(
            "post", ACTIVITY, id="r-1", account=account, currency="eur", totals=totals(lifetime=1000)
        )
    assert (listed(platform, account), platform.server.count_rows()) == (before, rows)
    assert report(platform, another, totals=totals(lifetime=2000)).status_code == 200  # an id is its account's own


def test_of_two_reports_of_one_id_at_once_one_is_stored(platform: Platform, account: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda amount: report(platform, account, totals=totals(lifetime=amount)), [1, 2, 1, 2]))

    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409]
    [stored] = listed(platform, account)["data"]
    assert {answer.json()["totals"][0]["amount"] for answer in answers if answer.status_code == 200} == {
        stored["totals"][0]["amount"]
    }


NOT_A_PERIOD = "totals[0].period"
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no totals": ({"totals": []}, "parameter_invalid", "totals"),
    "totals of no list": ({"totals": {"lifetime": 1}}, "parameter_invalid", "totals"),
    "too many": (
        {"totals": [{"period": f"{2100 + n}", "amount": 1} for n in range(201)]},
        "parameter_invalid",
        "totals",
    ),
    "no period": ({"totals": [{"amount": 1}]}, "parameter_missing", NOT_A_PERIOD),
    "no amount": ({"totals": [{"period": "lifetime"}]}, "parameter_missing", "totals[0].amount"),
    "less than nothing": ({"totals": totals(lifetime=-1)}, "parameter_invalid", "totals[0].amount"),
    "a fraction": ({"totals": [{"period": "lifetime", "amount": 1.5}]}, "parameter_invalid", "totals[0].amount"),
    "a text": ({"totals": [{"period": "lifetime", "amount": "1"}]}, "parameter_invalid", "totals[0].amount"),
    "a truth": ({"totals": [{"period": "lifetime", "amount": True}]}, "parameter_invalid", "totals[0].amount"),
    "too much": ({"totals": totals(lifetime=2**63)}, "parameter_invalid", "totals[0].amount"),
    "month 13": ({"totals": totals(y2025_13=1)}, "parameter_invalid", NOT_A_PERIOD),
    "month 0": ({"totals": totals(y2025_00=1)}, "parameter_invalid", NOT_A_PERIOD),
    "a short month": ({"totals": totals(y2025_7=1)}, "parameter_invalid", NOT_A_PERIOD),
    "year 0": ({"totals": totals(y0000=1)}, "parameter_invalid", NOT_A_PERIOD),
    "a day": ({"totals": totals(y2025_11_02=1)}, "parameter_invalid", NOT_A_PERIOD),
    "a word": ({"totals": [{"period": MARKER, "amount": 1}]}, "parameter_invalid", NOT_A_PERIOD),
    "a number": ({"totals": [{"period": 2025, "amount": 1}]}, "parameter_invalid", NOT_A_PERIOD),
    "next year": ({"totals": totals(**{f"y{int(YEAR) + 1}": 0})}, "parameter_invalid", NOT_A_PERIOD),
    "a month ahead": ({"totals": totals(**{f"y{int(YEAR) + 1}_01": 0})}, "parameter_invalid", NOT_A_PERIOD),
    "twice": ({"totals": totals(lifetime=1) + totals(lifetime=1)}, "parameter_invalid", "totals[1].period"),
    "a lifetime below a year": (
        {"totals": totals(**{"lifetime": 9, f"y{LAST}": 10})},
        "parameter_invalid",
        "totals[0].amount",
    ),
    "a year below its month": (
        {"totals": totals(**{f"y{LAST}": 9, f"y{LAST}_02": 10})},
        "parameter_invalid",
        "totals[0].amount",
    ),
    "no currency": ({"currency": "dollar"}, "parameter_invalid", "currency"),
    "no id": ({"id": ""}, "parameter_invalid", "id"),
    "a long id": ({"id": MARKER * 20}, "parameter_invalid", "id"),
    "an id of another kind": ({"id": 7}, "parameter_invalid", "id"),
    "a NUL": ({"id": "a\x00"}, "parameter_invalid", "id"),
    "an unknown field": ({"note": MARKER}, "parameter_unknown", "note"),
    "an unknown field of a total": (
        {"totals": [{"period": "lifetime", "amount": 1, "note": MARKER}]},
        "parameter_unknown",
        "totals[0].note",
    ),
}


def test_wrong_reports_are_refused_and_leave_nothing(
    platform: Platform, other_platform: Platform, account: str
) -> None:
    known = totals(**{"lifetime": 100, f"y{LAST}": 50, f"y{LAST}_01": 40})
    assert report(platform, account, "known", totals=known).status_code == 200
    before, rows = listed(platform, account), platform.server.count_rows()

    for what, (changes, code, param) in BAD.items():
        answer = report(platform, account, headers={"Idempotency-Key": "refused"}, **changes)
        assert error_of(answer) == (400, code, param), what
        assert (answer.json()["error"]["type"], MARKER in answer.text) == (INVALID, False), what
    # Against what is known already, with a message that says which.
    for sent, says in (
        (totals(lifetime=49), f"below the total of {LAST}"),
        (totals(**{f"y{LAST}": 39}), f"below the total of {LAST}-01"),
        (totals(**{f"y{LAST}": 101}), "above the total of lifetime"),
        (totals(**{f"y{LAST}_02": 51}), f"above the total of {LAST}"),
    ):
        answer = report(platform, account, totals=sent)
        assert error_of(answer) == (400, "parameter_invalid", "totals[0].amount")
        assert says in answer.json()["error"]["message"]
    for body in ({"account": "acct_0", "currency": "usd", "totals": known}, {"id": "1", "totals": known}):
        assert error_of(platform.request("POST", ACTIVITY, json=body))[1] == "parameter_missing"
    assert error_of(report(platform, "acct_none")) == (404, "not_found", None)
    assert error_of(report(other_platform, account)) == (404, "not_found", None)
    assert error_of(other_platform.request("GET", f"{ACTIVITY}?account={account}"))[:2] == (404, "not_found")
    assert error_of(platform.request("GET", ACTIVITY)) == (400, "parameter_missing", "account")
    for query, param in (("account=%00", "account"), ("account=acct_1&limit=0", "limit"), ("colour=red", "colour")):
        assert error_of(platform.request("GET", f"{ACTIVITY}?{query}"))[2] == param
    assert (listed(platform, account), platform.server.count_rows()) == (before, rows)


def test_a_closed_account_takes_no_report(platform: Platform, account: str) -> None:
    platform.sdk().v2.core.accounts.close(account, {"applied_configurations": ["recipient"]})

    assert error_of(report(platform, account)) == (400, "account_closed", None)
    assert listed(platform, account)["totals"] == []


def test_reports_are_paged(platform: Platform, account: str) -> None:
    for number in range(5):
        assert report(platform, account, f"r-{number}", totals=totals(lifetime=number)).status_code == 200

    pages, url = [], f"{ACTIVITY}?account={account}&limit=2"
    while url is not None:
        page = platform.request("GET", url).json()
        pages.append([one["id"] for one in page["data"]])
        assert page["totals"][0]["amount"] == 4
        url = page["next_page_url"]

    assert pages == [["r-4", "r-3"], ["r-2", "r-1"], ["r-0"]]


def test_the_id_of_a_report_is_stored_sealed(platform: Platform, account: str) -> None:
    assert report(platform, account, f"{MARKER} 7").json()["id"] == f"{MARKER} 7"

    stored = platform.server.fetch("SELECT t::text FROM activity_reports t WHERE account_id = $1", account)[0][0]
    engine = platform.server.engine
    found = platform.server.run(inspect(engine.database, engine.ring, account_id=account, is_opening=True))

    assert MARKER not in stored
    assert MARKER.encode().hex() not in stored
    assert found.findings == ()


def test_periods_are_those_of_the_accounts_clock(platform: Platform, account: str) -> None:
    clock = new_clock(platform)
    attach(platform, clock, account)
    ahead = CLOCK_START + timedelta(days=400)
    period = f"{ahead.year}-{ahead.month:02}"

    early = report(platform, account, totals=[{"period": period, "amount": 3}])
    assert advance(platform, clock, ahead).status_code == 200
    in_time = report(platform, account, totals=[{"period": period, "amount": 3}])

    assert error_of(early) == (400, "parameter_invalid", "totals[0].period")
    assert (in_time.status_code, in_time.json()["created"]) == (200, rfc3339(ahead))

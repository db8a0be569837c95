"""What happened to an account, in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.api.test_test_clocks import START, advance, attach, new_clock
from tests.support.samples import COMPANY, MARKER, RECIPIENT, REPRESENTATIVE
from tests.support.serving import Platform


def timeline(platform: Platform, account_id: str, query: str = "") -> Any:
    answer = platform.request("GET", f"/v2/verification/accounts/{account_id}/timeline{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(moments: list[Any]) -> list[list[str]]:
    return [[change["text"] for change in moment["changes"]] for moment in moments]


def test_a_missed_deadline_is_told_in_order(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    person = sdk.v2.core.accounts.persons.create(company.id, REPRESENTATIVE)
    clock = new_clock(platform)
    attach(platform, clock, company.id)
    sdk.v2.core.accounts.persons.delete(company.id, person.id)
    advance(platform, clock, START + timedelta(days=31))

    moments = timeline(platform, company.id)["data"]

    texts = told(moments)
    instants = [moment["at"] for moment in moments]
    assert instants == sorted(instants, reverse=True)
    flat = [text for some in texts for text in some]
    fall = flat.index("merchant.card_payments became restricted (requirements past due)")
    assert fall < flat.index("merchant.card_payments became active")
    assert moments[0]["actors"] == []  # time did it
    removal = next(moment for moment in moments if "A person was removed" in told([moment])[0])
    assert len(removal["actors"]) == 1
    # Past due at once, since payouts have never been active.
    assert "representative.given_name is past due" in told([removal])[0]
    assert texts[-1][0] == "The account was created"
    assert "A policy was assigned" in texts[-1]
    arrival = next(text for text in texts if "A person was added" in text)
    assert f"sandbox said passed to screening of {person.id}" in arrival
    assert "merchant.card_payments became active" in arrival


def test_pages_hold_every_moment_once_and_go_back(platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(RECIPIENT)
    for number in range(5):
        platform.sdk().v2.core.accounts.update(account.id, {"display_name": f"{MARKER} {number}"})
    whole = timeline(platform, account.id)["data"]
    assert len(whole) == 6

    first = timeline(platform, account.id, "?limit=2")
    second = platform.request("GET", first["next_page_url"]).json()
    third = platform.request("GET", second["next_page_url"]).json()

    assert first["data"] + second["data"] + third["data"] == whole
    assert third["next_page_url"] is None
    assert platform.request("GET", third["previous_page_url"]).json()["data"] == second["data"]
    assert MARKER not in str(whole)


def test_only_the_own_platform_reads_it(platform: Platform, other_platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(RECIPIENT)
    path = f"/v2/verification/accounts/{account.id}/timeline"

    assert other_platform.request("GET", path).status_code == 404
    assert platform.request("GET", f"{path}?colour=red").status_code == 400
    assert platform.request("GET", f"{path}?page=nonsense").json()["error"]["param"] == "page"

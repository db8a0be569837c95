"""One key, one effect."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import stripe

from tests.support.samples import ALL, BANK_ACCOUNT, BARE, COMPANY, RECIPIENT, REPRESENTATIVE
from tests.support.serving import Platform


def keyed(key: str) -> Any:
    return {"idempotency_key": key}


def test_replay_changes_nothing_and_answers_with_the_account_as_it_is_now(platform: Platform) -> None:
    accounts = platform.sdk().v2.core.accounts
    first = accounts.create(BARE, keyed("once"))
    accounts.update(first.id, {"display_name": "Later"})
    before = platform.server.count_rows()

    again = accounts.create({**BARE, "include": ["identity"]}, keyed("once"))

    assert (again.id, again.display_name) == (first.id, "Later")
    assert again.identity is not None
    assert platform.server.count_rows() == before


def test_reused_key_with_another_body_is_refused_for_good(platform: Platform) -> None:
    accounts = platform.sdk(retries=2).v2.core.accounts
    accounts.create(BARE, keyed("twice"))
    before = platform.server.count_rows()

    with pytest.raises(stripe.IdempotencyError) as refused:
        accounts.create({**BARE, "display_name": "Other"}, keyed("twice"))

    headers = refused.value.headers
    assert (refused.value.http_status, refused.value.code) == (409, "idempotency_error")
    assert headers is not None
    assert headers["Stripe-Should-Retry"] == "false"
    assert headers["Idempotency-Key"] == "twice"
    assert platform.server.count_rows() == before


def test_same_values_in_another_writing_are_the_same_request(platform: Platform) -> None:
    accounts = platform.sdk().v2.core.accounts
    first = accounts.create({**RECIPIENT, "include": ALL}, keyed("writing"))

    upper = {**RECIPIENT, "identity": {"entity_type": "individual", "country": "US"}}

    assert accounts.create(upper, keyed("writing")).id == first.id


def test_key_belongs_to_one_operation_one_platform_and_one_mode(platform: Platform, other_platform: Platform) -> None:
    first = platform.sdk().v2.core.accounts.create(BARE, keyed("shared"))
    live = platform.sdk(live=True).v2.core.accounts.create(BARE, keyed("shared"))
    foreign = other_platform.sdk().v2.core.accounts.create(BARE, keyed("shared"))
    second = platform.sdk().v2.core.accounts.create(BARE, keyed("other"))

    changed = [
        platform.sdk().v2.core.accounts.update(one.id, {"display_name": "Changed"}, keyed("shared"))
        for one in (first, second)
    ]

    assert len({first.id, live.id, foreign.id, second.id}) == 4
    assert [one.display_name for one in changed] == ["Changed", "Changed"]


def test_refused_request_leaves_its_key_free(platform: Platform) -> None:
    accounts = platform.sdk().v2.core.accounts
    with pytest.raises(stripe.InvalidRequestError):
        accounts.create({**BARE, "contact_email": "nobody"}, keyed("free"))

    assert accounts.create(BARE, keyed("free")).contact_email == BARE["contact_email"]


def test_persons_and_bank_accounts_are_made_once(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    persons = sdk.v2.core.accounts.persons
    banks = sdk.v1.accounts.external_accounts

    made = [persons.create(company.id, REPRESENTATIVE, keyed("p")).id for _ in range(2)]
    added = [banks.create(company.id, {"external_account": BANK_ACCOUNT}, keyed("b")).id for _ in range(2)]

    assert len(set(made)) == len(set(added)) == 1
    assert len(persons.list(company.id).data) == 1
    assert len(banks.list(company.id).data) == 1
    deleted = [persons.delete(company.id, made[0], options=keyed("d")) for _ in range(2)]
    assert [one.id for one in deleted] == made


def test_v1_tells_a_reused_key_in_v1s_way(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    banks = sdk.v1.accounts.external_accounts
    banks.create(company.id, {"external_account": BANK_ACCOUNT}, keyed("v1"))

    with pytest.raises(stripe.IdempotencyError) as refused:
        banks.create(company.id, {"external_account": {**BANK_ACCOUNT, "account_number": "000999999991"}}, keyed("v1"))

    assert refused.value.http_status == 400
    # The SDK reads no code from a v1 error of this type.
    assert '"code":"idempotency_error"' in str(refused.value.http_body)


def test_without_a_key_every_request_counts(platform: Platform) -> None:
    ids = {platform.request("POST", "/v2/core/accounts", json=BARE).json()["id"] for _ in range(2)}

    assert len(ids) == 2


def test_key_is_stored_nowhere_in_plain(platform: Platform) -> None:
    key = "a-key-that-names-zelmira"
    platform.sdk().v2.core.accounts.create(BARE, keyed(key))

    rows = platform.server.fetch("SELECT k::text FROM idempotency_keys k UNION ALL SELECT e::text FROM events e")

    plain = "\n".join(row[0] for row in rows)
    assert key not in plain
    assert base64.b64encode(key.encode()).decode() not in plain
    assert key.encode().hex() not in plain

"""Persons of an account."""

from __future__ import annotations

import pytest
import stripe

from tests.support.samples import COMPANY, RECIPIENT, RECIPIENT_DETAILS, REPRESENTATIVE, patched
from tests.support.serving import Platform


def test_person_is_created_changed_and_deleted(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    persons = sdk.v2.core.accounts.persons

    made = persons.create(company.id, {**REPRESENTATIVE, "metadata": {"desk": "7"}})

    assert (made.object, made.account, made.given_name) == ("v2.core.account_person", company.id, "Jenny")
    assert str(made.relationship.percent_ownership) == "60"
    assert [number.type for number in made.id_numbers] == ["us_ssn"]
    assert "value" not in made.id_numbers[0]
    assert persons.retrieve(company.id, made.id).to_dict() == made.to_dict()

    changed = persons.update(
        company.id, made.id, {"surname": "Rosenthal", "email": None, "metadata": {"desk": None, "floor": "2"}}
    )

    assert (changed.given_name, changed.surname, changed.email) == ("Jenny", "Rosenthal", None)
    assert changed.metadata.to_dict() == {"floor": "2"}

    deleted = persons.delete(company.id, made.id)

    assert deleted.id == made.id
    assert persons.list(company.id).data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        persons.retrieve(company.id, made.id)
    assert refused.value.http_status == 404


def test_deleting_the_representative_asks_for_one_again(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    person = sdk.v2.core.accounts.persons.create(company.id, REPRESENTATIVE)
    include = {"include": ["configuration.merchant", "requirements"]}
    active = sdk.v2.core.accounts.retrieve(company.id, include)
    assert active.configuration.merchant.capabilities.card_payments.status == "active"

    sdk.v2.core.accounts.persons.delete(company.id, person.id)

    now = sdk.v2.core.accounts.retrieve(company.id, include)
    (entry,) = [one for one in now.requirements.entries if one.description == "representative.given_name"]
    # Payouts were never active, so for them it is past due at once.
    assert {one.capability: one.deadline.status for one in entry.impact.restricts_capabilities} == {
        "card_payments": "currently_due",
        "stripe_balance.payouts": "past_due",
    }
    assert now.configuration.merchant.capabilities.card_payments.status == "active"


def test_shares_of_all_persons_are_counted(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY)
    persons = sdk.v2.core.accounts.persons
    first = persons.create(company.id, REPRESENTATIVE)
    second = persons.create(company.id, {"relationship": {"owner": True, "percent_ownership": "40"}})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        persons.update(company.id, second.id, {"relationship": {"percent_ownership": "40.5"}})
    persons.update(company.id, first.id, {"relationship": {"percent_ownership": "50"}})
    changed = persons.update(company.id, second.id, {"relationship": {"percent_ownership": "50"}})

    assert refused.value.code == "total_person_ownership_exceeded"
    assert str(changed.relationship.percent_ownership) == "50"


def test_individual_is_a_person_that_is_edited_both_ways_and_stays(platform: Platform) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(RECIPIENT)
    sdk.v2.core.accounts.update(account.id, RECIPIENT_DETAILS)
    persons = sdk.v2.core.accounts.persons
    (person,) = persons.list(account.id).data

    persons.update(account.id, person.id, {"surname": "Rosenthal"})

    now = sdk.v2.core.accounts.retrieve(account.id, {"include": ["identity"]})
    assert (now.identity.individual.id, now.identity.individual.surname) == (person.id, "Rosenthal")
    with pytest.raises(stripe.InvalidRequestError):
        persons.delete(account.id, person.id)
    with pytest.raises(stripe.InvalidRequestError) as second:
        persons.create(account.id, patched(REPRESENTATIVE, given_name="Another"))
    assert second.value.code == "individual_additional_person_not_allowed"


def test_person_of_one_account_is_not_found_on_another(platform: Platform) -> None:
    sdk = platform.sdk()
    first, second = sdk.v2.core.accounts.create(COMPANY), sdk.v2.core.accounts.create(COMPANY)
    person = sdk.v2.core.accounts.persons.create(first.id, REPRESENTATIVE)

    for refused in (
        platform.request("GET", f"/v2/core/accounts/{second.id}/persons/{person.id}"),
        platform.request("POST", f"/v2/core/accounts/{second.id}/persons/{person.id}", json={"surname": "X"}),
        platform.request("DELETE", f"/v2/core/accounts/{second.id}/persons/{person.id}"),
    ):
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")

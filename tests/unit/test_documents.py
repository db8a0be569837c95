"""Documents hold exactly what the official SDK's classes have, and nothing that is write-only."""

from __future__ import annotations

import inspect
import types
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

import pytest
import stripe
from stripe import StripeObject
from stripe.v2.core import Account, AccountPerson

from onboarding.documents import account_document, bank_account_document, person_document, rfc3339, select

CREATED = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)
ACTIVE = {"status": "active", "status_details": []}
# Where the SDK's responses say "any string", the account's own words.
_ANY_MAP = {"key": "value"}


def _keys(cls: type[StripeObject]) -> dict[str, Any]:
    hints = inspect.get_annotations(cls)
    own: Any = ClassVar
    return {name: hint for name, hint in hints.items() if get_origin(hint) is not own and not name.startswith("_")}


def _class_of(hint: Any) -> type[StripeObject] | None:
    if inspect.isclass(hint) and issubclass(hint, StripeObject):
        return hint if _keys(hint) else None
    return next((found for part in get_args(hint) if (found := _class_of(part)) is not None), None)


def _sample(hint: Any) -> Any:
    """A value of one of the SDK's response types, with every key that it has."""
    if (cls := _class_of(hint)) is not None and hint is cls:
        return {name: _sample(part) for name, part in _keys(cls).items()}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return arguments[0]
    if origin in {Union, types.UnionType}:
        return _sample(next(part for part in arguments if part is not type(None)))
    if origin is list:
        return [_sample(arguments[0])]
    if hint in {str, int, bool}:
        return {str: "text", int: 7, bool: True}[hint]
    # A share is a string on the wire; what is left are maps.
    return "12.5" if hint is Decimal else dict(_ANY_MAP)


def _differences(cls: type[StripeObject], document: Any, path: str = "") -> list[str]:
    """Where a document lacks a key of the SDK's class, or holds null where the class does not."""
    found: list[str] = []
    for name, hint in _keys(cls).items():
        here = f"{path}{name}"
        if name not in document:
            found.append(f"{here} is absent")
            continue
        value, inner = document[name], _class_of(hint)
        if value is None and type(None) not in get_args(hint):
            found.append(f"{here} is null")
        for part in value if isinstance(value, list) else [value]:
            if inner is not None and isinstance(part, dict):
                found += _differences(inner, part, f"{here}.")
    return found


def _names(tree: dict[str, Any], prefix: str) -> list[str]:
    return [
        name
        for key, node in tree.items()
        for name in ([f"{prefix}.{key}"] if "status" in node else _names(node, f"{prefix}.{key}"))
    ]


FULL: dict[str, Any] = _sample(Account)
FULL_PERSON: dict[str, Any] = _sample(AccountPerson)
CAPABILITIES = {
    name: ACTIVE
    for configuration, part in FULL["configuration"].items()
    for name in _names(part["capabilities"], configuration)
}


def _account(values: dict[str, Any], **parts: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "individual": None,
        "capabilities": {},
        "requirements": {"entries": [], "summary": None, "alternatives": []},
        "future_requirements": {"entries": [], "summary": None, "alternatives": []},
        **parts,
    }
    return account_document(id="acct_1", created=CREATED, livemode=False, closed=False, values=values, **given)


def _full_account() -> dict[str, Any]:
    return _account(
        FULL,
        individual=_person(FULL_PERSON),
        capabilities=CAPABILITIES,
        requirements=FULL["requirements"],
        future_requirements=FULL["future_requirements"],
    )


def _person(values: dict[str, Any]) -> dict[str, Any]:
    return person_document(
        id="person_1", account="acct_1", created=CREATED, updated=CREATED, livemode=False, values=values
    )


def test_a_full_account_has_every_key_and_every_value_of_the_sdk_s_class() -> None:
    document = _full_account()

    assert _differences(Account, document) == []
    for configuration, part in FULL["configuration"].items():
        expected = {key: value for key, value in part.items() if key != "capabilities"}
        assert {key: document["configuration"][configuration][key] for key in expected} == expected
    for section in ("attestations", "business_details"):
        expected = FULL["identity"][section]
        assert document["identity"][section] == expected
    assert document["requirements"] == FULL["requirements"]
    assert document["future_requirements"] == FULL["future_requirements"]
    assert {key: document["defaults"][key] for key in ("currency", "locales", "payout_methods", "profile")} == {
        key: FULL["defaults"][key] for key in ("currency", "locales", "payout_methods", "profile")
    }


def test_every_capability_of_the_sdk_has_its_place() -> None:
    document = _full_account()

    for name in CAPABILITIES:
        configuration, *path = name.split(".")
        found = document["configuration"][configuration]["capabilities"]
        for part in path:
            found = found[part]
        assert found == ACTIVE


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"configuration": {"customer": {}, "merchant": {}, "recipient": {}}},
        {"configuration": {"customer": {"billing": {"invoice": {"footer": "x"}}}}},
        {"identity": {"country": "US", "business_details": {"address": {"city": "Bonn"}}}},
    ],
)
def test_an_account_with_gaps_has_every_nullable_key(values: dict[str, Any]) -> None:
    assert _differences(Account, _account(values)) == []


def test_the_official_sdk_reads_an_empty_account_attribute_by_attribute() -> None:
    account: Any = Account.construct_from(_account({"configuration": {"merchant": {}}}), "sk_test_1")

    assert account.identity.business_details is None
    assert account.configuration.merchant.capabilities.card_payments is None
    assert account.configuration.recipient is None
    assert account.requirements.entries == []
    assert account.future_requirements.minimum_transition_date is None


def test_an_object_that_holds_nothing_is_null() -> None:
    never, unset = _account({}), _account({"identity": {"business_details": {"address": {}}, "attestations": {}}})

    assert never == unset
    assert never["identity"] == {
        "attestations": None,
        "business_details": None,
        "country": None,
        "entity_type": None,
        "individual": None,
    }


def test_write_only_values_are_in_no_document() -> None:
    numbers = [{"type": "us_ein", "value": "planted-marker", "registrar": None}]
    account = _account({"identity": {"business_details": {"id_numbers": numbers}}})
    person = _person({"id_numbers": [{"type": "us_ssn", "value": "planted-marker"}]})

    assert "planted-marker" not in f"{account}{person}"
    assert account["identity"]["business_details"]["id_numbers"] == [{"registrar": None, "type": "us_ein"}]
    assert person["id_numbers"] == [{"type": "us_ssn"}]


def test_always_present_fields_are_as_the_contract_writes_them() -> None:
    values = {
        "display_name": "Furever",
        "dashboard": "none",
        "configuration": {"recipient": {}, "customer": {"applied": False}, "merchant": {"applied": True}},
        "defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}},
    }
    document = _account(values, capabilities={"merchant.stripe_balance.payouts": ACTIVE, "merchant.own": ACTIVE})
    merchant = document["configuration"]["merchant"]["capabilities"]

    assert document["created"] == "2026-01-02T03:04:05.678Z"
    assert document["applied_configurations"] == ["merchant", "recipient"]
    assert document["configuration"]["customer"]["applied"] is False
    assert document["metadata"] == {}
    assert document["defaults"]["responsibilities"]["requirements_collector"] == "application"
    assert (merchant["stripe_balance"], merchant["own"]) == ({"payouts": ACTIVE}, ACTIVE)
    assert merchant["card_payments"] is None


def test_what_was_not_asked_for_is_null() -> None:
    document = _full_account()
    plain = select(document, [])
    some = select(document, ["configuration.merchant", "identity"])

    sections = ("configuration", "defaults", "future_requirements", "identity", "requirements")
    assert {plain[section] for section in sections} == {None}
    assert {key: plain[key] for key in plain if key not in sections} == {
        key: document[key] for key in document if key not in sections
    }
    assert some["identity"] == document["identity"]
    assert some["configuration"] == {
        "customer": None,
        "merchant": document["configuration"]["merchant"],
        "recipient": None,
    }
    assert (some["requirements"], some["defaults"]) == (None, None)


def test_asking_for_everything_is_the_whole_document() -> None:
    document = _full_account()
    everything = [
        "configuration.customer",
        "configuration.merchant",
        "configuration.recipient",
        "defaults",
        "future_requirements",
        "identity",
        "requirements",
    ]

    assert select(document, everything) == document


def test_documents_share_nothing_mutable_with_the_values() -> None:
    values = {"defaults": {"locales": ["de"]}, "metadata": {"a": "1"}}
    document = _account(values)
    document["defaults"]["locales"].append("fr")
    document["metadata"]["b"] = "2"

    assert values == {"defaults": {"locales": ["de"]}, "metadata": {"a": "1"}}


@pytest.mark.parametrize("values", [FULL_PERSON, {}, {"documents": {"passport": {"type": "files", "files": ["f"]}}}])
def test_a_person_has_every_key_of_the_sdk_s_class(values: dict[str, Any]) -> None:
    document = _person(values)

    assert _differences(AccountPerson, document) == []
    computed = {"id", "object", "account", "created", "updated", "livemode", "metadata"}
    if values is FULL_PERSON:
        assert {key: document[key] for key in document if key not in computed} == {
            key: FULL_PERSON[key] for key in FULL_PERSON if key not in computed
        }


def test_the_official_sdk_reads_a_share_as_a_decimal() -> None:
    document = _person({"relationship": {"percent_ownership": "25.5", "owner": True}})
    person: Any = AccountPerson.construct_from(document, "sk_test_1")

    assert document["relationship"]["percent_ownership"] == "25.5"
    assert document["relationship"]["director"] is None
    assert Decimal(person.relationship.percent_ownership) == Decimal("25.5")


def test_a_bank_account_is_v1_s_and_hides_its_number() -> None:
    values = {
        "account_number": "000123456789",
        "account_holder_name": "Jenny Rosen",
        "country": "US",
        "currency": "usd",
        "routing_number": "110000000",
        "metadata": {"a": "1"},
    }
    document = bank_account_document(
        id="ba_1", account="acct_1", values=values, last4="6789", fingerprint="fp_1", default_for_currency=True
    )

    assert _differences(stripe.BankAccount, document) == ["deleted is absent"]
    assert "000123456789" not in str(document)
    assert {key: document[key] for key in ("object", "account", "last4", "status", "country", "currency")} == {
        "object": "bank_account",
        "account": "acct_1",
        "last4": "6789",
        "status": "new",
        "country": "US",
        "currency": "usd",
    }


def test_times_are_utc_with_milliseconds() -> None:
    assert rfc3339(datetime(2026, 1, 2, 1, 0, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-01T23:00:00.000Z"
    assert rfc3339(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00.000Z"
    with pytest.raises(ValueError, match="zone"):
        rfc3339(datetime(2026, 1, 2))  # noqa: DTZ001 -- a naive time is the point

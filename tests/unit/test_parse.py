"""What a request may say, and how it is refused."""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from stripe.params.v2.core import (
    AccountCloseParams,
    AccountCreateParams,
    AccountTokenCreateParams,
    AccountUpdateParams,
)
from stripe.params.v2.core.accounts import PersonCreateParams, PersonTokenCreateParams, PersonUpdateParams
from stripe.params.v2.core.vault import (
    GbBankAccountCreateParams,
    UsBankAccountConfirmMicrodepositsParams,
    UsBankAccountCreateParams,
    UsBankAccountUpdateParams,
)
from typing_extensions import is_typeddict

from api.schemas.accounts import AccountClose, AccountCreate, AccountUpdate
from api.schemas.bank_accounts import BankAccountCreate
from api.schemas.parse import parse, parse_fields, parse_form
from api.schemas.persons import PersonCreate, PersonUpdate
from api.schemas.queries import AccountsPage, Page, accounts_page, includes, list_param, no_query, page
from api.schemas.tokens import AccountTokenCreate, PersonTokenCreate
from api.schemas.vault import GbBankAccountCreate, MicrodepositsConfirm, UsBankAccountCreate, UsBankAccountUpdate
from onboarding.domain.errors import Refusal

# What no type says: the form of a string.
_TEXTS = {
    "country": "DE",
    "currency": "eur",
    "date": "2026-01-02T03:04:05.000Z",
    "fiscal_year_end": "2026-12-31",
    "nationalities": "DE",
    "percent_ownership": "12.5",
    "primary_color": "#336699",
    "secondary_color": "#abcdef",
}


def _sample(hint: Any, name: str) -> Any:  # noqa: PLR0911 -- one case for each construct of the SDK's types
    """A value of one of the SDK's parameter types, with every key that it has."""
    if is_typeddict(hint):
        return {key: _sample(part, key) for key, part in get_type_hints(hint).items()}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return arguments[0]
    if origin in {Union, types.UnionType}:
        return _sample(next(part for part in arguments if part is not type(None)), name)
    if origin is list:
        return [_sample(arguments[0], name)]
    if origin is dict:
        return {"eur" if name == "payout_methods" else "key": "value"}
    if name in _TEXTS:
        return _TEXTS[name]
    return {bool: True, int: 7, str: "text"}[hint]


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (AccountCreate, AccountCreateParams),
        (AccountUpdate, AccountUpdateParams),
        (AccountClose, AccountCloseParams),
        (PersonCreate, PersonCreateParams),
        (PersonUpdate, PersonUpdateParams),
        (AccountTokenCreate, AccountTokenCreateParams),
        (PersonTokenCreate, PersonTokenCreateParams),
        (UsBankAccountCreate, UsBankAccountCreateParams),
        (UsBankAccountUpdate, UsBankAccountUpdateParams),
        (GbBankAccountCreate, GbBankAccountCreateParams),
        (MicrodepositsConfirm, UsBankAccountConfirmMicrodepositsParams),
    ],
)
def test_every_parameter_of_the_official_sdk_is_accepted_unchanged(model: type[BaseModel], parameters: Any) -> None:
    sample = _sample(parameters, "")

    assert parse(model, orjson.dumps(sample)) == sample


def _parameters_of(hint: Any) -> Any:
    """The TypedDict inside an SDK parameter's type, or None."""
    if is_typeddict(hint):
        return hint
    return next((found for part in get_args(hint) if (found := _parameters_of(part)) is not None), None)


def _model_of(hint: Any) -> type[BaseModel] | None:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint
    return next((found for part in get_args(hint) if (found := _model_of(part)) is not None), None)


def _surplus(model: type[BaseModel], parameters: Any, path: str = "") -> list[str]:
    hints = get_type_hints(parameters)
    found = [f"{path}{name}" for name in model.model_fields if name not in hints]
    for name, field in model.model_fields.items():
        inner, theirs = _model_of(field.annotation), _parameters_of(hints.get(name))
        if inner is not None and theirs is not None:
            found += _surplus(inner, theirs, f"{path}{name}.")
    return found


def test_no_parameter_is_accepted_that_the_official_sdk_does_not_have() -> None:
    assert _surplus(AccountUpdate, AccountUpdateParams) == []
    assert _surplus(PersonUpdate, PersonUpdateParams) == []
    assert _surplus(AccountTokenCreate, AccountTokenCreateParams) == []
    assert _surplus(PersonTokenCreate, PersonTokenCreateParams) == []
    assert _surplus(UsBankAccountCreate, UsBankAccountCreateParams) == []
    assert _surplus(UsBankAccountUpdate, UsBankAccountUpdateParams) == []
    assert _surplus(GbBankAccountCreate, GbBankAccountCreateParams) == []
    assert sorted(_surplus(AccountCreate, AccountCreateParams)) == sorted(AccountCreate.update_only)


def _refused(model: type[BaseModel], body: Any) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refused:
        parse(model, body if isinstance(body, bytes) else json.dumps(body).encode())
    assert refused.value.type == "invalid_request_error"
    assert refused.value.__cause__ is None
    return refused.value.code, refused.value.param


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{", "invalid_json", None),
        (b"[]", "invalid_json", None),
        (b'"text"', "invalid_json", None),
        (b'{"display_name": NaN}', "invalid_json", None),
        (b"\xff", "invalid_json", None),
        ({"nope": 1}, "parameter_unknown", "nope"),
        ({"account_token": None}, "parameter_invalid", "account_token"),
        ({"configuration": {"storer": {}}}, "parameter_unknown", "configuration.storer"),
        ({"configuration": {"merchant": {"applied": True}}}, "parameter_unknown", "configuration.merchant.applied"),
        ({"defaults": {"payout_methods": {"usd": "x"}}}, "parameter_unknown", "defaults.payout_methods"),
        ({"dashboard": "half"}, "parameter_invalid", "dashboard"),
        ({"display_name": 5}, "parameter_invalid", "display_name"),
        ({"display_name": "x" * 5001}, "parameter_invalid", "display_name"),
        ({"display_name": "a\x00b"}, "parameter_invalid", "display_name"),
        ({"include": ["identity", "persons"]}, "parameter_invalid", "include[1]"),
        ({"configuration": {"merchant": None}}, "parameter_invalid", "configuration.merchant"),
        ({"identity": {"individual": None}}, "parameter_invalid", "identity.individual"),
        ({"identity": {"country": "USA"}}, "parameter_invalid", "identity.country"),
        (
            {"defaults": {"responsibilities": {"fees_collector": "stripe"}}},
            "parameter_missing",
            "defaults.responsibilities.losses_collector",
        ),
        (
            {"identity": {"business_details": {"id_numbers": [{"type": "us_ein", "value": "1"}, {"type": "us_ein"}]}}},
            "parameter_missing",
            "identity.business_details.id_numbers[1].value",
        ),
        (
            {"identity": {"attestations": {"terms_of_service": {"account": {"date": "2026-01-02T03:04:05Z"}}}}},
            "parameter_missing",
            "identity.attestations.terms_of_service.account.ip",
        ),
        (
            {"identity": {"attestations": {"ownership_declaration": {"date": "2026-01-02"}}}},
            "parameter_invalid",
            "identity.attestations.ownership_declaration.date",
        ),
        (
            {"configuration": {"merchant": {"capabilities": {"card_payments": {"requested": "yes"}}}}},
            "parameter_invalid",
            "configuration.merchant.capabilities.card_payments.requested",
        ),
        (
            {"configuration": {"merchant": {"capabilities": {"card_payments": {"requested": True, "x": 1}}}}},
            "parameter_unknown",
            "configuration.merchant.capabilities.card_payments.x",
        ),
        (
            {"configuration": {"recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": True}}}}},
            "parameter_invalid",
            "configuration.recipient.capabilities.stripe_balance.stripe_transfers",
        ),
        (
            {"configuration": {"merchant": {"capabilities": {"requested": True}}}},
            "parameter_unknown",
            "configuration.merchant.capabilities.requested",
        ),
        ({"metadata": {"a": 1}}, "parameter_invalid", "metadata.a"),
        ({"metadata": {"a": "x" * 501}}, "parameter_invalid", "metadata.a"),
        ({"metadata": {"x" * 41: "a"}}, "parameter_invalid", "metadata"),
        ({"metadata": {str(n): "a" for n in range(51)}}, "parameter_invalid", "metadata"),
        (
            {"identity": {"business_details": {"estimated_worker_count": 1.5}}},
            "parameter_invalid",
            "identity.business_details.estimated_worker_count",
        ),
    ],
)
def test_a_refusal_names_the_exact_parameter(body: Any, code: str, param: str | None) -> None:
    assert _refused(AccountCreate, body) == (code, param)


@pytest.mark.parametrize("field", ["display_name", "contact_email", "dashboard", "include"])
def test_no_message_repeats_a_value_of_the_request(field: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(AccountCreate, orjson.dumps({field: {"planted-marker": "planted-marker"}}))

    assert "planted-marker" not in f"{refused.value.message} {refused.value}"


def test_only_what_was_sent_is_returned_and_null_stays() -> None:
    body = {
        "display_name": None,
        "metadata": {"a": None},
        "identity": {"country": "us", "business_details": {"address": None}},
        "configuration": {"merchant": {"capabilities": {"own_capability": {"requested": True}, "card_payments": {}}}},
    }

    assert parse(AccountUpdate, orjson.dumps(body)) == {**body, "identity": {**body["identity"], "country": "US"}}  # type: ignore[dict-item]  # a JSON object
    assert parse(AccountUpdate, b"") == {}


def test_an_update_may_say_what_a_creation_may_not() -> None:
    body = {"configuration": {"merchant": {"applied": False}}, "defaults": {"payout_methods": {"usd": None}}}

    assert parse(AccountUpdate, orjson.dumps(body)) == body


@pytest.mark.parametrize(
    ("sent", "stored"),
    [(25, "25"), (25.5, "25.5"), ("25.50", "25.5"), ("100", "100"), (1e-3, "0.001"), (0, "0"), ("-0.0", "0")],
)
def test_a_share_is_kept_as_a_canonical_string(sent: Any, stored: str) -> None:
    parsed = parse(PersonCreate, orjson.dumps({"relationship": {"percent_ownership": sent}}))

    assert parsed == {"relationship": {"percent_ownership": stored}}


@pytest.mark.parametrize("sent", ["", "many", "NaN", "Infinity", "1e999999", True, [], "1" * 30])
def test_what_is_no_share_is_refused(sent: Any) -> None:
    assert _refused(PersonCreate, {"relationship": {"percent_ownership": sent}}) == (
        "parameter_invalid",
        "relationship.percent_ownership",
    )


def test_a_person_of_an_individual_account_has_no_role_towards_others() -> None:
    body = {"identity": {"individual": {"relationship": {"representative": True}}}}

    assert _refused(AccountCreate, body) == ("parameter_unknown", "identity.individual.relationship.representative")
    assert _refused(PersonCreate, {"person_token": 1}) == ("parameter_invalid", "person_token")


def test_times_are_kept_in_utc_with_milliseconds() -> None:
    account = {"date": "2026-01-02T03:04:05.123456+02:00", "ip": "192.0.2.1"}
    parsed = parse(PersonCreate, orjson.dumps({"additional_terms_of_service": {"account": account}}))

    assert parsed["additional_terms_of_service"]["account"]["date"] == "2026-01-02T01:04:05.123Z"


@given(st.binary())
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    codes = {"invalid_json", "parameter_unknown", "parameter_invalid"}

    assert _outcome(lambda: parse(AccountUpdate, raw)) in {"parsed", *codes}
    assert _outcome(lambda: parse_form(raw)) in {"parsed", *codes}


def _outcome(parser: Callable[[], dict[str, Any]]) -> str:
    try:
        parser()
    except Refusal as refusal:
        return refusal.code
    return "parsed"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", {}),
        (b"a=1&b=", {"a": "1", "b": ""}),
        (b"a[b][c]=x&a[b][d]=y", {"a": {"b": {"c": "x", "d": "y"}}}),
        (b"a%5B0%5D=x&a%5B1%5D=y", {"a": ["x", "y"]}),
        (b"a[10]=y&a[9]=x", {"a": ["x", "y"]}),
        (b"a[]=x&a[]=y", {"a": ["x", "y"]}),
        (b"a[0][b]=x&a[1][b]=y", {"a": [{"b": "x"}, {"b": "y"}]}),
        (b"a=1&a=2", {"a": "2"}),
        (b"a=%C3%A4+b", {"a": "ä b"}),
    ],
)
def test_a_form_is_decoded_as_the_sdk_encodes_it(raw: bytes, expected: dict[str, Any]) -> None:
    assert parse_form(raw) == expected


@pytest.mark.parametrize("raw", [b"a=1&a[b]=2", b"a[b]=1&a=2", b"a[b=1", b"[a]=1", b"a[b]c=1", b"a[[b]]=1", b"\xff=1"])
def test_a_form_that_contradicts_itself_is_refused(raw: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        parse_form(raw)

    assert refused.value.code == "parameter_invalid"


def _bank_account(raw: bytes) -> dict[str, Any]:
    return parse_fields(BankAccountCreate, parse_form(raw))


def test_an_external_account_is_a_token_or_a_bank_account() -> None:
    details = b"&".join(
        [
            b"external_account[object]=bank_account",
            b"external_account[country]=us",
            b"external_account[currency]=USD",
            b"external_account[account_number]=000123456789",
            b"external_account[routing_number]=110000000",
            b"external_account[account_holder_name]=",
            b"metadata[a]=1&metadata[b]=",
            b"default_for_currency=true&expand[0]=account",
        ]
    )

    assert _bank_account(b"external_account=btok_us") == {"external_account": "btok_us"}
    assert _bank_account(details) == {
        "default_for_currency": True,
        "expand": ["account"],
        "external_account": {
            "object": "bank_account",
            "country": "US",
            "currency": "usd",
            "account_number": "000123456789",
            "routing_number": "110000000",
            "account_holder_name": None,
        },
        "metadata": {"a": "1", "b": None},
    }


@pytest.mark.parametrize(
    ("raw", "code", "param"),
    [
        (b"", "parameter_missing", "external_account"),
        (
            b"external_account[object]=bank_account&external_account[country]=US",
            "parameter_missing",
            "external_account.account_number",
        ),
        (
            b"external_account[object]=card&external_account[country]=US&external_account[account_number]=1",
            "parameter_invalid",
            "external_account.object",
        ),
        (b"external_account=btok_us&x=1", "parameter_unknown", "x"),
        (b"external_account=btok_us&default_for_currency=maybe", "parameter_invalid", "default_for_currency"),
    ],
)
def test_an_external_account_s_refusal_names_the_parameter(raw: bytes, code: str, param: str) -> None:
    with pytest.raises(Refusal) as refused:
        _bank_account(raw)

    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize(
    "items",
    [
        [("include[0]", "identity"), ("include[1]", "defaults")],
        [("include[1]", "defaults"), ("include[0]", "identity")],
        [("include[]", "identity"), ("include[]", "defaults")],
        [("include", "identity"), ("include", "defaults")],
        [("include", "defaults"), ("include[0]", "identity")],
    ],
)
def test_a_query_array_is_read_in_every_way_it_is_written(items: list[tuple[str, str]]) -> None:
    assert list_param(items, "include") == ["identity", "defaults"]
    assert includes(items) == ["identity", "defaults"]


def test_queries_of_lists_are_read() -> None:
    items = [("applied_configurations[0]", "merchant"), ("closed", "true"), ("limit", "5"), ("page", "tok")]

    assert accounts_page(items) == AccountsPage(5, "tok", ("merchant",), closed=True)
    assert accounts_page([]) == AccountsPage(20, None, (), closed=False)
    assert page([("limit", "100")]) == Page(100, None)
    no_query([])


@pytest.mark.parametrize(
    ("query", "items", "code", "param"),
    [
        (includes, [("include[0]", "identity"), ("include[1]", "x")], "parameter_invalid", "include[1]"),
        (includes, [("expand[0]", "x")], "parameter_unknown", "expand[0]"),
        (accounts_page, [("include[0]", "identity")], "parameter_unknown", "include[0]"),
        (accounts_page, [("closed", "maybe")], "parameter_invalid", "closed"),
        (accounts_page, [("applied_configurations[]", "x")], "parameter_invalid", "applied_configurations[0]"),
        (accounts_page, [("limit[0]", "1")], "parameter_unknown", "limit[0]"),
        (page, [("limit", "101")], "parameter_invalid", "limit"),
        (page, [("limit", "0")], "parameter_invalid", "limit"),
        (page, [("limit", "ten")], "parameter_invalid", "limit"),
        (no_query, [("x", "1")], "parameter_unknown", "x"),
    ],
)
def test_a_query_s_refusal_names_the_parameter(query: Any, items: list[tuple[str, str]], code: str, param: str) -> None:
    with pytest.raises(Refusal) as refused:
        query(items)

    assert (refused.value.code, refused.value.param) == (code, param)

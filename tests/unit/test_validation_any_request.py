"""Whatever parses is accepted or refused: no request makes validation, leaves or documents fail."""

from __future__ import annotations

import random
import types
from datetime import UTC, datetime
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from stripe.params.v2.core import AccountUpdateParams
from typing_extensions import is_typeddict

from api.schemas.accounts import AccountUpdate
from api.schemas.parse import parse
from onboarding.documents import account_document, person_document
from onboarding.domain.errors import Refusal
from onboarding.shape import account_leaves, person_leaves
from onboarding.validation import validate_account, validate_person
from onboarding.validation.objects import nothing_exempt
from onboarding.values import merge, split_individual

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
_ODD = (
    *("", " ", "\u202e", "٣٤٥", "00", "123456789", "https://[", "http://a:99999", "xn--", "+1", "a@b", "ß", "😀"),
    *(
        "file_1",
        "us_ein",
        "us_ssn",
        "\U000e0001",
        "1" * 300,
        "a.b",
        "::1",
        "kana",
        "カナ",
        "1e5",
        "-",
        "private_company",
    ),
)
# Sparse requests get further before something in them is refused.
_DENSITY = 0.25
_WELL_FORMED = {
    "country": ("US", "GB", "DE", "JP", "TV"),
    "currency": ("usd",),
    "date": ("2026-01-02T03:04:05Z",),
    "fiscal_year_end": ("2026-12-31",),
    "nationalities": ("DE",),
    "percent_ownership": ("0", "-1", "100", "1e3"),
    "legal_gender": ("female",),
    "locales": ("de",),
    "political_exposure": ("none",),
    "primary_color": ("#000000",),
    "secondary_color": ("#ffffff",),
    "entity_type": ("company", "individual", "?"),
}


def _request(hint: Any, chance: random.Random, name: str = "") -> Any:  # noqa: PLR0911 -- one case for each of its types
    """A request with any of the keys that the official SDK has."""
    if name == "capabilities":
        return {"card_payments": {"requested": chance.random() < 0.5}}
    if is_typeddict(hint):
        keys = {key: part for key, part in get_type_hints(hint).items() if key != "account_token"}
        sent = [key for key in keys if key in hint.__required_keys__ or chance.random() < _DENSITY]
        return {key: _request(keys[key], chance, key) for key in sent}
    origin, arguments = get_origin(hint), get_args(hint)
    if name in _WELL_FORMED and origin is not list:
        return chance.choice(_WELL_FORMED[name])
    if origin is Literal:
        return chance.choice(arguments)
    if origin in {Union, types.UnionType}:
        if str in arguments and len(get_args(arguments[0])) > 1 and chance.random() < 0.5:
            return chance.choice(_ODD)
        return _request(arguments[0], chance, name)
    if origin is list:
        return [_request(arguments[0], chance, name) for _ in range(chance.randrange(3))]
    if origin is dict:
        return {"eur": "x"} if name == "payout_methods" else {"key": chance.choice([None, "x"])}
    return {bool: chance.random() < 0.5, int: chance.randrange(100), str: chance.choice(_ODD)}[hint]


@settings(max_examples=300)
@given(st.integers(min_value=0))
def test_any_two_requests_in_a_row_are_accepted_or_refused(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- no secret
    account: dict[str, Any] = {}
    person: dict[str, Any] = {}
    for _ in range(2):
        body = _request(AccountUpdateParams, chance)
        account_patch, person_patch = split_individual(parse(AccountUpdate, orjson.dumps(body)))
        account_patch.pop("include", None)
        after, person_after = merge(account, account_patch), merge(person, person_patch or {})
        outcome = _outcome(account_patch, account, after, person_patch or {}, person, person_after)
        account, person = after, person_after

        assert outcome is None or outcome.islower()
        assert all(account_leaves(account).values())
        assert all(person_leaves(person).values())
        assert _documents(account, person) == _documents(merge({}, account), merge({}, person))


def _outcome(
    account_patch: dict[str, Any],
    account: dict[str, Any],
    after: dict[str, Any],
    person_patch: dict[str, Any],
    person: dict[str, Any],
    person_after: dict[str, Any],
) -> str | None:
    try:
        validate_person(person_patch, person, person_after, [], after, as_of=AS_OF, exempt=nothing_exempt)
        validate_account(
            account_patch,
            account,
            after,
            livemode=True,
            creating=False,
            was_active=False,
            as_of=AS_OF,
            exempt=nothing_exempt,
        )
    except Refusal as refusal:
        return refusal.code
    return None


def _documents(account: dict[str, Any], person: dict[str, Any]) -> dict[str, Any]:
    return account_document(
        id="acct_1",
        created=AS_OF,
        livemode=True,
        closed=False,
        values=account,
        individual=person_document(
            id="person_1", account="acct_1", created=AS_OF, updated=AS_OF, livemode=True, values=person
        ),
        capabilities={},
        requirements={},
        future_requirements={},
    )

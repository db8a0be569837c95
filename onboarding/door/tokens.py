"""Using a token: its values become a change of an account in the transaction that uses the token up.

::

    accttok_…   values of an account, but for its country      POST /v2/core/account_tokens
    perstok_…   values of a person of one account              POST /v2/core/accounts/{id}/person_tokens
    btok_…      a bank account, in v1's words                  POST /v1/tokens
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import orjson

from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.ids import Prefix
from onboarding.storage import tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from onboarding.crypto import KeyRing
    from onboarding.door.callers import Caller
    from onboarding.door.door import Change
    from onboarding.storage.database import Transaction
    from onboarding.storage.rows import TokenRow

Values = dict[str, Any]

LIFETIME = timedelta(minutes=10)
"""How long a token can be used: that of the contract's samples (Accounts v2 contract, account token)."""

PURPOSE = "token"
"""What the platform's keys seal a token's values for."""


class TokenKind(StrEnum):
    """What a token stands for."""

    ACCOUNT = "account"
    PERSON = "person"
    BANK_ACCOUNT = "bank_account"


PREFIXES: dict[TokenKind, Prefix] = {
    TokenKind.ACCOUNT: "accttok_",
    TokenKind.PERSON: "perstok_",
    TokenKind.BANK_ACCOUNT: "btok_",
}
PARAMS = {
    TokenKind.ACCOUNT: "account_token",
    TokenKind.PERSON: "person_token",
    TokenKind.BANK_ACCOUNT: "external_account",
}
"""The parameter that takes a token of each kind."""

_V1_PREFIXES = ("btok_", "ct_", "cpt_", "pii_", "tok_")


MANDATORY = {
    "FR": "Stripe docs, account tokens: mandatory for platforms in France (Accounts v2 contract, tokens)",
}
"""Countries of platforms that must not see these values, each with the source: there, only tokens bring them."""

_ALONGSIDE = {
    TokenKind.ACCOUNT: frozenset({"account_token", "configuration", "dashboard", "defaults", "include", "metadata"}),
    TokenKind.PERSON: frozenset({"person_token", "metadata"}),
}
"""What a request itself says. All else is what tokens hold; but no token holds the account's country."""

_COUNTRY = "country"


def beside_token(kind: TokenKind, caller: Caller, params: Values) -> Values | None:
    """What a request about an account or a person says beside its token; None where it has none.

    Raises:
        Refusal: ``param_alongside_account_token``, ``param_alongside_person_token``; ``account_token_required`` or
            ``person_token_required``, where the platform's country has only tokens bring such values.
    """
    name = PARAMS[kind]
    held = [path for path in params if path not in _ALONGSIDE[kind] and path != "identity"]
    held += [f"identity.{path}" for path in params.get("identity") or {} if path != _COUNTRY]
    if name not in params:
        if held and caller.country in MANDATORY:
            raise Refusal(
                f"{name}_required",
                "A platform in this country must send this in a token.",
                param=min(held),
            )
        return None
    if held:
        raise Refusal(
            f"param_alongside_{name}", "This can't be sent beside a token: the token holds it.", param=min(held)
        )
    return {path: value for path, value in params.items() if path != name}


def sealed_values(ring: KeyRing, platform_id: str, token_id: str, values: Values) -> bytes:
    """A new token's values as its row holds them."""
    return ring.seal_platform(orjson.dumps(values), platform=platform_id, purpose=PURPOSE, ref=token_id)


def opened_values(ring: KeyRing, row: TokenRow) -> Values | None:
    """What a token holds; None once it was used or has expired."""
    if row.sealed is None:
        return None
    values: Values = orjson.loads(ring.open_platform(row.sealed, platform=row.platform_id, purpose=PURPOSE, ref=row.id))
    return values


def bank_account_of(token_id: str) -> str:
    """The id that the bank account of a token has, and keeps: that of the token, but for what it begins with."""
    return f"ba_{token_id.removeprefix(PREFIXES[TokenKind.BANK_ACCOUNT])}"


@dataclass(frozen=True, slots=True)
class UseToken:
    """A change whose values a token holds.

    Attributes:
        token_id: as the caller sent it.
        kind: what it must stand for.
        caller: whose it must be.
        account_id: the account that a person's token must be for; None for the other kinds.
        change: makes the change of the token's values.
    """

    token_id: str = field(repr=False)
    kind: TokenKind
    caller: Caller
    account_id: str | None
    change: Callable[[Values], Change] = field(repr=False)

    async def draw(self, tx: Transaction, ring: KeyRing) -> Change:
        """Use the token up.

        Raises:
            Refusal: ``v1_token_invalid_in_v2``, ``incorrect_token_wrong_type``, ``invalid_account_token``,
                ``invalid_person_token`` or ``resource_missing`` for one that is none of the caller's;
                ``incorrect_account_for_person_token``, ``token_already_used``, ``token_expired``.
        """
        self._refuse_other_kinds()
        found = await tokens.lock(
            tx, self.token_id, platform_id=self.caller.platform_id, livemode=self.caller.livemode
        )  # fmt: skip
        if found is None:
            raise self._unknown()
        row, now = found
        if row.account_id != self.account_id:
            raise self._refusal("incorrect_account_for_person_token", "The token was made for another account.")
        if row.used_at is not None:
            raise self._refusal("token_already_used", "A token can be used once, and this one was. Make a new one.")
        values = opened_values(ring, row)
        if values is None or row.expires_at <= now:
            raise self._refusal("token_expired", "The token has expired. Make a new one.")
        await tokens.use(tx, row.id)
        return self.change(values)

    def _refuse_other_kinds(self) -> None:
        if self.token_id.startswith(PREFIXES[self.kind]):
            return
        if self.kind is not TokenKind.BANK_ACCOUNT and self.token_id.startswith(_V1_PREFIXES):
            raise self._refusal(
                "v1_token_invalid_in_v2", "This is a token of v1's API. Make one with the token's own v2 API."
            )
        if self.token_id.startswith(tuple(PREFIXES.values())):
            raise self._refusal("incorrect_token_wrong_type", "The token stands for something else.")
        raise self._unknown()

    def _unknown(self) -> Refusal:
        if self.kind is TokenKind.BANK_ACCOUNT:
            return Refusal(
                "resource_missing", "No such token.", param=PARAMS[self.kind], type="invalid_request_error"
            )  # fmt: skip
        return Refusal(
            f"invalid_{PARAMS[self.kind]}",
            "There is no such token of this platform in this mode.",
            param=PARAMS[self.kind],
            kind=RefusalKind.FORBIDDEN,
        )

    def _refusal(self, code: str, message: str) -> Refusal:
        return Refusal(code, message, param=PARAMS[self.kind])

"""Tokens: values that a user's own browser sends, and that a platform's later request uses without having seen them.

Whoever makes a token attests with true and false; when, from where and with what is the token's own request to tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onboarding.documents import rfc3339
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.domain.instants import whole_milliseconds
from onboarding.door.bank_accounts import bank_values
from onboarding.door.tokens import LIFETIME, PREFIXES, TokenKind, bank_account_of, opened_values, sealed_values
from onboarding.ids import new_id
from onboarding.storage import book, listing, tokens
from onboarding.storage.rows import TokenRow
from onboarding.validation import validate_account, validate_bank_details, validate_person
from onboarding.validation.tokens import fitting_account, fitting_exemption, fitting_others, fitting_person
from onboarding.values import merge, split_individual

if TYPE_CHECKING:
    from datetime import datetime

    from onboarding.crypto import KeyRing
    from onboarding.door.callers import Caller, RequestKey
    from onboarding.door.door import Door
    from onboarding.storage.database import Database
    from onboarding.storage.listing import OwnedAccount
    from onboarding.verifiers.registry import Verifiers

Document = dict[str, Any]

V2_TYPES = {TokenKind.ACCOUNT: "v2.core.account_token", TokenKind.PERSON: "v2.core.account_person_token"}

_ATTESTED = ("attested", "shown_and_accepted")
# What v1's token tells of its bank account (SDK ``Token.bank_account``): it belongs to nobody yet.
_TOLD = ("account_holder_name", "account_holder_type", "account_type", "bank_name", "country", "currency")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a token's request came from."""

    ip: str | None = field(repr=False)
    user_agent: str | None = field(repr=False)


class Tokens:
    """Making tokens and telling of them; using them is a change of an account (``onboarding.door.tokens``)."""

    def __init__(self, database: Database, ring: KeyRing, door: Door, verifiers: Verifiers) -> None:
        self._database = database
        self._ring = ring
        self._door = door
        self._verifiers = verifiers

    async def create_account_token(
        self, caller: Caller, params: Document, origin: Origin, key: RequestKey | None
    ) -> Document:
        """A token of an account's values; raises Refusal for what no account could take."""
        return _v2_document(await self._create(caller, TokenKind.ACCOUNT, params, origin, key))

    async def create_person_token(
        self, caller: Caller, account_id: str, params: Document, origin: Origin, key: RequestKey | None
    ) -> Document:
        """A token of the values of a person of this account; raises Refusal ``not_found`` if it is not the caller's."""
        async with self._database.reading() as r:
            account = await listing.find_owned(r, listing.Scope(caller.platform_id, caller.livemode, account_id))
        if account is None or account.keys is None:
            raise _not_found("account")
        return _v2_document(await self._create(caller, TokenKind.PERSON, params, origin, key, account))

    async def create_bank_account_token(
        self, caller: Caller, params: Document, origin: Origin, key: RequestKey | None
    ) -> Document:
        """v1's token of a bank account."""
        validate_bank_details(params, self._verifiers.exemptions(livemode=caller.livemode), "bank_account")
        return self._v1_document(await self._create(caller, TokenKind.BANK_ACCOUNT, params, origin, key))

    async def get(self, caller: Caller, kind: TokenKind, token_id: str, account_id: str | None = None) -> Document:
        """One token; raises Refusal ``not_found`` for another kind, or another account's."""
        row = await self._find(caller, token_id)
        if row is None or (row.kind, row.account_id) != (kind, account_id):
            raise _not_found("token")
        return self._v1_document(row) if kind is TokenKind.BANK_ACCOUNT else _v2_document(row)

    async def _create(
        self,
        caller: Caller,
        kind: TokenKind,
        params: Document,
        origin: Origin,
        key: RequestKey | None,
        account: OwnedAccount | None = None,
    ) -> TokenRow:
        token_id = new_id(PREFIXES[kind])
        async with self._database.transaction() as tx:
            existing = await self._door.claim(tx, caller, key, account.id if account else None, token_id)
            if existing is None:
                now = whole_milliseconds(await book.database_now(tx))
                values = self._values(caller, kind, params, origin, now, account)
                row = TokenRow(
                    id=token_id,
                    platform_id=caller.platform_id,
                    livemode=caller.livemode,
                    kind=kind,
                    account_id=account.id if account else None,
                    created_at=now,
                    expires_at=now + LIFETIME,
                    used_at=None,
                    sealed=sealed_values(self._ring, caller.platform_id, token_id, values),
                )
                await tokens.create(tx, row)
                if kind is TokenKind.BANK_ACCOUNT:
                    await self._door.keep(tx, caller, key, self._v1_document(row))
                return row
        found = await self._find(caller, existing.object_id or "")
        if found is None:
            raise _not_found("token")
        return found

    def _values(
        self,
        caller: Caller,
        kind: TokenKind,
        params: Document,
        origin: Origin,
        now: datetime,
        account: OwnedAccount | None,
    ) -> Document:
        """A token's values, found in order."""
        if kind is TokenKind.BANK_ACCOUNT:
            return {"client_ip": origin.ip, "bank_account": bank_values(params)}
        acceptance = {"date": rfc3339(now), "ip": origin.ip, "user_agent": origin.user_agent}
        values: Document = _stamped(params, {name: part for name, part in acceptance.items() if part is not None})
        exempt = fitting_exemption(self._verifiers.exemptions(livemode=caller.livemode))
        if kind is TokenKind.ACCOUNT:
            self._check_account(values, now, exempt)
        else:
            country = account.shape.get("attributes", {}).get("country") if account else None
            self._check_person(values, {"identity": {"country": country}}, now, exempt)
        return values

    @staticmethod
    def _check_account(values: Document, now: datetime, exempt: Any) -> None:
        patch, individual = split_individual(values)
        before = fitting_account(patch)
        validate_account(
            patch,
            before,
            merge(before, patch),
            livemode=False,  # the exemption is that of the mode already
            creating=False,
            was_active=False,
            as_of=now,
            exempt=exempt,
        )
        if individual is not None:
            Tokens._check_person(individual, {}, now, exempt, "identity.individual.")

    @staticmethod
    def _check_person(values: Document, account: Document, now: datetime, exempt: Any, prefix: str = "") -> None:
        before = fitting_person(values)
        after = merge(before, values)
        validate_person(
            values, before, after, fitting_others(values), account, as_of=now, exempt=exempt, prefix=prefix
        )  # fmt: skip

    async def _find(self, caller: Caller, token_id: str) -> TokenRow | None:
        async with self._database.reading() as r:
            return await tokens.find(r, token_id, platform_id=caller.platform_id, livemode=caller.livemode)

    def _v1_document(self, row: TokenRow) -> Document:
        """v1's token; what it held is gone once it was used or has expired."""
        values = opened_values(self._ring, row) or {}
        return {
            "id": row.id,
            "object": "token",
            "bank_account": _told(row.id, values["bank_account"]) if values else None,
            "card": None,
            "client_ip": values.get("client_ip"),
            "created": int(row.created_at.timestamp()),
            "livemode": row.livemode,
            "type": row.kind,
            "used": row.used_at is not None,
        }


def _stamped(params: Document, acceptance: Document) -> Document:
    """The values of an account or a person, with its attestations as acceptances made now."""
    stamped = {
        name: _attested(value, acceptance) if name == "additional_terms_of_service" else value
        for name, value in params.items()
    }
    identity = params.get("identity") or {}
    if "attestations" in identity:
        stamped["identity"] = {**identity, "attestations": _attested(identity["attestations"], acceptance)}
    return stamped


def _attested(node: Any, acceptance: Document) -> Any:
    """What is said to be attested as an acceptance; what is said not to be is not mentioned."""
    if not isinstance(node, dict):
        return node
    said = {}
    for name, value in node.items():
        words = [word for word in _ATTESTED if isinstance(value, dict) and word in value]
        if not words:
            said[name] = _attested(value, acceptance)
        elif value[words[0]]:
            said[name] = dict(acceptance)
    return said


def _told(token_id: str, bank: Document) -> Document:
    return {
        "id": bank_account_of(token_id),
        "object": "bank_account",
        **{name: bank.get(name) for name in _TOLD},
        "fingerprint": None,
        "last4": bank["account_number"][-4:],
        "routing_number": bank.get("routing_number"),
        "status": "new",
    }


def _v2_document(row: TokenRow) -> Document:
    return {
        "id": row.id,
        "object": V2_TYPES[TokenKind(row.kind)],
        "created": rfc3339(row.created_at),
        "expires_at": rfc3339(row.expires_at),
        "livemode": row.livemode,
        "used": row.used_at is not None,
    }


def _not_found(what: str) -> Refusal:
    return Refusal("not_found", f"No such {what}.", kind=RefusalKind.NOT_FOUND)

"""Tokens of accounts and persons, ``/v2/core/account_tokens`` and ``…/person_tokens``, and v1's of bank accounts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated, Call
from api.openapi.described import described
from api.openapi.queries import EXPAND
from api.openapi.refusals import ACCOUNT_TOKEN, BANK_TOKEN, PERSON_TOKEN
from api.responses import JSON
from api.schemas.fields import MAX_TEXT
from api.schemas.parse import INVALID_REQUEST
from api.schemas.queries import no_query, refuse_all_but_expand
from api.schemas.tokens import AccountTokenCreate, PersonTokenCreate, TokenCreate
from onboarding.domain.errors import Refusal
from onboarding.door.tokens import TokenKind
from onboarding.scopes import Resource
from onboarding.tokens import Origin

router = APIRouter(tags=["Tokens"], dependencies=[about(Resource.TOKENS)])

_NOT_HERE = {
    "account": "Accounts are made by Accounts v2, which takes tokens of its own: POST /v2/core/account_tokens.",
    "card": "There are no cards here.",
    "cvc_update": "There are no cards here.",
    "person": "Persons are made by Accounts v2, which takes tokens of its own:"
    " POST /v2/core/accounts/{id}/person_tokens.",
    "pii": "Id numbers are sent with the account or the person, or in a token of it.",
}


@router.post("/v2/core/account_tokens")
@described("AccountToken", body=AccountTokenCreate, refused=ACCOUNT_TOKEN)
async def create_account_token(call: Authenticated) -> JSON:
    """Create a token of an account's values."""
    no_query(call.query)
    parameters = await call.json(AccountTokenCreate)
    key = call.key(parameters)
    return JSON(await call.engine.tokens.create_account_token(call.caller, parameters, _origin(call), key))


@router.get("/v2/core/account_tokens/{account_token_id}")
@described("AccountToken")
async def retrieve_account_token(call: Authenticated, account_token_id: str) -> JSON:
    """Retrieve a token; what it holds is not shown."""
    no_query(call.query)
    return JSON(await call.engine.tokens.get(call.caller, TokenKind.ACCOUNT, account_token_id))


@router.post("/v2/core/accounts/{account_id}/person_tokens")
@described("PersonToken", body=PersonTokenCreate, refused=PERSON_TOKEN)
async def create_person_token(call: Authenticated, account_id: str) -> JSON:
    """Create a token of the values of a person of this account."""
    no_query(call.query)
    parameters = await call.json(PersonTokenCreate)
    key = call.key(parameters)
    return JSON(await call.engine.tokens.create_person_token(call.caller, account_id, parameters, _origin(call), key))


@router.get("/v2/core/accounts/{account_id}/person_tokens/{person_token_id}")
@described("PersonToken")
async def retrieve_person_token(call: Authenticated, account_id: str, person_token_id: str) -> JSON:
    """Retrieve a token; what it holds is not shown."""
    no_query(call.query)
    return JSON(await call.engine.tokens.get(call.caller, TokenKind.PERSON, person_token_id, account_id))


@router.post("/v1/tokens")
@described("BankAccountToken", body=TokenCreate, refused=BANK_TOKEN)
async def create_token(call: Authenticated) -> JSON:
    """Create a token of a bank account."""
    no_query(call.query)
    parameters = await call.form(TokenCreate)
    key = call.key(parameters)
    details = _bank_account(parameters)
    return JSON(await call.engine.tokens.create_bank_account_token(call.caller, details, _origin(call), key))


@router.get("/v1/tokens/{token_id}")
@described("BankAccountToken", query=(EXPAND,))
async def retrieve_token(call: Authenticated, token_id: str) -> JSON:
    """Retrieve a token of a bank account."""
    refuse_all_but_expand(call.query)
    return JSON(await call.engine.tokens.get(call.caller, TokenKind.BANK_ACCOUNT, token_id))


def _bank_account(parameters: dict[str, Any]) -> dict[str, Any]:
    for name, message in _NOT_HERE.items():
        if name in parameters:
            raise Refusal("parameter_invalid", message, param=name, type=INVALID_REQUEST)
    details: dict[str, Any] | None = parameters.get("bank_account")
    if details is None:
        message = "Tokens of bank accounts only are made here: send its details."
        raise Refusal("parameter_missing", message, param="bank_account", type=INVALID_REQUEST)
    return details


def _origin(call: Call) -> Origin:
    """The user's own browser, where the request comes from it; behind a proxy the server must be told to look."""
    client = call.request.client
    agent = call.request.headers.get("user-agent", "")[:MAX_TEXT]
    return Origin(client.host if client else None, agent or None)

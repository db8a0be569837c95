"""``/v1/accounts/{account_id}/external_accounts``: Accounts v2 keeps bank accounts for payouts on v1."""

from __future__ import annotations

import re

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import ENDING_BEFORE, EXPAND, STARTING_AFTER, V1_LIMIT, V1_OBJECT
from api.openapi.refusals import BANK_ACCOUNT, BANK_ACCOUNT_CHANGE, NO_BANK_ACCOUNT
from api.responses import JSON
from api.schemas.bank_accounts import BankAccountCreate, BankAccountUpdate
from api.schemas.parse import INVALID_REQUEST, path_of
from api.schemas.queries import no_query, refuse_all_but_expand
from onboarding.domain.errors import Refusal
from onboarding.scopes import Resource

DEFAULT_LIMIT = 10
MAX_LIMIT = 100

_SCALARS = frozenset({"ending_before", "limit", "object", "starting_after"})
_EXPAND = re.compile(r"expand(\[[0-9]{0,4}\])?")
_OBJECTS = ("bank_account", "card")

router = APIRouter(
    prefix="/v1/accounts/{account_id}/external_accounts",
    tags=["Bank accounts"],
    dependencies=[about(Resource.EXTERNAL_ACCOUNTS)],
)


@router.post("")
@described("BankAccount", body=BankAccountCreate, refused=BANK_ACCOUNT)
async def create_external_account(call: Authenticated, account_id: str) -> JSON:
    """Add a bank account that payouts go to.

    ``external_account`` is a bank account by its numbers, or the sandbox's token ``btok_us``.
    """
    no_query(call.query)
    parameters = await call.form(BankAccountCreate)
    key = call.key(parameters)
    parameters.pop("expand", None)
    return JSON(await call.engine.accounts.create_bank_account(call.caller, account_id, parameters, key))


@router.get("")
@described("BankAccount", shape="v1_list", query=(V1_LIMIT, V1_OBJECT, STARTING_AFTER, ENDING_BEFORE, EXPAND))
async def list_external_accounts(call: Authenticated, account_id: str) -> JSON:
    """List the bank accounts of an account."""
    query = _query(call.query)
    view = await call.engine.reader.account(call.caller, account_id)
    found = [one for one in view.bank_accounts if query.get("object", one["object"]) == one["object"]]
    places = {one["id"]: index for index, one in enumerate(found)}
    limit = int(query.get("limit", DEFAULT_LIMIT))
    start, end = 0, len(found)
    if "starting_after" in query:
        start = _place(places, query, "starting_after") + 1
    if "ending_before" in query:
        end = _place(places, query, "ending_before")
        page = found[max(start, end - limit) : end]
        has_more = end - limit > start
    else:
        page = found[start : start + limit]
        has_more = start + limit < end
    return JSON({"object": "list", "data": page, "has_more": has_more, "url": call.path})


@router.get("/{bank_account_id}")
@described("BankAccount", query=(EXPAND,), refused=NO_BANK_ACCOUNT)
async def retrieve_external_account(call: Authenticated, account_id: str, bank_account_id: str) -> JSON:
    """Retrieve a bank account."""
    refuse_all_but_expand(call.query)
    return JSON(await call.engine.accounts.bank_account(call.caller, account_id, bank_account_id))


@router.post("/{bank_account_id}")
@described("BankAccount", body=BankAccountUpdate, refused=BANK_ACCOUNT_CHANGE)
async def update_external_account(call: Authenticated, account_id: str, bank_account_id: str) -> JSON:
    """Change a bank account."""
    no_query(call.query)
    parameters = await call.form(BankAccountUpdate)
    key = call.key(parameters)
    parameters.pop("expand", None)
    return JSON(
        await call.engine.accounts.update_bank_account(call.caller, account_id, bank_account_id, parameters, key)
    )


@router.delete("/{bank_account_id}")
@described("DeletedBankAccount", refused=BANK_ACCOUNT_CHANGE)
async def delete_external_account(call: Authenticated, account_id: str, bank_account_id: str) -> JSON:
    """Delete a bank account."""
    no_query(call.query)
    return JSON(await call.engine.accounts.delete_bank_account(call.caller, account_id, bank_account_id, call.key()))


def _query(items: list[tuple[str, str]]) -> dict[str, str]:
    query = {}
    for key, value in items:
        if key in _SCALARS:
            query[key] = value
        elif _EXPAND.fullmatch(key) is None:
            message = "There is no such parameter."
            raise Refusal("parameter_unknown", message, param=path_of([key]), type=INVALID_REQUEST)
    limit = query.get("limit", "1")
    if re.fullmatch(r"[0-9]{1,4}", limit) is None or not 1 <= int(limit) <= MAX_LIMIT:
        raise _invalid("limit", f"Must be a number from 1 to {MAX_LIMIT}.")
    if query.get("object", _OBJECTS[0]) not in _OBJECTS:
        raise _invalid("object", f"Must be one of {', '.join(_OBJECTS)}.")
    return query


def _place(places: dict[str, int], query: dict[str, str], name: str) -> int:
    place = places.get(query[name])
    if place is None:
        raise _invalid(name, "There is no such external account.")
    return place


def _invalid(param: str, message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type=INVALID_REQUEST)

"""``/v2/core/vault``: bank accounts that the account of ``Stripe-Context`` keeps."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import ContextUse, about
from api.dependencies import Authenticated, Call
from api.openapi.described import described
from api.openapi.queries import PAGE, VAULT_PAGE_LIMIT, VERIFICATION_STATUS
from api.openapi.refusals import BANK_NUMBERS, CLOSED_ACCOUNT, NO_MICRODEPOSITS
from api.responses import JSON, page_of
from api.schemas.queries import no_query, vault_page
from api.schemas.vault import (
    GbBankAccountCreate,
    MicrodepositsConfirm,
    Nothing,
    UsBankAccountCreate,
    UsBankAccountUpdate,
)
from onboarding.scopes import Resource
from onboarding.vault import Country

router = APIRouter(prefix="/v2/core/vault", tags=["Vault"], dependencies=[about(Resource.VAULT, ContextUse.REQUIRED)])
_US = "/us_bank_accounts"
_GB = "/gb_bank_accounts"


@router.post(_US)
@described("UsBankAccount", body=UsBankAccountCreate, refused=BANK_NUMBERS)
async def create_us_bank_account(call: Authenticated) -> JSON:
    """Keep a bank account of the United States."""
    no_query(call.query)
    parameters = await call.json(UsBankAccountCreate)
    key = call.key(parameters)
    return JSON(await call.engine.vault.create(call.caller, call.context, "US", parameters, key))


@router.post(_GB)
@described("GbBankAccount", body=GbBankAccountCreate, refused=BANK_NUMBERS)
async def create_gb_bank_account(call: Authenticated) -> JSON:
    """Keep a bank account of Great Britain."""
    no_query(call.query)
    parameters = await call.json(GbBankAccountCreate)
    key = call.key(parameters)
    return JSON(await call.engine.vault.create(call.caller, call.context, "GB", parameters, key))


@router.get(_US)
@described("UsBankAccount", shape="page", query=(VAULT_PAGE_LIMIT, PAGE, VERIFICATION_STATUS))
async def list_us_bank_accounts(call: Authenticated) -> JSON:
    """List bank accounts of the United States, newest first."""
    return await _listed(call, "US", filters=("verification_status",))


@router.get(_GB)
@described("GbBankAccount", shape="page", query=(VAULT_PAGE_LIMIT, PAGE))
async def list_gb_bank_accounts(call: Authenticated) -> JSON:
    """List bank accounts of Great Britain, newest first."""
    return await _listed(call, "GB")


@router.get(_US + "/{us_bank_account_id}")
@described("UsBankAccount")
async def retrieve_us_bank_account(call: Authenticated, us_bank_account_id: str) -> JSON:
    """Retrieve a bank account."""
    no_query(call.query)
    return JSON(await call.engine.vault.get(call.caller, call.context, "US", us_bank_account_id))


@router.get(_GB + "/{gb_bank_account_id}")
@described("GbBankAccount")
async def retrieve_gb_bank_account(call: Authenticated, gb_bank_account_id: str) -> JSON:
    """Retrieve a bank account."""
    no_query(call.query)
    return JSON(await call.engine.vault.get(call.caller, call.context, "GB", gb_bank_account_id))


@router.post(_US + "/{us_bank_account_id}")
@described("UsBankAccount", body=UsBankAccountUpdate, refused=BANK_NUMBERS)
async def update_us_bank_account(call: Authenticated, us_bank_account_id: str) -> JSON:
    """Add routing numbers that are lacking."""
    no_query(call.query)
    parameters = await call.json(UsBankAccountUpdate)
    key = call.key(parameters)
    return JSON(await call.engine.vault.complete(call.caller, call.context, us_bank_account_id, parameters, key))


@router.post(_US + "/{us_bank_account_id}/archive")
@described("UsBankAccount", body=Nothing, refused=CLOSED_ACCOUNT)
async def archive_us_bank_account(call: Authenticated, us_bank_account_id: str) -> JSON:
    """Archive a bank account."""
    return await _archived(call, "US", us_bank_account_id, archived=True)


@router.post(_US + "/{us_bank_account_id}/unarchive")
@described("UsBankAccount", body=Nothing, refused=CLOSED_ACCOUNT)
async def unarchive_us_bank_account(call: Authenticated, us_bank_account_id: str) -> JSON:
    """Take a bank account out of the archive."""
    return await _archived(call, "US", us_bank_account_id, archived=False)


@router.post(_GB + "/{gb_bank_account_id}/archive")
@described("GbBankAccount", body=Nothing, refused=CLOSED_ACCOUNT)
async def archive_gb_bank_account(call: Authenticated, gb_bank_account_id: str) -> JSON:
    """Archive a bank account."""
    return await _archived(call, "GB", gb_bank_account_id, archived=True)


@router.post(_GB + "/{gb_bank_account_id}/unarchive")
@described("GbBankAccount", body=Nothing, refused=CLOSED_ACCOUNT)
async def unarchive_gb_bank_account(call: Authenticated, gb_bank_account_id: str) -> JSON:
    """Take a bank account out of the archive."""
    return await _archived(call, "GB", gb_bank_account_id, archived=False)


@router.post(_US + "/{us_bank_account_id}/send_microdeposits")
@described(None, body=Nothing, refused=NO_MICRODEPOSITS, keyed=False)
async def send_microdeposits(call: Authenticated, us_bank_account_id: str) -> None:
    """Refused: it would move money."""
    no_query(call.query)
    await call.json(Nothing)
    await call.engine.vault.refuse_microdeposits(call.caller, call.context, us_bank_account_id)


@router.post(_US + "/{us_bank_account_id}/confirm_microdeposits")
@described(None, body=MicrodepositsConfirm, refused=NO_MICRODEPOSITS, keyed=False)
async def confirm_microdeposits(call: Authenticated, us_bank_account_id: str) -> None:
    """Refused: none were sent."""
    no_query(call.query)
    await call.json(MicrodepositsConfirm)
    await call.engine.vault.refuse_microdeposits(call.caller, call.context, us_bank_account_id)


async def _listed(call: Call, country: Country, *, filters: tuple[str, ...] = ()) -> JSON:
    wanted, chosen = vault_page(call.query, filters)
    status = chosen.get("verification_status")
    found = await call.engine.vault.list(
        call.caller, call.context, country, verification_status=status, limit=wanted.limit, cursor=wanted.page
    )
    return page_of(
        call.path,
        found.data,
        limit=wanted.limit,
        filters=list(chosen.items()),
        next_page=found.next,
        previous_page=found.previous,
    )


async def _archived(call: Call, country: Country, bank_id: str, *, archived: bool) -> JSON:
    no_query(call.query)
    key = call.key(await call.json(Nothing))
    return JSON(await call.engine.vault.archive(call.caller, call.context, country, bank_id, key, archived=archived))

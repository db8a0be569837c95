"""``/v2/core/accounts/{account_id}/persons``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.errors import not_found
from api.openapi.described import described
from api.openapi.queries import PAGING
from api.openapi.refusals import PERSON_CHANGE, PERSON_DELETION
from api.responses import JSON, page_of
from api.schemas.parse import INVALID_REQUEST
from api.schemas.persons import PersonCreate, PersonUpdate
from api.schemas.queries import no_query, page
from onboarding.domain.errors import Refusal
from onboarding.scopes import Resource

router = APIRouter(
    prefix="/v2/core/accounts/{account_id}/persons", tags=["Persons"], dependencies=[about(Resource.PERSONS)]
)


@router.post("")
@described("Person", body=PersonCreate, refused=PERSON_CHANGE)
async def create_person(call: Authenticated, account_id: str) -> JSON:
    """Add a person to an account.

    An account of an individual has the one person already, as ``identity.individual``.
    """
    no_query(call.query)
    parameters = await call.json(PersonCreate)
    return JSON(await call.engine.accounts.create_person(call.caller, account_id, parameters, call.key(parameters)))


@router.get("")
@described("Person", shape="page", query=PAGING)
async def list_persons(call: Authenticated, account_id: str) -> JSON:
    """List the persons of an account, oldest first."""
    wanted = page(call.query)
    view = await call.engine.reader.account(call.caller, account_id)
    # An account's persons are read as a whole anyway, so a page of them is cut here.
    persons = sorted(view.persons, key=_place)
    after = _read_cursor(wanted.page) if wanted.page is not None else ("", "")
    start = next((index for index, person in enumerate(persons) if _place(person) > after), len(persons))
    end = start + wanted.limit
    # The page before ends in front of this one; where that is the beginning, its cursor is the beginning's.
    before = max(0, start - wanted.limit)
    return page_of(
        call.path,
        persons[start:end],
        limit=wanted.limit,
        next_page=_cursor(persons[end - 1]) if end < len(persons) else None,
        previous_page=(_cursor(persons[before - 1]) if before else _cursor(None)) if start else None,
    )


@router.get("/{person_id}")
@described("Person")
async def retrieve_person(call: Authenticated, account_id: str, person_id: str) -> JSON:
    """Retrieve a person."""
    no_query(call.query)
    view = await call.engine.reader.account(call.caller, account_id)
    return JSON(_find(view.persons, person_id))


@router.post("/{person_id}")
@described("Person", body=PersonUpdate, refused=PERSON_CHANGE)
async def update_person(call: Authenticated, account_id: str, person_id: str) -> JSON:
    """Change a person.

    Objects are merged, null unsets, lists are replaced. Checks whose inputs change are made again.
    """
    no_query(call.query)
    parameters = await call.json(PersonUpdate)
    key = call.key(parameters)
    return JSON(await call.engine.accounts.update_person(call.caller, account_id, person_id, parameters, key))


@router.delete("/{person_id}")
@described("DeletedPerson", refused=PERSON_DELETION)
async def delete_person(call: Authenticated, account_id: str, person_id: str) -> JSON:
    """Remove a person from an account.

    What the account still needs of a person in that role is asked again.
    """
    no_query(call.query)
    return JSON(await call.engine.accounts.delete_person(call.caller, account_id, person_id, call.key()))


def _find(persons: Sequence[dict[str, Any]], person_id: str) -> dict[str, Any]:
    for person in persons:
        if person["id"] == person_id:
            return person
    raise not_found()


def _place(person: dict[str, Any]) -> tuple[str, str]:
    return person["created"], person["id"]


def _cursor(person: dict[str, Any] | None) -> str:
    """Where a page begins: behind this person, which may be deleted meanwhile, or at the beginning."""
    place = "|".join(_place(person)) if person is not None else "|"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _read_cursor(token: str) -> tuple[str, str]:
    try:
        place = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        place = ""
    created, bar, person_id = place.partition("|")
    if not bar:
        raise Refusal("parameter_invalid", "There is no such page.", param="page", type=INVALID_REQUEST)
    return created, person_id

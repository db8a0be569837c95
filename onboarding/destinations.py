"""Event destinations: where a platform wants its events. Only their objects and their lives; nothing is sent here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from onboarding.documents.destinations import destination_document
from onboarding.documents.events import DESTINATION_TYPE, PING, SNAPSHOT_EVENTS, THIN_EVENTS
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.ids import new_id, new_secret
from onboarding.paging import Page, page_at, window
from onboarding.reading import GROUP
from onboarding.storage import book, destinations, listing
from onboarding.validation.contacts import check_address
from onboarding.validation.metadata import check_metadata
from onboarding.values import merge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onboarding.crypto import KeyRing
    from onboarding.door.callers import Caller, RequestKey
    from onboarding.door.door import Door
    from onboarding.reading import Reader
    from onboarding.storage.database import Database, Transaction
    from onboarding.storage.rows import EventDestinationRow

LIMIT = 16
"""Destinations of a platform in one mode (Accounts v2 contract, event destinations)."""

EVERYTHING = "*"
THIN, SNAPSHOT = "thin", "snapshot"
API_VERSION = "2026-10-28.endive"
"""In which a snapshot is made where nobody says another: the version of the contract."""

CONTENT = "event-destination"
SIGNING_SECRET = "signing-secret"  # noqa: S105 -- a purpose, no secret
"""Purposes under which a destination's two sealed columns are sealed."""

Document = dict[str, Any]


class Destinations:
    """Destinations of platforms. Every method raises Refusal ``not_found`` for somebody else's, or a deleted one.

    Documents hold all that can be included; the signing secret only where its time is.
    """

    def __init__(self, database: Database, ring: KeyRing, door: Door, reader: Reader) -> None:
        self._database = database
        self._ring = ring
        self._door = door
        self._reader = reader

    async def create(self, caller: Caller, parameters: Document, key: RequestKey | None) -> Document:
        """Make an enabled destination; its document holds the signing secret, and so does that of a replay.

        Raises:
            Refusal: ``parameter_invalid``, ``url_invalid``, or ``quota_exceeded`` for one more than :data:`LIMIT`.
        """
        payload = parameters["event_payload"]
        wanted = _known_events(parameters["enabled_events"], payload)
        version = parameters.get("snapshot_api_version")
        if payload == THIN and version is not None:
            raise _invalid("snapshot_api_version", "Thin events have no version: only snapshots do.")
        content = merge(
            {},
            {
                "name": parameters["name"],
                "description": parameters.get("description") or None,
                "metadata": parameters.get("metadata") or {},
                "snapshot_api_version": version or (API_VERSION if payload == SNAPSHOT else None),
                "url": _checked_url(parameters["webhook_endpoint"]["url"], caller),
            },
        )
        destination_id = new_id("ed_" if caller.livemode else "ed_test_")
        secret = new_secret("whsec_")
        async with self._database.transaction() as tx:
            existing = await self._door.claim(tx, caller, key, None, destination_id, secret=secret)
            if existing is None:
                await self._refuse_one_more(tx, caller)
                row = await destinations.create(
                    tx,
                    destination_id=destination_id,
                    platform_id=caller.platform_id,
                    livemode=caller.livemode,
                    enabled_events=wanted,
                    event_payload=payload,
                    events_from=list(dict.fromkeys(parameters.get("events_from") or ["@self"])),
                    sealed=self._sealed(caller, destination_id, content),
                    secret=self._ring.seal_platform(
                        secret.encode(), platform=caller.platform_id, purpose=SIGNING_SECRET, ref=destination_id
                    ),
                )
                return destination_document(row, content, secret)
        row = await self._find(caller, existing.object_id or "")
        return destination_document(row, self._content(row), self._door.secret_of(caller, existing))

    async def get(self, caller: Caller, destination_id: str) -> Document:
        """One destination."""
        return self._document(await self._find(caller, destination_id))

    async def list(self, caller: Caller, limit: int = 20, cursor: str | None = None) -> Page:
        """The platform's destinations, newest first."""
        page = page_at(cursor, limit, timed=True)
        async with self._database.reading() as r:
            rows = await listing.list_destinations(r, listing.Scope(caller.platform_id, caller.livemode), page)
        places = [(row, [row.created_at.isoformat(), row.id]) for row in rows]
        kept, following, previous = window(places, page, limit)
        return Page([self._document(row) for row in kept], following, previous)

    async def update(self, caller: Caller, destination_id: str, patch: Document, key: RequestKey | None) -> Document:
        """Change labels, address or enabled events; metadata merge, null removes."""
        async with self._database.transaction() as tx:
            existing = await self._door.claim(tx, caller, key, None, destination_id)
            row = await self._locked(tx, caller, destination_id)
            if existing is None:
                before = self._content(row)
                patch = dict(patch)
                wanted = row.enabled_events
                if "enabled_events" in patch:
                    wanted = _known_events(patch.pop("enabled_events"), row.event_payload)
                if "webhook_endpoint" in patch:
                    patch["url"] = _checked_url(patch.pop("webhook_endpoint")["url"], caller)
                if patch.get("description") == "":
                    patch["description"] = None
                content = merge(before, patch)
                check_metadata(patch, content)
                if (content, wanted) != (before, row.enabled_events):
                    sealed = self._sealed(caller, destination_id, content)
                    row = await destinations.update(
                        tx, row.id, enabled=row.enabled, enabled_events=wanted, sealed=sealed
                    )
        return self._document(row)

    async def switch(
        self, caller: Caller, destination_id: str, key: RequestKey | None, *, enabled: bool
    ) -> Document:  # fmt: skip
        """Enable or disable a destination; what happens while it is disabled is never sent to it."""
        async with self._database.transaction() as tx:
            existing = await self._door.claim(tx, caller, key, None, destination_id)
            row = await self._locked(tx, caller, destination_id)
            if existing is None and row.enabled is not enabled:
                row = await destinations.update(
                    tx, row.id, enabled=enabled, enabled_events=row.enabled_events, sealed=row.sealed
                )
        return self._document(row)

    async def delete(self, caller: Caller, destination_id: str, key: RequestKey | None) -> Document:
        """Delete a destination with what is owed to it; a replay answers the same."""
        async with self._database.transaction() as tx:
            existing = await self._door.claim(tx, caller, key, None, destination_id)
            if existing is None:
                row = await self._locked(tx, caller, destination_id)
                await destinations.delete(tx, row.id)
        return {"id": destination_id, "object": DESTINATION_TYPE, "deleted": True}

    async def ping(self, caller: Caller, destination_id: str, key: RequestKey | None) -> Document:
        """Cause an event that is owed to this destination alone; answers its document.

        Raises:
            Refusal: ``event_destination_disabled``.
        """
        event_id = new_id("evt_" if caller.livemode else "evt_test_")
        async with self._database.transaction() as tx:
            existing = await self._door.claim(tx, caller, key, None, event_id)
            if existing is None:
                row = await self._locked(tx, caller, destination_id)
                if not row.enabled:
                    raise Refusal("event_destination_disabled", "Nothing is sent to a disabled event destination.")
                told = orjson.dumps({"before": None, "after": None, "key": key.key if key is not None else None})
                await destinations.add_event(
                    tx,
                    row,
                    at=await book.database_now(tx),
                    id=event_id,
                    type=PING,
                    related_type=DESTINATION_TYPE,
                    related_id=row.id,
                    request_id=caller.request_id,
                    sealed=self._ring.seal_platform(told, platform=row.platform_id, purpose=GROUP, ref=event_id),
                )
            else:
                event_id = existing.object_id or event_id
        return await self._reader.event(caller, event_id)

    async def _refuse_one_more(self, tx: Transaction, caller: Caller) -> None:
        count = await destinations.count_alone(tx, platform_id=caller.platform_id, livemode=caller.livemode)
        if count >= LIMIT:
            message = f"There are {LIMIT} event destinations, which is the limit. Delete one first."
            raise Refusal("quota_exceeded", message, type="quota_exceeded")

    async def _find(self, caller: Caller, destination_id: str) -> EventDestinationRow:
        async with self._database.reading() as r:
            row = await destinations.find(
                r, platform_id=caller.platform_id, livemode=caller.livemode, destination_id=destination_id
            )
        return _found(row)

    async def _locked(self, tx: Transaction, caller: Caller, destination_id: str) -> EventDestinationRow:
        return _found(
            await destinations.lock(
                tx, platform_id=caller.platform_id, livemode=caller.livemode, destination_id=destination_id
            )
        )

    def _document(self, row: EventDestinationRow) -> Document:
        return destination_document(row, self._content(row))

    def _sealed(self, caller: Caller, destination_id: str, content: Document) -> bytes:
        plain = orjson.dumps(content)
        return self._ring.seal_platform(plain, platform=caller.platform_id, purpose=CONTENT, ref=destination_id)

    def _content(self, row: EventDestinationRow) -> Document:
        if row.sealed is None:  # made by hand: no address, so nothing can be sent to it
            return {"name": "", "url": None}
        plain = self._ring.open_platform(row.sealed, platform=row.platform_id, purpose=CONTENT, ref=row.id)
        content: Document = orjson.loads(plain)
        return content


def _known_events(types: Sequence[str], payload: str) -> list[str]:
    """The types, each once.

    Raises:
        Refusal: ``parameter_invalid``: one that this engine never causes, or another beside ``*``.
    """
    known = THIN_EVENTS if payload == THIN else SNAPSHOT_EVENTS
    for index, kind in enumerate(types):
        if kind == EVERYTHING and len(types) > 1:
            raise _invalid(f"enabled_events[{index}]", "Must stand alone: it means all types.")
        if kind != EVERYTHING and kind not in known:
            example = min(known)
            message = f"Must be * or a type of {payload} event that there is here, such as {example}."
            raise _invalid(f"enabled_events[{index}]", message)
    return list(dict.fromkeys(types))


def _checked_url(url: str, caller: Caller) -> str:
    check_address(url, "webhook_endpoint.url", livemode=caller.livemode)
    return url


def _found(row: EventDestinationRow | None) -> EventDestinationRow:
    if row is None:
        raise Refusal("not_found", "No such event destination.", kind=RefusalKind.NOT_FOUND)
    return row


def _invalid(param: str, message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type="invalid_request_error")

"""Account links: each lets its bearer in once, to tell what an account still lacks.

The secret stands in the link's address only, behind a ``#``, which no browser sends and no server logs; what is stored
is a keyed digest of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from onboarding.crypto import SealBroken
from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.door.callers import END_USER, Caller, RequestKey
from onboarding.door.links import LINK, CreateLink, ReturnFromLink, created_at
from onboarding.ids import new_id, new_secret
from onboarding.storage import accounts, links
from onboarding.validation.contacts import check_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from onboarding.crypto import KeyRing
    from onboarding.domain.events import Documents
    from onboarding.door.door import Door
    from onboarding.door.draft import Draft
    from onboarding.storage.database import Database, Reading
    from onboarding.storage.links import LinkRow, Opening

LIFETIME = timedelta(minutes=10)
"""Of a link of v2 (Accounts v2 contract, account links)."""

V1_LIFETIME = timedelta(minutes=5)
"""Of a link of v1, as in the examples of its reference."""

DIGEST = "account-link"
"""Purpose of the keyed digest under which a link's secret is stored."""

COLLECTED = {"fields": "currently_due", "future_requirements": "omit"}
"""What is collected where the request does not say."""


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """What a platform asks for.

    Attributes:
        use_case: ``account_onboarding`` or ``account_update``.
        refresh_url: where the bearer of a link that lets nobody in is sent.
        return_url: where the bearer is sent in the end.
        collection_options: ``fields`` and ``future_requirements``, those that were given.
        configurations: what the link is for, as clients before endive say; None for all that are applied.
        lifetime: how long the link lets somebody in.
        params: paths in the request by ``use_case``, ``refresh_url`` and ``return_url``.
    """

    use_case: str
    refresh_url: str = field(repr=False)
    return_url: str | None = field(default=None, repr=False)
    collection_options: dict[str, str] = field(default_factory=dict)
    configurations: list[str] | None = None
    lifetime: timedelta = LIFETIME
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccountLink:
    """A link as it is known to the engine. ``secret`` is None but in the answer to the request that made it."""

    id: str
    account_id: str
    livemode: bool
    use_case: str
    created: datetime
    expires_at: datetime
    refresh_url: str = field(repr=False)
    return_url: str | None = field(repr=False)
    collection_options: dict[str, str]
    configurations: list[str] | None
    secret: str | None = field(default=None, repr=False)

    def url(self, base: str) -> str:
        """Its address below the hosted pages' own."""
        return f"{base}/r/{self.account_id}#{self.secret}"


class AccountLinks:
    """Makes links, and lets their bearers in."""

    def __init__(self, database: Database, ring: KeyRing, door: Door) -> None:
        self._database = database
        self._ring = ring
        self._door = door

    async def create(
        self,
        caller: Caller,
        account_id: str,
        request: LinkRequest,
        key: RequestKey | None,
        answer: Callable[[AccountLink], dict[str, Any]] | None = None,
    ) -> AccountLink:
        """Make a link; a replay answers with the same one.

        ``answer`` makes the document that a v1 request is answered with, which a replay gets whatever became of it.

        Raises:
            Refusal: ``not_found``, ``account_closed``, ``url_invalid``; ``parameter_invalid`` for an update where the
                platform does not collect the requirements; ``idempotency_error`` for a replay after the link's time.
        """
        for name in ("refresh_url", "return_url"):
            check_address(getattr(request, name), request.params.get(name, name), livemode=caller.livemode)
        secret = new_secret("alu_" if caller.livemode else "alu_test_")
        content: dict[str, Any] = {
            "refresh_url": request.refresh_url,
            "return_url": request.return_url,
            "collection_options": {**COLLECTED, **request.collection_options},
            "configurations": request.configurations,
        }
        change = CreateLink(
            new_id("alink_"),
            self._digest(secret),
            request.use_case,
            content,
            request.lifetime,
            request.params.get("use_case", "use_case"),
        )

        def made(created: datetime) -> AccountLink:
            return AccountLink(
                id=change.link_id,
                account_id=account_id,
                livemode=caller.livemode,
                use_case=request.use_case,
                created=created,
                expires_at=created + request.lifetime,
                secret=secret,
                **content,
            )

        def kept(draft: Draft, _documents: Documents) -> dict[str, Any]:
            return answer(made(created_at(draft))) if answer is not None else {}

        keeps = answer is not None and key is not None and key.keeps_answer
        revised = await self._door.revise_whole(
            account_id, change, caller, key, change.link_id, secret=secret, answer=kept if keeps else None
        )
        if revised.replayed is None:
            return made(revised.result)
        async with self._database.reading() as r:
            found = await links.find(r, revised.replayed)
            if found is None or found.is_expired:
                raise Refusal(
                    "idempotency_error",
                    "The link that was made with this idempotency key has expired. Use a new key for a new link.",
                    kind=RefusalKind.CONFLICT,
                    type="idempotency_error",
                )
            again = await self._read(r, found, revised.secret)
        if again is None:
            raise _not_found()
        return again

    async def open(self, account_id: str, secret: str) -> tuple[AccountLink, Opening]:
        """Use a link up. Only the first caller in its time is answered ``opened``: let nobody else in.

        Whatever the answer, the link says where to send its bearer: to ``refresh_url`` if it is not ``opened``.

        Raises:
            Refusal: ``not_found``: there is no such link of this account, or it is gone, or the account was erased.
        """
        async with self._database.reading() as r:
            found = await links.open_link(r, account_id=account_id, digest=self._digest(secret))
            if found is None:
                raise _not_found()
            row, opening = found
            opened = await self._read(r, row)
        if opened is None:
            raise _not_found()
        return opened, opening

    async def returned(self, link: AccountLink) -> bool:
        """Tell the platform, once, that the bearer of a link that was opened has done what it was for.

        The link is the key: of several calls one has an effect, and is answered True.
        """
        async with self._database.reading() as r:
            found = await links.find(r, link.id)
        if found is None or found.opened_at is None:
            raise _not_found()
        caller = Caller(found.platform_id, found.livemode, END_USER)
        key = RequestKey("account_link.returned", "", link.id, b"")
        change = ReturnFromLink(link.id, link.use_case, link.configurations)
        return (await self._door.revise_whole(link.account_id, change, caller, key)).replayed is None

    async def _read(self, r: Reading, row: LinkRow, secret: str | None = None) -> AccountLink | None:
        """The link of a row; None where the account's keys were destroyed."""
        wrapped = await accounts.wrapped_keys(r, [row.account_id])
        if row.account_id not in wrapped:
            return None
        keys = self._door.unwrap(row.account_id, wrapped[row.account_id])
        try:
            plain = keys.open(row.sealed, account=row.account_id, subject=row.id, group=LINK, version=1)
        except SealBroken:
            return None
        return AccountLink(
            id=row.id,
            account_id=row.account_id,
            livemode=row.livemode,
            use_case=row.use_case,
            created=row.created_at,
            expires_at=row.expires_at,
            secret=secret,
            **orjson.loads(plain),
        )

    def _digest(self, secret: str) -> str:
        return self._ring.platform_digest(DIGEST, secret)


def _not_found() -> Refusal:
    return Refusal("not_found", "No such account link.", kind=RefusalKind.NOT_FOUND)

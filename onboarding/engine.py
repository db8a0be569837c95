"""The engine of one process: opened once at its start, by API, worker, command line and tests alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from onboarding.account_links import AccountLinks
from onboarding.accounts import Accounts
from onboarding.activations import Activations
from onboarding.activators.configured import downstream_from
from onboarding.activators.port import Downstream
from onboarding.activity import Activity
from onboarding.api_keys import ApiKeys
from onboarding.backlog import Backlog, Bounds
from onboarding.clocks import Clocks
from onboarding.crypto import SealBroken
from onboarding.destinations import Destinations
from onboarding.documents import rfc3339
from onboarding.door.callers import Caller
from onboarding.door.door import Door, Nudge, nobody
from onboarding.door.policies import PolicyShelf
from onboarding.explanation import Explanations
from onboarding.files import Files
from onboarding.imports import Imports, ImportSteps
from onboarding.inbox import Inbox
from onboarding.list_deltas import ListDeltas, Screening
from onboarding.list_deltas import Pace as ListDeltaPace
from onboarding.objects import objects_at
from onboarding.orders import Orders
from onboarding.people import People
from onboarding.policies import PolicyBook, Rollouts, RolloutSteps
from onboarding.reading import Reader
from onboarding.rechecks import Rechecks
from onboarding.reproduction import Reproducer
from onboarding.reviews import Reviews
from onboarding.storage import accounts, book
from onboarding.storage.database import Database
from onboarding.timeline import Timeline
from onboarding.tokens import Tokens
from onboarding.vault import Vault
from onboarding.verifiers.configured import verifiers_from
from onboarding.verifiers.registry import Verifiers
from onboarding.work import Work

if TYPE_CHECKING:
    from onboarding.crypto import KeyRing
    from onboarding.domain.policy import Policy
    from onboarding.settings import Settings

STALE_SWEEPS = 5
"""Sweeps missed before health says degraded."""


class WrongRootKeys(Exception):  # noqa: N818 -- says what is wrong
    """``ONBOARDING_ROOT_KEYS`` do not open the accounts of this database: nothing could be read, so nothing starts."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything a process does with accounts goes through these parts."""

    settings: Settings
    ring: KeyRing
    database: Database
    verifiers: Verifiers
    policies: PolicyShelf
    api_keys: ApiKeys
    door: Door
    accounts: Accounts
    tokens: Tokens
    vault: Vault
    reviews: Reviews
    orders: Orders
    rechecks: Rechecks
    activity: Activity
    reader: Reader
    clocks: Clocks
    destinations: Destinations
    account_links: AccountLinks
    timeline: Timeline
    people: People
    explanations: Explanations
    policy_book: PolicyBook
    rollouts: Rollouts
    rollout_steps: RolloutSteps
    list_deltas: ListDeltas
    work: Work
    inbox: Inbox
    files: Files
    downstream: Downstream
    activations: Activations
    imports: Imports
    import_steps: ImportSteps

    async def authenticate(self, secret: str) -> Caller | None:
        """The caller that an API key stands for; None if there is no such key, it was revoked or it has ended."""
        return await self.api_keys.caller(secret)

    async def health(self) -> dict[str, Any]:
        """``ok``, or ``degraded`` where no sweep has ended for a while: accounts are accepted, but nobody works."""
        async with self.database.reading() as r:
            row = await book.get(r)
            now = await book.database_now(r)
        limit = max(STALE_SWEEPS * self.settings.sweep_interval, timedelta(minutes=2))
        swept = row.last_sweep_at
        stale = swept is None or now - swept > limit
        return {"status": "degraded" if stale else "ok", "last_sweep_at": rfc3339(swept) if swept else None}

    async def due(self, limit: int) -> tuple[list[str], list[tuple[str, ...]]]:
        """What a sweep nudges: accounts, and the ids of all else that somebody must look at, as a nudge takes them.

        Accounts that are due, checks about which the inbox holds something or whose account is done with them, reviews
        that no run shows as they are, and roll-outs, imports and list deltas; ``limit`` of each. Each is offered again
        later if nobody looks.
        """
        accounts = await self.work.sweep(limit)
        checks = {*await self.inbox.due(limit), *await self.work.leftovers(limit)}
        sorts = (self.rollout_steps, self.import_steps, self.list_deltas)
        batches = [(batch,) for sort in sorts for batch in await sort.due(limit)]
        return accounts, [*checks, *await self.reviews.due(limit), *batches]

    async def close(self) -> None:
        """Close the connections to the database, to vendors and downstream."""
        await self.verifiers.close()
        await self.downstream.close()
        await self.database.close()


async def open_engine(
    settings: Settings,
    *,
    verifiers: Verifiers | None = None,
    downstream: Downstream | None = None,
    nudge: Nudge = nobody,
    policy: Policy | None = None,
    policy_bytes: bytes | None = None,
    name: str = "onboarding",
) -> Engine:
    """Open the engine; the current policy is published if it was not.

    Args:
        settings: of the process.
        verifiers: who answers checks; what the settings say if None.
        downstream: who confirms capabilities; what the settings say if None.
        nudge: told after a commit of what somebody should look at; nobody is told by default.
        policy: the policy new accounts are assigned; the package's own if None. ``policy_bytes`` are its bytes.
        policy_bytes: see ``policy``.
        name: what Postgres shows of this process.

    Raises:
        ConnectionLost: Postgres is not there.
        WrongRootKeys: the database was written under other root keys.
    """
    ring = settings.key_ring()
    database = Database(settings.database_url, pool_size=settings.database_pool_size, application_name=name)
    chosen = verifiers if verifiers is not None else verifiers_from(settings)
    told = downstream if downstream is not None else downstream_from(settings)
    shelf = PolicyShelf(database, policy, policy_bytes)
    try:
        await _refuse_wrong_keys(database, ring)
        await shelf.publish()
    except BaseException:
        await database.close()
        raise
    door = Door(database, ring, shelf, chosen, nudge, settings.reminder_days, told)
    reader = Reader(database, ring, door)
    orders = Orders(database, door, reader)
    screening = next((one for one in chosen.local if isinstance(one, Screening)), None)
    files = Files(database, ring, door, objects_at(settings.files))
    policy_book = PolicyBook(database, settings.database_url, door, shelf)
    return Engine(
        settings=settings,
        ring=ring,
        database=database,
        verifiers=chosen,
        policies=shelf,
        api_keys=ApiKeys(database, ring, settings.key_memory),
        door=door,
        accounts=Accounts(door, reader, chosen),
        tokens=Tokens(database, ring, door, chosen),
        vault=Vault(database, door, chosen),
        reviews=Reviews(database, door, reader),
        orders=orders,
        rechecks=Rechecks(database, orders),
        activity=Activity(database, door),
        reader=reader,
        clocks=Clocks(database, ring, door),
        destinations=Destinations(database, ring, door, reader),
        account_links=AccountLinks(database, ring, door),
        timeline=Timeline(database),
        people=People(reader),
        explanations=Explanations(database, door, Reproducer(database, shelf)),
        policy_book=policy_book,
        rollouts=Rollouts(database, door, policy_book, max_restricted_share=settings.max_restricted_share, nudge=nudge),
        rollout_steps=RolloutSteps(database, door, shelf),
        list_deltas=ListDeltas(database, door, screening, ListDeltaPace(settings.list_delta_rate)),
        work=Work(database, door, chosen, files, Backlog(database, chosen, Bounds(*settings.backlog_bounds))),
        inbox=Inbox(database, ring, chosen, nudge),
        files=files,
        downstream=told,
        activations=Activations(door, database, told),
        imports=Imports(database, ring, door, nudge),
        import_steps=ImportSteps(database, ring, door, chosen),
    )


async def _refuse_wrong_keys(database: Database, ring: KeyRing) -> None:
    async with database.reading() as r:
        newest = await accounts.newest_keys(r)
    if newest is not None:
        account_id, wrapped = newest
        try:
            ring.unwrap(wrapped, account=account_id)
        except SealBroken:
            raise WrongRootKeys("ONBOARDING_ROOT_KEYS do not open the accounts of this database") from None

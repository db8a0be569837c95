"""Telling the life of one sandbox account on a test clock, and reading back everything that was recorded of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from onboarding.catalogue.loader import builtin_bytes, compile_policy, policy_bytes
from onboarding.domain.policy import Policy
from onboarding.door.callers import Caller, RequestKey
from onboarding.door.door import Look, Nudge
from onboarding.engine import Engine
from onboarding.ids import new_id
from onboarding.storage import clocks, events, keys
from onboarding.work import Plan
from tests.support import samples

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)

CARD = "merchant.card_payments"
CARD_PAYOUTS = "merchant.stripe_balance.payouts"
TRANSFERS = "recipient.stripe_balance.stripe_transfers"
TRANSFER_PAYOUTS = "recipient.stripe_balance.payouts"

ACTIVE = "active"
PAST_DUE = "restricted/requirements_past_due"
DETERMINING = "pending/determining_status"
VERIFYING = "pending/requirements_pending_verification"

CONTROLLED: Any = {
    "contact_email": "jenny@rosen-gardens.com",
    "dashboard": "none",
    "defaults": samples.COMPANY["defaults"],
}
WANTS_TRANSFERS: Any = {"recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}}

# One instant of day for all stories, so that they differ by what happens only. Later than any account's creation.
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + 2 * HOUR


def born(age: int, on: datetime) -> dict[str, int]:
    """The birth date of somebody who becomes ``age`` on that day."""
    return {"day": on.day, "month": on.month, "year": on.year - age}


def person(**changes: Any) -> Any:
    """A complete person whose identity passes at once, with other values where they are given."""
    return samples.patched(samples.RECIPIENT_DETAILS["identity"]["individual"], **changes)


def individual(**changes: Any) -> Any:
    """A complete individual who takes cards and is paid out; other values at dotted paths of the person."""
    return {
        **CONTROLLED,
        "identity": {
            "country": "US",
            "entity_type": "individual",
            "attestations": {"terms_of_service": {"account": samples.ACCEPTANCE}},
            "individual": person(**changes),
        },
        "configuration": {"merchant": samples.COMPANY["configuration"]["merchant"], **WANTS_TRANSFERS},
    }


def company(**changes: Any) -> Any:
    """A complete company but for its persons; other values at dotted paths of the request."""
    patch = samples.patched(samples.COMPANY, **changes)
    patch["configuration"] = {**patch["configuration"], **WANTS_TRANSFERS}
    return patch


def test_policy(version: int, *rules: Any, **checks: Any) -> tuple[Policy, bytes]:
    """The package's policy with more rules, and checks defined anew."""
    document = json.loads(builtin_bytes())["document"]
    document["checks"] |= checks
    document["rules"] += rules
    packed = policy_bytes("stories", version, document)
    return compile_policy(packed), packed


test_policy.__test__ = False  # type: ignore[attr-defined]  # nothing for pytest to collect


async def new_caller(engine: Engine, *, livemode: bool = False) -> Caller:
    """A caller of a platform that has nothing yet."""
    platform_id = new_id("plat_")
    async with engine.database.reading() as r:
        await keys.create_platform(r, platform_id=platform_id)
    return Caller(platform_id, livemode, "key_story", "req_story")


def key(name: str = "", operation: str = "POST /v2/core/accounts", body: Any = None) -> RequestKey:
    """An idempotency key; a new one if it has no name."""
    fingerprint = json.dumps(body, sort_keys=True).encode()
    return RequestKey(operation, "", name or new_id("req_"), fingerprint)


@dataclass
class Life:
    """One account, on a clock if ``clock_id`` is given. Times are told as distances from ``start``."""

    engine: Engine
    caller: Caller
    id: str
    clock_id: str = ""
    start: datetime = START
    persons: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def begin(cls, engine: Engine, caller: Caller | None = None, start: datetime = START) -> Life:
        """An empty account, attached to a clock at once: everything that follows happens in the clock's time."""
        caller = caller or await new_caller(engine)
        view = await engine.accounts.create(caller, {"display_name": "Rosen"}, None)
        clock = await engine.clocks.create(caller, start, None, None)
        life = cls(engine, caller, view.account["id"], clock["id"], start)
        await engine.clocks.attach(caller, clock["id"], life.id, None)
        return life

    @classmethod
    async def now(cls, engine: Engine, patch: Any, caller: Caller | None = None) -> Life:
        """An account in the database's own time."""
        caller = caller or await new_caller(engine)
        view = await engine.accounts.create(caller, patch, None)
        return cls(engine, caller, view.account["id"])

    # --- time ---------------------------------------------------------------------------------------------------------

    async def comes(self, distance: timedelta) -> None:
        """The clock is advanced, and the account goes through all that falls due."""
        clock = await self.engine.clocks.advance(self.caller, self.clock_id, self.start + distance, None)
        assert clock["status"] == "ready"

    async def passes(self, distance: timedelta) -> None:
        """Time passes and nobody looks."""
        async with self.engine.database.reading() as r:
            assert await clocks.move(r, self.clock_id, self.start + distance)

    async def look(self) -> None:
        await self.engine.door.revise(self.id, Look())

    async def plan(self, run_id: str = "run") -> Plan:
        return await self.engine.work.plan(self.id, run_id)

    # --- what the platform does ---------------------------------------------------------------------------------------

    async def put(self, patch: Any) -> dict[str, Any]:
        """Update the account; answers its document."""
        return (await self.engine.accounts.update(self.caller, self.id, patch, None)).account

    async def supply(self, **leaves: Any) -> dict[str, Any]:
        """Update single values, at paths with ``__`` for each dot."""
        return await self.put(samples.patched({}, **leaves))

    async def add(self, name: str, patch: Any) -> dict[str, Any]:
        made = await self.engine.accounts.create_person(self.caller, self.id, patch, None)
        self.persons[name] = made["id"]
        return made

    async def change(self, name: str, patch: Any) -> dict[str, Any]:
        return await self.engine.accounts.update_person(self.caller, self.id, self.persons[name], patch, None)

    async def remove(self, name: str) -> None:
        await self.engine.accounts.delete_person(self.caller, self.id, self.persons[name], None)

    async def pays_into(self, **changes: str) -> None:
        params = {"external_account": samples.BANK_ACCOUNT | changes}
        await self.engine.accounts.create_bank_account(self.caller, self.id, params, None)

    # --- what can be read ---------------------------------------------------------------------------------------------

    async def account(self) -> dict[str, Any]:
        whole = (await self.engine.reader.account(self.caller, self.id)).account
        assert await self.engine.reader.document(self.caller, self.id) == whole  # the short way tells the same
        return whole

    async def statuses(self) -> dict[str, str]:
        """Capabilities: status, and its code if it has one."""
        return statuses(await self.account())

    async def entries(self) -> dict[str, str]:
        """Open requirements: due status, who acts if it is not the user, and error codes."""
        return entries(await self.account())

    async def rows(self, sql: str, *parameters: object) -> list[Any]:
        return await fetch(self.engine, sql, *parameters)

    async def row(self) -> Any:
        return (await self.rows("SELECT * FROM accounts WHERE id = $1", self.id))[0]

    async def events(self) -> list[dict[str, Any]]:
        """All events, oldest first, with what is sealed in them."""
        ids = [row["id"] for row in await self.rows("SELECT id FROM events WHERE account_id = $1", self.id)]
        async with self.engine.database.reading() as r:
            rows = await events.find_events(r, ids)
            return await self.engine.reader._event_documents(r, rows)

    async def story(self, since: int = 0) -> list[tuple[str, str]]:
        """What the platform was told, as (distance from the start, what): changes of capability statuses only."""
        told = []
        for event in (await self.events())[since:]:
            if event["type"].endswith("capability_status_updated"):
                after = event["changes"]["after"]["configuration"]
                name = f"{event['type'].partition('configuration.')[2].partition(']')[0]}"
                path = f"{name}.{event['data']['updated_capability']}"
                at = datetime.fromisoformat(event["effective_at"]) - self.start
                told.append((f"{path} {statuses({'configuration': after})[path]}", str(at)))
        return told

    async def marks(self) -> dict[str, datetime]:
        """Deadline marks by key."""
        found = await self.rows("SELECT key, at FROM marks WHERE account_id = $1 AND kind = 'deadline'", self.id)
        return {row["key"]: row["at"] for row in found}

    async def checks(self, kind: str) -> list[Any]:
        """Checks of a kind with their newest outcome, in the order they were opened."""
        return await self.rows(
            "SELECT state, opened_at, ended_at, (SELECT outcome FROM evidence e WHERE e.check_id = c.id"
            " ORDER BY recorded_at DESC LIMIT 1) AS outcome FROM checks c"
            " WHERE account_id = $1 AND kind = $2 ORDER BY opened_at, id",
            self.id,
            kind,
        )

    async def written(self) -> list[Any]:
        """Every row of this account with the transaction that wrote it: equal if nothing was written."""
        found = []
        for table, column in ACCOUNT_TABLES:
            rows = await self.rows(
                f"SELECT xmin::text, ctid::text, t::text FROM {table} t WHERE {column} = $1 ORDER BY 2",  # noqa: S608
                self.id,
            )
            found.append((table, [tuple(row) for row in rows]))
        return found


ACCOUNT_TABLES = (
    ("accounts", "id"),
    *(
        (table, "account_id")
        for table in (
            "acknowledgements", "activations", "answers", "attempts", "audit_log", "bank_accounts", "checks", "events",
            "evidence", "idempotency_keys", "marks", "orders", "pending_deliveries", "persons", "reviews",
            "sealed_values", "versions",
        )
    ),
)  # fmt: skip


async def fetch(engine: Engine, sql: str, *parameters: object) -> list[Any]:
    """Rows of one statement."""
    async with engine.database.reading() as r:
        return await r.fetch(sql, *parameters)


def statuses(document: Mapping[str, Any]) -> dict[str, str]:
    """Capabilities of a document: status, and its code if it has one."""
    found: dict[str, str] = {}

    def walk(prefix: str, node: Any) -> None:
        if not isinstance(node, dict):
            return
        if "status" in node:
            codes = [detail["code"] for detail in node["status_details"]]
            found[prefix] = "/".join([node["status"], *codes])
            return
        for name, below in node.items():
            walk(f"{prefix}.{name}", below)

    for name, configuration in (document["configuration"] or {}).items():
        walk(name, (configuration or {}).get("capabilities"))
    return found


def entries(document: Mapping[str, Any]) -> dict[str, str]:
    """Open requirements of a document; an entry about a person has ``person:`` in front."""
    found = {}
    for entry in document["requirements"]["entries"]:
        label = ("person:" if entry["reference"] else "") + entry["description"]
        errors = [error["code"] for error in entry["errors"]]
        ours = [] if entry["awaiting_action_from"] == "user" else ["ours"]
        assert label not in found
        found[label] = " ".join([entry["minimum_deadline"]["status"], *ours, *errors])
    return found


# --- a whole life, told so that two lives can be compared ------------------------------------------------------------

_NAMES = re.compile(r"(?:acct|person|check|evid|ba|rev|reqent|clock|evt_test|evt)_[0-9a-z]{10,}|\b[0-9a-f]{16,64}\b")
_TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")


class Placeholders:
    """Replaces ids and digests by the order in which they first appear, and times before the start by a word."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._known: dict[str, str] = {}

    def __call__(self, value: Any) -> Any:
        text = self.named(json.dumps(value, sort_keys=True, default=str))
        return json.loads(_TIMES.sub(lambda found: self._time(found[0]), text))

    def named(self, text: str) -> str:
        """A text with its ids replaced only."""
        return _NAMES.sub(lambda found: self._name(found[0]), text)

    def _name(self, name: str) -> str:
        kind = name.rpartition("_")[0] or "digest"
        return self._known.setdefault(name, f"{kind}#{len(self._known)}")

    def _time(self, text: str) -> str:
        return "before" if datetime.fromisoformat(text) < self._start else text


async def lived(life: Life) -> dict[str, Any]:
    """Everything that was recorded of a life, comparable with another one."""
    stable = Placeholders(life.start)

    async def rows(sql: str) -> list[Any]:
        found = await life.rows(sql, life.id)
        texts = [
            {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
            for row in found
        ]
        return [stable(text) for text in texts]

    def in_order(found: Sequence[Any]) -> list[Any]:
        return sorted(found, key=lambda row: json.dumps(row, sort_keys=True))

    told: dict[str, Any] = {}
    told["versions"] = await rows(
        # Keyed by ids that differ from life to life; what it says is in the findings too.
        "SELECT version, effective_at, shape, evaluation - 'entry_deadlines' AS evaluation"
        " FROM versions WHERE account_id = $1 ORDER BY version"
    )
    told["events"] = [
        stable({name: event[name] for name in ("type", "related_object", "effective_at", "data", "changes", "reason")})
        for event in await life.events()
    ]
    told["marks"] = in_order(await rows("SELECT kind, key, at, set_at, value FROM marks WHERE account_id = $1"))
    told["evidence"] = await rows(
        "SELECT check_id, kind, subject, digest, outcome, reasons, occurred_at, recorded_at, valid_until"
        " FROM evidence WHERE account_id = $1 ORDER BY recorded_at, id"
    )
    told["checks"] = await rows(
        "SELECT id, kind, subject, digest, state, opened_at, ended_at FROM checks WHERE account_id = $1"
        " ORDER BY opened_at, id"
    )
    told["reviews"] = await rows(
        "SELECT check_id, queue, reason_code, state, opened_at FROM reviews WHERE account_id = $1 ORDER BY id"
    )
    told["audit"] = await rows("SELECT position, at FROM audit_log WHERE account_id = $1 ORDER BY position")
    view = await life.engine.reader.account(life.caller, life.id)
    told["final"] = stable([view.account, view.persons, view.checks, view.bank_accounts])
    return told


def noting(nudged: list[str]) -> Nudge:
    """Nobody is nudged; the ids of accounts that would be are added to the list."""

    def nudge(*ids: str) -> None:
        if len(ids) == 1:
            nudged.append(ids[0])

    return nudge

"""The whole product as processes of its own, whose parts can be killed, and what a test may see of it from outside."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg
import httpx

from onboarding.crypto import KeyRing
from onboarding.inspection import Inspection, inspect
from onboarding.local.processes import free_port, is_alive
from onboarding.storage.database import Database

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("worker", "api", "temporal", "postgres", "simulator")
"""What can be killed."""

PORTS = ("API", "TEMPORAL", "TEMPORAL_UI", "POSTGRES", "WORKER_HEALTH", "SIMULATOR", "RECEIVER")
OTHER_SETTINGS = ("DATABASE_URL", "TEMPORAL_", "ONBOARDING_", "OTEL_")
"""Prefixes of variables that must not reach the stack from the environment of the tests."""

START_SECONDS = 90.0
BACK_SECONDS = 60.0
LOOK_SECONDS = 0.1


class NotInTimeError(Exception):
    """Something that was waited for did not come."""


@dataclass(frozen=True)
class Held:
    """An account whose row is locked; ``waiting`` counts the database sessions that wait for a lock."""

    stack: Stack

    async def waiting(self) -> int:
        """How many sessions of the engine wait for a lock now."""
        rows = await self.stack.fetch("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return int(rows[0][0])


class Stack:
    """All parts, on free ports, with a folder of their own. Use it as an async context manager.

    Args:
        sweep_seconds: how often the engine sweeps; every minute is long for a test.
    """

    def __init__(self, *, sweep_seconds: float = 3.0) -> None:
        self._made = Path(tempfile.mkdtemp(prefix="onboarding-faults-"))
        # The database's server may run as another user, who must be able to enter.
        self._made.chmod(0o755)
        self.var = self._made / "var"
        self._sweep_seconds = sweep_seconds
        self._ports = {name: free_port() for name in PORTS}
        self._run: subprocess.Popen[bytes] | None = None
        self._rates: Any = None
        self.killed: Counter[str] = Counter()
        self.http = httpx.AsyncClient(
            timeout=30, trust_env=False, limits=httpx.Limits(max_connections=100, max_keepalive_connections=20)
        )

    async def __aenter__(self) -> Self:
        """Start."""
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything and delete the folder."""
        await self.close()

    # --- running ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start all parts and wait until they work."""
        self.var.mkdir(parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OTHER_SETTINGS)}
        environment |= {f"ONBOARDING_{name}_PORT": str(port) for name, port in self._ports.items()}
        environment |= {"ONBOARDING_VAR": str(self.var), "ONBOARDING_SWEEP_INTERVAL": str(self._sweep_seconds)}
        with (self._made / "run.log").open("ab") as log:
            self._run = subprocess.Popen(  # noqa: ASYNC220 -- starting takes milliseconds
                [sys.executable, "-m", "tests.faults.quick"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env=environment, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + START_SECONDS
        while not (self.is_running() and self.pids.keys() >= set(PARTS) and await self.is_ready()):
            if self._run.poll() is not None or time.monotonic() > until:
                raise NotInTimeError(f"the stack did not start: {self.said()[-2000:]}")
            await asyncio.sleep(LOOK_SECONDS)

    async def stop(self) -> None:
        """End all parts in good order; the folder stays, and :meth:`start` goes on from it."""
        if self._run is not None:
            if self._run.poll() is None:
                self._run.send_signal(signal.SIGTERM)
            await asyncio.to_thread(self._run.wait, 90)
            self._run = None

    async def close(self) -> None:
        """End everything and delete the folder."""
        await self.http.aclose()
        await self.stop()
        if "FAULTS_KEEP" not in os.environ:
            shutil.rmtree(self._made, ignore_errors=True)

    def said(self) -> str:
        """What the supervisor printed."""
        log = self._made / "run.log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def is_running(self) -> bool:
        """Whether the run file is that of the process that was started last."""
        return self._run is not None and self._facts().get("pids", {}).get("run") == self._run.pid

    async def is_ready(self, part: str | None = None) -> bool:
        """Whether every part answers that it works, or one of them."""
        addresses = {
            "api": f"http://127.0.0.1:{self._ports['API']}/ready",
            "worker": f"http://127.0.0.1:{self._ports['WORKER_HEALTH']}/ready",
            "simulator": f"http://127.0.0.1:{self._ports['SIMULATOR']}/_control/health",
        }
        for name, address in addresses.items():
            if part in (None, name):
                try:
                    answer = await self.http.get(address, timeout=2)
                except httpx.HTTPError:
                    return False
                if not answer.is_success:
                    return False
        return True

    # --- killing ------------------------------------------------------------------------------------------------------

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the parts, as the run file says."""
        return {name: pid for name, pid in self._facts().get("pids", {}).items() if name in PARTS}

    def kill(self, part: str) -> int:
        """``kill -9`` of a part; its process id. It is started again soon."""
        pid = self.pids[part]
        os.kill(pid, signal.SIGKILL)
        self.killed[part] += 1
        return pid

    def lose_temporal(self) -> int:
        """``kill -9`` of Temporal, and delete its storage before it is started again."""
        pid = self.kill("temporal")
        for file in self.var.glob("temporal.db*"):
            file.unlink(missing_ok=True)
        self.killed["temporal's storage"] += 1
        return pid

    async def until_back(self, *killed: tuple[str, int]) -> None:
        """Wait until parts that were killed run again, under other ids, and everything says that it works."""
        await self.until(lambda: all(self.is_back(part, pid) for part, pid in killed), "parts that were killed")
        until = time.monotonic() + BACK_SECONDS
        while not await self.is_ready():
            if time.monotonic() > until:
                raise NotInTimeError("the parts are not ready again")
            await asyncio.sleep(LOOK_SECONDS)
        if any(part == "simulator" for part, _ in killed):
            await self.restore_rates()

    def is_back(self, part: str, before: int) -> bool:
        """Whether a part runs as another process than before."""
        now = self.pids.get(part)
        return now is not None and now != before and is_alive(now)

    async def until(self, is_so: Any, what: str, seconds: float = BACK_SECONDS) -> None:
        """Wait until a function, or a coroutine function, says true."""
        until = time.monotonic() + seconds
        while True:
            answer = is_so()
            if await answer if asyncio.iscoroutine(answer) else answer:
                return
            if time.monotonic() > until:
                raise NotInTimeError(f"waited {seconds:g} s for {what}")
            await asyncio.sleep(LOOK_SECONDS)

    # --- the vendor's stand-in ----------------------------------------------------------------------------------------

    async def vendor(self, method: str, name: str, body: Any = None) -> Any:
        """One request to the stand-in's control; repeated while it is being started again."""
        until = time.monotonic() + BACK_SECONDS
        while True:
            try:
                answer = await self.http.request(
                    method, f"http://127.0.0.1:{self._ports['SIMULATOR']}/_control/{name}", json=body
                )
                return answer.raise_for_status().json()
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(LOOK_SECONDS)

    async def script(self, *faults: Mapping[str, Any]) -> None:
        """Add faults to the script."""
        await self.vendor("POST", "faults", list(faults))

    async def set_rates(self, rates: Any) -> None:
        """Draw faults at random, also after the stand-in was killed. None: no more."""
        self._rates = rates
        if rates is None:
            await self.vendor("DELETE", "faults")
        else:
            await self.restore_rates()

    async def restore_rates(self) -> None:
        """Say again what the stand-in forgets with its process."""
        if self._rates is not None:
            await self.vendor("PUT", "rates", self._rates)

    async def until_told(self, callbacks: int) -> None:
        """Wait until the engine has acknowledged so many callbacks."""

        async def is_told() -> bool:
            return bool(await self.told() >= callbacks)

        await self.until(is_told, f"{callbacks} callbacks")

    async def told(self) -> int:
        """Callbacks that the engine has acknowledged."""
        ledger = await self.vendor("GET", "ledger")
        return int(ledger["webhooks"]["acknowledged"])

    async def sessions_of(self, account_id: str) -> list[Any]:
        """The vendor's sessions for an account's attempts, the oldest first."""
        rows = await self.fetch("SELECT our_reference FROM attempts WHERE account_id = $1", account_id)
        ours = {row[0] for row in rows}
        return [one for one in await self.vendor("GET", "sessions") if one["client_reference_id"] in ours]

    # --- the record ---------------------------------------------------------------------------------------------------

    @property
    def api(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self._ports['API']}"

    @property
    def temporal_ui(self) -> str:
        """Where Temporal's own UI is."""
        return str(self._facts()["temporal_ui"])

    @property
    def live_key(self) -> str:
        """Of the one platform there is."""
        return str(self._facts()["live_key"])

    @property
    def webhook_secret(self) -> str:
        """What the vendor signs with."""
        return str(json.loads((self.var / "simulators" / "secrets.json").read_text())["secret"])

    @property
    def database_url(self) -> str:
        """Where the record is."""
        return str(self._facts()["database_url"])

    async def fetch(self, sql: str, *parameters: object) -> list[Any]:
        """Rows of one statement, over a connection of its own."""
        connection = await asyncpg.connect(self.database_url)
        try:
            found: list[Any] = await connection.fetch(sql, *parameters)
            return found
        finally:
            await connection.close()

    @asynccontextmanager
    async def hold(self, account_id: str) -> AsyncIterator[Held]:
        """Lock an account's row, as a transaction of the engine does, until the block is left."""
        connection = await asyncpg.connect(self.database_url)
        try:
            async with connection.transaction():
                await connection.execute("SELECT 1 FROM accounts WHERE id = $1 FOR UPDATE", account_id)
                yield Held(self)
        finally:
            await connection.close()

    async def inspect(self, account_id: str | None = None) -> Inspection:
        """The engine's own inspection of its book, every seal opened."""
        ring = KeyRing.parse((self.var / "root_key").read_text().strip())
        database = Database(self.database_url, pool_size=2, application_name="faults")
        try:
            return await inspect(database, ring, account_id=account_id, is_opening=True)
        finally:
            await database.close()

    async def wrong(self) -> list[str]:
        """Everything that must not be: findings of the inspection, double charges, callbacks that got lost."""
        findings = [
            f"{one.rule} {one.account_id} {one.object_id}: {one.says}" for one in (await self.inspect()).findings
        ]
        ledger = await self.vendor("GET", "ledger")
        twice = [f"{ours} was charged {times} times" for ours, times in ledger["by_reference"].items() if times != 1]
        known = {row[0] for row in await self.fetch("SELECT our_reference FROM attempts")}
        strange = [f"{ours} is no attempt" for ours in ledger["by_reference"] if ours not in known]
        sessions = await self.vendor("GET", "sessions")
        per_check = Counter(one["metadata"].get("check") for one in sessions)
        again = [f"check {check} was asked {times} times" for check, times in per_check.items() if times > 1]
        if ledger["sessions_created"] != len(ledger["by_reference"]):
            strange.append("a session without a reference")
        kept = await self.fetch("SELECT coalesce(sum(deliveries), 0) FROM inbox WHERE state <> 'refused'")
        lost = ledger["webhooks"]["acknowledged"] - int(kept[0][0])
        lost_ones = [f"{lost} callbacks were acknowledged and are not kept"] if lost > 0 else []
        doubled = await self.fetch(
            "SELECT check_id, attempt, count(*) FROM evidence WHERE check_id IS NOT NULL AND attempt > 0"
            " GROUP BY 1, 2 HAVING count(*) > 1"
        )
        return findings + twice + strange + again + lost_ones + [f"evidence of {row[0]} twice" for row in doubled]

    def _facts(self) -> dict[str, Any]:
        try:
            facts = json.loads((self.var / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

"""Requests per second of the API beside bare routes in the same process, as ratios; SQL round trips; latency; memory.

The bare GET does one primary-key select and returns the same JSON; the bare POST parses the body and makes the same
inserts with fresh ids. Server and client are separate processes; the sides take turns, so noise hits both.

Latency is that of GET under 64 connections; memory that of the server early and late in many requests of all sorts.

``python -m benchmarks.requests [--seconds 3] [--clients 8] [--requests 20000]``
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import orjson
import uvicorn
from fastapi import Request, Response

from api.app import create_app
from benchmarks.program import as_program
from onboarding.cli.keys import ensure_local_keys
from onboarding.door.callers import RequestKey
from onboarding.engine import Engine, open_engine
from onboarding.ids import new_id
from onboarding.local import LocalPostgres
from onboarding.local.processes import free_port
from onboarding.settings import load_settings
from onboarding.storage import migrate
from onboarding.storage.database import Transaction
from onboarding.telemetry import setup_logging

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI

    from onboarding.ids import Prefix
    from onboarding.storage.batch import Batch

INCLUDE = "&".join(
    f"include[{place}]={name}"
    for place, name in enumerate(
        (
            "configuration.customer",
            "configuration.merchant",
            "configuration.recipient",
            "defaults",
            "future_requirements",
            "identity",
            "requirements",
        )
    )
)
ACCOUNT: dict[str, Any] = {
    "contact_email": "owner@benchmark-shop.com",
    "dashboard": "none",
    "display_name": "Benchmark shop",
    "identity": {
        "country": "US",
        "entity_type": "individual",
        "individual": {
            "given_name": "Ada",
            "surname": "Example",
            "email": "ada@benchmark-shop.com",
            "phone": "0000000000",
            "date_of_birth": {"day": 1, "month": 1, "year": 1902},
            "address": {
                "line1": "address_full_match",
                "city": "Schenectady",
                "state": "NY",
                "postal_code": "12345",
                "country": "US",
            },
            "id_numbers": [{"type": "us_ssn", "value": "222222222"}],
        },
        "attestations": {"terms_of_service": {"account": {"date": "2026-11-01T00:00:00Z", "ip": "10.0.0.1"}}},
    },
    "configuration": {
        "merchant": {
            "mcc": "5734",
            "statement_descriptor": {"descriptor": "BENCHMARK SHOP"},
            "capabilities": {"card_payments": {"requested": True}},
        }
    },
    "defaults": {
        "profile": {"business_url": "https://accessible.stripe.com"},
        "responsibilities": {"fees_collector": "application", "losses_collector": "application"},
    },
    "include": ["identity", "requirements", "configuration.merchant", "defaults"],
}
CONNECTIONS = 64
_ID = re.compile(r"(acct|person|check|evid|evt_test|rev|att)_[0-9a-hjkmnp-tv-z]{27}")


def _add_bare_routes(app: FastAPI) -> None:
    """The other side of each ratio, on the same database and the same server."""
    captured: list[tuple[str, list[str]]] = []
    apply = Transaction.apply

    async def capture(tx: Transaction, batch: Batch) -> None:
        if not captured:
            captured.append(batch.statement())
        await apply(tx, batch)

    Transaction.apply = capture  # type: ignore[method-assign, assignment]  # only to learn what a create inserts

    @app.get("/bare/{key}")
    async def bare_get(request: Request, key: str) -> Response:
        async with request.state.engine.database.reading() as r:
            row = await r.fetch_one("SELECT document FROM bare WHERE id = $1", key)
        return Response(row["document"], media_type="application/json")

    @app.post("/bare")
    async def bare_post(request: Request) -> Response:
        body = await request.body()
        parsed = orjson.loads(body)
        text, parameters = captured[0]
        fresh: dict[str, str] = {}

        def renew(found: re.Match[str]) -> str:
            return fresh.setdefault(found[0], new_id(cast("Prefix", f"{found[1]}_")))

        renewed = [_ID.sub(renew, parameter) for parameter in parameters]
        async with request.state.engine.database.transaction() as tx:
            await tx.fetch(text, *renewed)
        return Response(orjson.dumps(parsed), media_type="application/json")


def serve(port: int) -> None:
    """The server process."""
    setup_logging()
    app = create_app(load_settings())
    _add_bare_routes(app)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


class _Client:
    """A keep-alive connection that speaks just enough HTTP not to be the limit."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        head = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        answered = await self._reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", answered, re.IGNORECASE)
        content = await self._reader.readexactly(int(found[1]) if found else 0)
        if not answered.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{method} {path}: {answered[:40]!r}")
        return content


async def _rate(port: int, key: str, clients: int, seconds: float, one: Callable[[_Client], Awaitable[bytes]]) -> float:
    """Requests per second."""
    done = 0
    ends = time.perf_counter() + seconds

    async def work() -> None:
        nonlocal done
        async with _Client(port, key) as client:
            while time.perf_counter() < ends:
                await one(client)
                done += 1

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(clients)))
    return done / (time.perf_counter() - begun)


async def _one_account(port: int, key: str) -> str:
    """Create an account; the path that reads it with all includes."""
    async with _Client(port, key) as client:
        account = orjson.loads(await client.ask("POST", "/v2/core/accounts", orjson.dumps(ACCOUNT)))
    return f"/v2/core/accounts/{account['id']}?{INCLUDE}"


async def measure(port: int, key: str, database_url: str, clients: int, seconds: float) -> dict[str, float]:
    """All ratios; each pair is measured three times in turns."""
    body = orjson.dumps(ACCOUNT)
    path = await _one_account(port, key)
    async with _Client(port, key) as client:
        document = await client.ask("GET", path)
    import asyncpg  # noqa: PLC0415 -- the bare table is this benchmark's own

    connection = await asyncpg.connect(database_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS bare (id text PRIMARY KEY, document bytea NOT NULL)")
    await connection.execute("INSERT INTO bare VALUES ('one', $1) ON CONFLICT DO NOTHING", document)
    await connection.close()
    sides: dict[str, Callable[[_Client], Awaitable[bytes]]] = {
        "get": lambda client: client.ask("GET", path),
        "bare_get": lambda client: client.ask("GET", "/bare/one"),
        "post": lambda client: client.ask("POST", "/v2/core/accounts", body),
        "bare_post": lambda client: client.ask("POST", "/bare", body),
    }
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(3):
        for name, one in sides.items():
            rates[name].append(await _rate(port, key, clients, seconds, one))
    median = {name: statistics.median(found) for name, found in rates.items()}
    return {
        **median,
        "get_ratio": median["get"] / median["bare_get"],
        "post_ratio": median["post"] / median["bare_post"],
        **await _latencies(port, key, path, 3 * seconds),
    }


async def _latencies(port: int, key: str, path: str, seconds: float) -> dict[str, float]:
    """Milliseconds of GET under :data:`CONNECTIONS`, and how far the slowest hundredth is from the middle."""
    taken: list[float] = []

    async def one(client: _Client) -> bytes:
        begun = time.perf_counter()
        content = await client.ask("GET", path)
        taken.append((time.perf_counter() - begun) * 1000)
        return content

    await _rate(port, key, CONNECTIONS, seconds, one)
    hundredths = statistics.quantiles(taken, n=100)
    return {"get_p50_ms": hundredths[49], "get_p99_ms": hundredths[98], "p99_of_p50": hundredths[98] / hundredths[49]}


async def _memory(port: int, key: str, pid: int, requests: int) -> dict[str, float]:
    """Megabytes of the server's process after a tenth of the requests and after all of them."""
    body, change = orjson.dumps(ACCOUNT), b'{"display_name": "Benchmark"}'
    numbers = iter(range(requests))

    async def ask(until: int, path: str) -> None:
        sorts = (
            ("GET", path, b""),
            ("GET", "/v2/core/accounts?limit=100", b""),
            ("GET", path, b""),
            ("POST", "/v2/core/accounts", body),
            ("GET", "/v2/core/events?limit=20", b""),
            ("POST", path.partition("?")[0], change),
        )
        async with _Client(port, key) as client:
            for number in numbers:
                await client.ask(*sorts[number % len(sorts)])
                if number >= until:
                    return

    paths = [await _one_account(port, key) for _ in range(8)]
    found = {}
    for name, until in (("server_mb_early", requests // 10), ("server_mb_late", requests)):
        await asyncio.gather(*(ask(until, path) for path in paths))
        found[name] = _resident_mb(pid)
    return found


def _resident_mb(pid: int) -> float:
    """What a process has in memory; Linux only."""
    resident = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return int(resident[1]) / 1024 if resident else 0.0


async def _until_ready(port: int) -> None:
    for _ in range(300):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.close()
        return
    raise TimeoutError("the server did not start")


async def _run(postgres: LocalPostgres, arguments: argparse.Namespace) -> None:
    url = postgres.url()
    migrate.upgrade(url)
    os.environ |= {
        "DATABASE_URL": url,
        "ONBOARDING_ROOT_KEYS": f"1:{base64.b64encode(os.urandom(32)).decode()}",
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
        "ONBOARDING_RATE_LIMITS": "off",
    }
    keys = ensure_local_keys(url, None)
    engine = await open_engine(load_settings())
    try:
        round_trips = await _round_trips(engine, keys["test_key"])
    finally:
        await engine.close()
    port = free_port()
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.requests", "--serve", str(port))
    try:
        await _until_ready(port)
        # First, since what the bare side inserts can be read by nobody.
        found = await _memory(port, keys["test_key"], server.pid, arguments.requests)
        found |= await measure(port, keys["test_key"], url, arguments.clients, arguments.seconds)
    finally:
        server.terminate()
        await server.wait()
    found |= round_trips
    for name, value in found.items():
        sys.stdout.write(f"{name:20} {value:8.2f}\n")


async def _round_trips(engine: Engine, test_key: str) -> dict[str, float]:
    """SQL round trips of a keyed create, ``BEGIN`` and ``COMMIT`` included, and of a list; without finding the key."""
    caller = await engine.authenticate(test_key)
    if caller is None:
        raise LookupError("the key is unknown")
    patch = {name: value for name, value in ACCOUNT.items() if name != "include"}
    with engine.database.round_trips() as create:
        await engine.accounts.create(caller, patch, RequestKey("POST /v2/core/accounts", "", "one", b"{}"))
    with engine.database.round_trips() as listed:
        await engine.reader.accounts(caller, limit=100)
    return {"create_round_trips": len(create), "list_round_trips": len(listed)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=20_000, help="over which memory is looked at")
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
    else:
        with tempfile.TemporaryDirectory(prefix="onboarding-bench-") as folder:
            Path(folder).chmod(0o755)  # the server may run as another user
            with LocalPostgres(Path(folder) / "data", durable=True) as postgres:
                asyncio.run(_run(postgres, arguments))


if __name__ == "__main__":
    as_program(main)

"""Callbacks per second that the API keeps, beside a bare route that inserts one row of the same size.

Each callback is an event of its own, signed as Stripe signs, about one of the attempts that are there, and is matched
to it. The bare route reads its body and inserts it with a fresh id. Server and client are separate processes; the sides
take turns, so noise hits both. Nobody answers for Temporal, as in ``benchmarks.requests``: nudges are dropped.

``python -m benchmarks.inbox [--seconds 3] [--clients 8] [--attempts 1000]``
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

from api.app import create_app
from benchmarks.program import as_program
from onboarding.engine import Engine, open_engine
from onboarding.ids import new_id
from onboarding.local import LocalPostgres
from onboarding.local.processes import free_port
from onboarding.settings import load_settings
from onboarding.storage import migrate, tables
from onboarding.storage.batch import Batch
from onboarding.telemetry import setup_logging

PATH = "/callbacks/stripe_identity"
SECRET = "whsec_benchmark"  # noqa: S105 -- made up, of a server that lives for seconds
ROUNDS = 3
_NUMBERS = count()


def serve(port: int) -> None:
    """The server process: the API and, beside it, the bare route."""
    setup_logging()
    app = create_app(load_settings())
    _add_bare_route(app)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def _add_bare_route(app: FastAPI) -> None:
    @app.post("/bare")
    async def bare(request: Request) -> Response:
        body = await request.body()
        async with request.state.engine.database.reading() as r:
            await r.fetch("INSERT INTO bare (id, ciphertext) VALUES ($1, $2)", new_id("in_"), body)
        return Response(b'{"received":true}', media_type="application/json")


class Vendor:
    """A keep-alive connection that speaks just enough HTTP not to be the limit."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, attempts: list[str]) -> None:
        self._reader = reader
        self._writer = writer
        self._attempts = attempts

    async def callback(self) -> None:
        """An event about the next attempt, signed."""
        body = self._event()
        at = int(time.time())
        signature = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        await self._post(PATH, body, f"Stripe-Signature: t={at},v1={signature}\r\n")

    async def bare(self) -> None:
        """The same body, to the bare route."""
        await self._post("/bare", self._event(), "")

    def _event(self) -> bytes:
        number = next(_NUMBERS)
        attempt_id = self._attempts[number % len(self._attempts)]
        return orjson.dumps(
            {
                "id": f"evt_{number:024}",
                "object": "event",
                "api_version": "2026-10-28.endive",
                "created": int(time.time()),
                "data": {"object": _session(attempt_id), "previous_attributes": {"status": "processing"}},
                "livemode": True,
                "pending_webhooks": 1,
                "request": {"id": None, "idempotency_key": None},
                "type": "identity.verification_session.verified",
            }
        )

    async def _post(self, path: str, body: bytes, signature: str) -> None:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nUser-Agent: Stripe/1.0\r\n"
            f"{signature}Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answered = await self._reader.readuntil(b'{"received":true}')
        if not answered.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {answered[:40]!r}")

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def _session(attempt_id: str) -> dict[str, Any]:
    """A session as an event shows it: some 600 bytes."""
    return {
        "id": f"vs_{attempt_id.removeprefix('att_')}",
        "object": "identity.verification_session",
        "client_reference_id": attempt_id,
        "client_secret": None,
        "created": 1_767_225_600,
        "last_error": None,
        "last_verification_report": "vr_1PqAbCdEfGhIjKlMnOpQrSt",
        "livemode": True,
        "metadata": {"check": f"check_{attempt_id.removeprefix('att_')}"},
        "options": {"document": {"require_matching_selfie": True}},
        "redaction": None,
        "status": "verified",
        "type": "document",
        "url": None,
    }


async def _rate(port: int, arguments: argparse.Namespace, attempts: list[str], *, is_bare: bool) -> float:
    """Requests per second of one side."""
    done = 0
    ends = time.perf_counter() + arguments.seconds

    async def work() -> None:
        nonlocal done
        vendor = Vendor(*await asyncio.open_connection("127.0.0.1", port), attempts)
        one: Callable[[], Awaitable[None]] = vendor.bare if is_bare else vendor.callback
        while time.perf_counter() < ends:
            await one()
            done += 1
        vendor.close()

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(arguments.clients)))
    return done / (time.perf_counter() - begun)


async def measure(port: int, arguments: argparse.Namespace, attempts: list[str]) -> dict[str, float]:
    """Both rates, each the median of some turns, and their ratio."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for is_bare, found in rates.items():
            found.append(await _rate(port, arguments, attempts, is_bare=is_bare))
    kept, bare = (statistics.median(rates[is_bare]) for is_bare in (False, True))
    return {"reports": kept, "bare": bare, "ratio": kept / bare}


async def _make_attempts(engine: Engine, number: int) -> list[str]:
    """One account with so many attempts that wait for Stripe; their ids."""
    now, account_id, platform_id = datetime.now(UTC), new_id("acct_"), new_id("plat_")
    batch = Batch()
    batch.insert(tables.Platform, id=platform_id, created_at=now)
    batch.insert(
        tables.Account, id=account_id, platform_id=platform_id, livemode=True, created_at=now, updated_at=now, shape={}
    )
    attempt_ids = []
    for subject in range(number):
        attempt_id, check_id = new_id("att_"), new_id("check_")
        batch.insert(
            tables.Check,
            id=check_id, account_id=account_id, kind="keyed_identity", subject=f"person_{subject}", digest="benchmark",
            state="started", opened_at=now,
        )  # fmt: skip
        batch.insert(
            tables.Attempt,
            id=attempt_id, check_id=check_id, account_id=account_id, number=1, verifier="stripe_identity",
            our_reference=attempt_id, idempotency_key=f"{attempt_id}.start", state="started", started_at=now,
            vendor_digest=engine.inbox.vendor_digest("stripe_identity", _session(attempt_id)["id"]),
        )  # fmt: skip
        attempt_ids.append(attempt_id)
    async with engine.database.transaction() as tx:
        await tx.apply(batch)
    async with engine.database.reading() as r:
        await r.fetch("CREATE TABLE bare (id text PRIMARY KEY, ciphertext bytea NOT NULL)")
        await r.fetch("ANALYZE")
    return attempt_ids


async def _unmatched(engine: Engine) -> int:
    """Items that are not what they should be: pending, about an attempt, delivered once."""
    async with engine.database.reading() as r:
        [row] = await r.fetch(
            "SELECT count(*) FROM inbox WHERE state <> 'pending' OR attempt_id IS NULL OR deliveries <> 1"
        )
    return int(row[0])


async def _until_ready(port: int) -> None:
    for _ in range(300):
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("the server did not start")


async def _run(postgres: LocalPostgres, arguments: argparse.Namespace) -> None:
    url = postgres.url()
    migrate.upgrade(url)
    os.environ |= {
        "DATABASE_URL": url,
        "ONBOARDING_ROOT_KEYS": f"1:{base64.b64encode(os.urandom(32)).decode()}",
        "ONBOARDING_STRIPE_IDENTITY_KEY": "rk_benchmark",
        "ONBOARDING_STRIPE_IDENTITY_WEBHOOK_SECRETS": SECRET,
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
    }
    engine = await open_engine(load_settings())
    try:
        attempts = await _make_attempts(engine, arguments.attempts)
        port = free_port()
        server = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.inbox", "--serve", str(port))
        try:
            await _until_ready(port)
            found = await measure(port, arguments, attempts)
        finally:
            server.terminate()
            await server.wait()
        if wrong := await _unmatched(engine):
            raise RuntimeError(f"{wrong} callbacks were not kept as they should be")
    finally:
        await engine.close()
    for name, value in found.items():
        sys.stdout.write(f"{name:20} {value:8.2f}\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--attempts", type=int, default=1000)
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

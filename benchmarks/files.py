"""Uploads: memory of the API's process, and uploads per second beside a bare route that streams to a file.

The bare route appends the request's body to a file as it comes in, piece by piece, and flushes it to the disk; it
parses, seals and records nothing. Server and client are separate processes, and the sides take turns. Memory is the
peak of the API's resident set above what it had after a first upload, read from ``/proc`` while the uploads run one
after another, then several at a time.

``python -m benchmarks.files [--uploads 20] [--clients 4] [--megabytes 10]``
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from PIL import Image

from api.app import create_app
from benchmarks.program import as_program
from benchmarks.servers import ROOT_KEYS
from onboarding.api_keys import API_KEY_DIGEST
from onboarding.engine import open_engine
from onboarding.ids import new_id
from onboarding.local import LocalPostgres
from onboarding.local.processes import free_port
from onboarding.settings import load_settings
from onboarding.storage import keys, migrate
from onboarding.telemetry import setup_logging

SECRET = "sk_test_benchmark"  # noqa: S105 -- made up, of a server that lives for seconds
ROUNDS = 3
BOUNDARY = "a-line-between-the-parts"
PIECE = 65_536
MEGABYTE = 1_000_000


def serve(port: int) -> None:
    """The server process: the API and, beside it, the bare route."""
    setup_logging()
    settings = load_settings()
    app = create_app(settings)
    _add_bare_route(app, Path(settings.files))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def _add_bare_route(app: FastAPI, folder: Path) -> None:
    # Below /v1/files, where bodies may be as long.
    @app.put("/v1/files")
    async def bare(request: Request) -> Response:
        descriptor = os.open(folder / new_id("file_"), os.O_WRONLY | os.O_CREAT)
        async for piece in request.stream():
            os.write(descriptor, piece)
        await asyncio.to_thread(os.fsync, descriptor)
        os.close(descriptor)
        return Response(b"{}", media_type="application/json")


def _form(size: int) -> bytes:
    """A form with an image of so many bytes."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\naccount_requirement\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    )
    image = BytesIO()
    Image.new("RGB", (40, 30)).save(image, "PNG")
    image.write(os.urandom(size - image.tell()))
    return head.encode() + image.getvalue() + f"\r\n--{BOUNDARY}--\r\n".encode()


async def _send(port: int, method: str, body: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"{method} /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {SECRET}\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode())
    for start in range(0, len(body), PIECE):
        writer.write(body[start : start + PIECE])
        await writer.drain()
    answer = await reader.read()
    writer.close()
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{method}: {answer[:300]!r}")


def resident(pid: int) -> int:
    """Bytes of a process in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise LookupError("no VmRSS")


async def _peak(pid: int, work: Awaitable[None]) -> int:
    """The most that a process had in memory while something was done."""
    task = asyncio.ensure_future(work)
    peak = 0
    while not task.done():
        peak = max(peak, resident(pid))
        await asyncio.sleep(0.002)
    await task
    return peak


async def _many(count: int, clients: int, one: Callable[[], Awaitable[None]]) -> None:
    left = count

    async def work() -> None:
        nonlocal left
        while left:
            left -= 1
            await one()

    await asyncio.gather(*(work() for _ in range(clients)))


async def measure(port: int, pid: int, arguments: argparse.Namespace) -> dict[str, float]:
    """All numbers."""
    body = _form(arguments.megabytes * MEGABYTE)

    async def upload() -> None:
        await _send(port, "POST", body)

    async def bare() -> None:
        await _send(port, "PUT", body)

    small = _form(MEGABYTE // 10)
    await _send(port, "POST", small)
    before = resident(pid)
    first = await _peak(pid, upload())
    one = await _peak(pid, _many(arguments.uploads, 1, upload))
    several = await _peak(pid, _many(arguments.uploads, arguments.clients, upload))
    found = {
        "MB, first upload": (first - before) / MEGABYTE,
        "MB, one at a time": (one - before) / MEGABYTE,
        f"MB, {arguments.clients} at a time": (several - before) / MEGABYTE,
    }
    rates: dict[str, list[float]] = {"uploads/s": [], "bare/s": []}
    for _ in range(ROUNDS):
        for name, call in (("uploads/s", upload), ("bare/s", bare)):
            begun = time.perf_counter()
            await _many(arguments.uploads, arguments.clients, call)
            rates[name].append(arguments.uploads / (time.perf_counter() - begun))
    best = {name: max(values) for name, values in rates.items()}
    return found | best | {"ratio": best["uploads/s"] / best["bare/s"]}


async def _until_ready(port: int) -> None:
    for _ in range(300):
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("the server did not start")


async def _run(postgres: LocalPostgres, folder: Path, arguments: argparse.Namespace) -> None:
    migrate.upgrade(postgres.url())
    os.environ |= {
        "DATABASE_URL": postgres.url(),
        "ONBOARDING_ROOT_KEYS": ROOT_KEYS,
        "ONBOARDING_FILES": str(folder / "files"),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
    }
    engine = await open_engine(load_settings())
    try:
        platform_id = new_id("plat_")
        async with engine.database.reading() as r:
            await keys.create_platform(r, platform_id=platform_id)
            digest = engine.ring.platform_digest(API_KEY_DIGEST, SECRET)
            await keys.create_key(r, key_id=new_id("key_"), platform_id=platform_id, livemode=False, digest=digest)
    finally:
        await engine.close()
    port = free_port()
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.files", "--serve", str(port))
    try:
        await _until_ready(port)
        found = await measure(port, server.pid, arguments)
    finally:
        server.terminate()
        await server.wait()
    for name, value in found.items():
        sys.stdout.write(f"{name:20} {value:8.2f}\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--uploads", type=int, default=20)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--megabytes", type=int, default=10)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
    else:
        with tempfile.TemporaryDirectory(prefix="onboarding-bench-") as name:
            folder = Path(name)
            folder.chmod(0o755)  # the server may run as another user
            with LocalPostgres(folder / "data", durable=True) as postgres:
                asyncio.run(_run(postgres, folder, arguments))


if __name__ == "__main__":
    as_program(main)

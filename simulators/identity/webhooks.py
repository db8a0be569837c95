"""Events: signed, sent, and sent again until they are acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import defaultdict
from contextlib import suppress
from typing import Any

import httpx

from simulators.identity.faults import Fault, Faults
from simulators.identity.sessions import Session, new_id
from simulators.identity.storage import Storage

API_VERSION = "2026-10-28.endive"
_EVENTS, _COUNTS = "events", "webhook_counts"
_FIRST_DISTANCE, _LONGEST_DISTANCE = 0.5, 30.0
_ANSWER_SECONDS = 10.0
_AT_ONCE = 20
_HELD_SECONDS = 2.0
_OLD_SECONDS = 360
_HUGE_BYTES = 5 * 1024 * 1024


def signature(secret: str, body: bytes, at: int) -> str:
    """``Stripe-Signature``: ``t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">``."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Webhooks:
    """Sends events to one address, in no promised order. Those not acknowledged survive a restart.

    An event is repeated 0.5, 1, 2, 4 … s after each failure, at most 30 s, for as long as it takes.

    Args:
        storage: where events wait.
        faults: what goes wrong on the way.
        url: where to send to; None keeps and sends nothing.
        secret: to sign with.
    """

    def __init__(self, storage: Storage, faults: Faults, url: str | None, secret: str) -> None:
        self._storage = storage
        self._faults = faults
        self._url = url
        self._secret = secret
        self._tasks: dict[str, set[asyncio.Task[None]]] = defaultdict(set)
        self._held: dict[str, list[asyncio.Event]] = defaultdict(list)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._client = httpx.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False)
        self._counts = {"sent": 0, "acknowledged": 0, "failed": 0, **storage.table(_COUNTS)}

    @property
    def counts(self) -> dict[str, int]:
        """Attempts: how many were ``sent``, how many of them ``acknowledged`` with 2xx, how many ``failed``."""
        return dict(self._counts)

    def start(self) -> None:
        """Go on with what was not acknowledged before the last end."""
        for event in self._storage.table(_EVENTS).values():
            self._deliver_soon(event)

    async def stop(self) -> None:
        """Stop sending; what was not acknowledged waits for the next start."""
        tasks = [task for tasks in self._tasks.values() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    def emit(self, kind: str, session: Session, shown: dict[str, Any], request: dict[str, str | None]) -> None:
        """Send an event about a session.

        Args:
            kind: the last part of its type: created, processing, requires_input, verified, canceled, redacted.
            session: which it is about.
            shown: the session as the API shows it now.
            request: ``{id, idempotency_key}`` of the call that caused it, None where none did.
        """
        if self._url is None:
            return
        id_ = new_id("evt")
        body = {
            "id": id_,
            "object": "event",
            "api_version": API_VERSION,
            "created": int(time.time()),
            "data": {"object": shown},
            "livemode": False,
            "pending_webhooks": 1,
            "request": request,
            "type": f"identity.verification_session.{kind}",
        }
        event = {"body": body, "session": session.id, "reference": session.client_reference_id}
        self._storage.put(_EVENTS, id_, event)
        self._deliver_soon(event)

    async def settled(self, session_id: str, seconds: float) -> None:
        """Wait until nothing waits about a session, at most some seconds."""
        tasks = set(self._tasks[session_id])
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    def _deliver_soon(self, event: dict[str, Any]) -> None:
        tasks = self._tasks[event["session"]]
        task = asyncio.get_running_loop().create_task(self._deliver(event))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _deliver(self, event: dict[str, Any]) -> None:
        distance, first = _FIRST_DISTANCE, True
        while True:
            await self._faults.until_up()
            fault = self._faults.of_webhook(event["reference"], first=first)
            if fault is not None and fault.do == "never":
                break
            await self._wait_for(fault, event["session"])
            acknowledged = await self._attempt(event, fault)
            if fault is not None and fault.do == "duplicate":
                acknowledged = await self._attempt(event, None) or acknowledged
            self._release(event["session"])
            if acknowledged:
                break
            await asyncio.sleep(distance)
            distance, first = min(distance * 2, _LONGEST_DISTANCE), False
        self._storage.remove(_EVENTS, event["body"]["id"])

    async def _wait_for(self, fault: Fault | None, session_id: str) -> None:
        if fault is None or fault.do not in {"late", "reorder"}:
            return
        if fault.do == "late":
            await asyncio.sleep(1.0 if fault.seconds is None else fault.seconds)
        else:
            overtaken = asyncio.Event()
            self._held[session_id].append(overtaken)
            with suppress(TimeoutError):
                await asyncio.wait_for(overtaken.wait(), _HELD_SECONDS)
        await self._faults.until_up()

    def _release(self, session_id: str) -> None:
        for overtaken in self._held.pop(session_id, []):
            overtaken.set()

    async def _attempt(self, event: dict[str, Any], fault: Fault | None) -> bool:
        do = fault.do if fault is not None else None
        body, at = event["body"], int(time.time())
        if do == "bad_shape":
            body = {"notification": {"kind": body["type"], "items": [body["id"]]}, "version": 2}
        elif do == "huge":
            body = {**body, "padding": "x" * _HUGE_BYTES}
        elif do == "old_signature":
            at -= _OLD_SECONDS
        content = json.dumps(body).encode()
        signed = signature(self._secret, content, at)
        if do == "wrong_signature":
            signed = signed[:-1] + ("0" if signed[-1] != "0" else "1")
        headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signed}
        async with self._slots:
            self._count("sent")
            try:
                answer = await self._client.post(str(self._url), content=content, headers=headers)
            except httpx.HTTPError:
                acknowledged = False
            else:
                acknowledged = answer.is_success
        self._count("acknowledged" if acknowledged else "failed")
        return acknowledged

    def _count(self, name: str) -> None:
        self._counts[name] += 1
        self._storage.put(_COUNTS, name, self._counts[name])

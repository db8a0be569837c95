"""Whatever goes wrong is one of a few codes, and nothing that Stripe said is in it."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import struct
import threading
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onboarding.verifiers import http
from onboarding.verifiers.http import MAX_BODY, Reply
from onboarding.verifiers.port import Report, Started, VerifierUnavailable
from onboarding.verifiers.stripe_identity import StripeIdentity
from tests.verifiers.stripe_identity.canned import (
    OUTPUTS,
    QUESTION,
    REFERENCE,
    SESSION,
    Answer,
    Canned,
    listed,
    session,
    verified,
)

MARK = "PLANTED-9f3a"

CALLS: dict[str, Callable[[StripeIdentity], Awaitable[object]]] = {
    "start": lambda adapter: adapter.start(QUESTION, our_reference=REFERENCE, idempotency_key="key"),
    "find": lambda adapter: adapter.find(REFERENCE),
    "poll": lambda adapter: adapter.poll(SESSION, QUESTION),
    "cancel": lambda adapter: adapter.cancel(SESSION),
}
every_call = pytest.mark.parametrize("call", sorted(CALLS))


async def _refusal(adapter: StripeIdentity, call: str) -> VerifierUnavailable:
    with pytest.raises(VerifierUnavailable) as caught:
        await CALLS[call](adapter)
    error = caught.value
    assert str(error) == error.code
    assert error.__cause__ is None
    assert error.__context__ is None or not isinstance(error.__context__, Exception)
    for told in (str(error), repr(error), "".join(traceback.format_exception(error))):
        assert MARK not in told
        assert "rk_test_1" not in told
    return error


@every_call
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (301, "unreadable"), (400, "refused"), (401, "refused"), (402, "refused"), (403, "refused"), (404, "refused"),
        (408, "no_answer"), (409, "vendor_busy"), (424, "vendor_error"), (429, "rate_limited"), (500, "vendor_error"),
        (502, "vendor_error"), (503, "vendor_error"),
    ],
)  # fmt: skip
async def test_status(stripe_api: Canned, adapter: StripeIdentity, call: str, status: int, code: str) -> None:
    if (call, status) == ("cancel", 400):
        status, code = 405, "refused"  # 400 is a session that cannot be cancelled, and need not be
    stripe_api.will_answer({"error": {"type": "api_error", "message": MARK}}, status, headers={"Location": "/" + MARK})

    error = await _refusal(adapter, call)

    assert error.code == ("not_found" if status == 404 and call in ("poll", "cancel") else code)
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("7", 7), (" 7 ", 7), ("3600", 3600), ("3601", 3600), ("9" * 5000, 3600), ("", None), ("-1", None),
     ("1.5", None), ("soon", None), ("٣", None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
     ("Fri, 31 Dec 9999 23:59:59 GMT", 3600), ("Fri, 31 Dec 9999 23:59:59 -2359", 3600)],
)  # fmt: skip
def test_retry_after(text: str, seconds: int | None) -> None:
    with pytest.raises(VerifierUnavailable) as caught:
        Reply(429, {"retry-after": text}, b"").checked()

    assert caught.value.retry_after == (None if seconds is None else timedelta(seconds=seconds))


async def test_retry_after_date(stripe_api: Canned, adapter: StripeIdentity) -> None:
    until = datetime.now(UTC) + timedelta(minutes=10)
    stripe_api.will_answer({}, 429, headers={"Retry-After": format_datetime(until, usegmt=True)})

    error = await _refusal(adapter, "poll")

    assert error.retry_after is not None
    assert timedelta(minutes=9) < error.retry_after <= timedelta(minutes=10)


@given(st.text())
def test_any_retry_after_is_survived(text: str) -> None:
    with pytest.raises(VerifierUnavailable) as caught:
        Reply(429, {"retry-after": text}, b"").checked()

    assert caught.value.retry_after is None or timedelta() <= caught.value.retry_after <= timedelta(hours=1)


@every_call
@pytest.mark.parametrize(
    "url", ["http://vendor.invalid", "http://127.0.0.1:1", "ftp://127.0.0.1", "http://[", "http://a b"]
)
async def test_not_connected(call: str, url: str) -> None:
    adapter = StripeIdentity(api_key="rk_test_1", webhook_secrets=[], base_url=url)

    assert (await _refusal(adapter, call)).code == "not_connected"
    await adapter.aclose()


async def test_connection_that_is_not_made_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener whose queue is full does not answer; one that was never asked is certain."""
    monkeypatch.setattr(http, "CONNECT", timedelta(seconds=0.2))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(address)
        adapter = StripeIdentity(api_key="rk_test_1", webhook_secrets=[], base_url=f"http://127.0.0.1:{address[1]}")

        assert (await _refusal(adapter, "start")).code == "not_connected"

        await adapter.aclose()
        for filler in fillers:
            filler.close()


@every_call
async def test_no_handshake(stripe_api: Canned, call: str) -> None:
    """It speaks no TLS."""
    adapter = stripe_api.adapter(base_url=stripe_api.url.replace("http:", "https:"))

    assert (await _refusal(adapter, call)).code == "not_connected"
    await adapter.aclose()


@every_call
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n" + MARK.encode(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + MARK.encode(),
        b"SSH-2.0-" + MARK.encode() + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000,
    ],
)
async def test_broken_off(stripe_api: Canned, adapter: StripeIdentity, call: str, raw: bytes) -> None:
    stripe_api.will_answer(raw=raw)

    assert (await _refusal(adapter, call)).code == "no_answer"


@every_call
async def test_reset(call: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def reset() -> None:
            connection, _ = listener.accept()
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        thread = threading.Thread(target=reset)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        adapter = StripeIdentity(api_key="rk_test_1", webhook_secrets=[], base_url=url)

        assert (await _refusal(adapter, call)).code == "no_answer"

        thread.join()
        await adapter.aclose()


@every_call
async def test_too_slow(
    stripe_api: Canned, adapter: StripeIdentity, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "WHOLE_CALL", timedelta(seconds=0.5))  # also the read timeout
    stripe_api.will_answer(session(), delay=1.5)

    assert (await _refusal(adapter, call)).code == "no_answer"


@every_call
async def test_whole_call_is_bounded(
    stripe_api: Canned, adapter: StripeIdentity, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only each of its parts: an answer that trickles never lets a read time out."""
    monkeypatch.setattr(http, "WHOLE_CALL", timedelta(seconds=0.2))
    stripe_api.will_answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b" " * 500, trickle=0.02)

    assert (await _refusal(adapter, call)).code == "no_answer"


async def test_cancellation_passes(stripe_api: Canned, adapter: StripeIdentity) -> None:
    stripe_api.will_answer(session(), delay=1.5)
    task = asyncio.create_task(adapter.poll(SESSION, QUESTION))
    assert await asyncio.to_thread(stripe_api.is_asked.wait, 5)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


UNREADABLE: dict[str, Any] = {
    "nothing": b"",
    "page": b"<html>" + MARK.encode(),
    "latin": b'{"id": "\xe4' + MARK.encode() + b'"}',
    "deep": b"[" * 100_000,
    "nan": b'{"id": NaN}',
    "null": None,
    "array": [session()],
    "string": MARK,
    "empty": {},
    "error": {"error": {"message": MARK}},
    "another object": {**session(), "object": MARK},
    "no id": {**session(), "id": None},
    "path as id": {**session(), "id": f"../{MARK}"},
    "line as id": {**session(), "id": f"{SESSION}\n"},
    "unknown status": {**session(), "status": MARK},
    "no status": {name: value for name, value in session().items() if name != "status"},
    "time as text": {**session(), "created": MARK},
    "time as truth": {**session(), "created": True},
    "time as float": {**session(), "created": 1.5},
    "time too far": {**session(), "created": 10**15},
    "time too large": {**session(), "created": 10**40},
    "error as text": {**session(), "last_error": MARK},
    "code as list": {**session(), "last_error": {"code": [MARK]}},
    "report without time": {**session(), "last_verification_report": {"id": MARK}},
    "redaction as text": {**session(), "redaction": MARK},
    "script as url": {**session(), "url": f"javascript:{MARK}"},
    "lines in url": {**session(), "url": f"https://a/\n{MARK}"},
    "long url": {**session(), "url": "https://a/" + MARK * 1000},
    "number as url": {**session(), "url": 7},
}


@pytest.mark.parametrize("call", ["start", "find", "poll"])
@pytest.mark.parametrize("shape", sorted(UNREADABLE))
async def test_unreadable(stripe_api: Canned, adapter: StripeIdentity, call: str, shape: str) -> None:
    body = UNREADABLE[shape]
    stripe_api.will_answer(listed(body) if call == "find" and isinstance(body, dict) else body)

    assert (await _refusal(adapter, call)).code == "unreadable"


@pytest.mark.parametrize(
    "outputs",
    [
        None,
        MARK,
        [MARK],
        {"first_name": 7},
        {"first_name": [MARK]},
        {**OUTPUTS, "dob": MARK},
        {**OUTPUTS, "dob": {"day": MARK}},
        {**OUTPUTS, "dob": {"day": 1.5}},
    ],
)
async def test_unreadable_outputs(stripe_api: Canned, adapter: StripeIdentity, outputs: Any) -> None:
    stripe_api.will_answer(verified(outputs))

    assert (await _refusal(adapter, "poll")).code == "unreadable"


async def test_answer_about_another_session(stripe_api: Canned, adapter: StripeIdentity) -> None:
    stripe_api.will_answer(session(id="vs_another"))

    assert (await _refusal(adapter, "poll")).code == "unreadable"


@every_call
async def test_too_long(stripe_api: Canned, adapter: StripeIdentity, call: str) -> None:
    stripe_api.will_answer(json.dumps({**session(), "more": "x" * MAX_BODY}).encode())

    assert (await _refusal(adapter, call)).code == "unreadable"


async def test_endless(stripe_api: Canned, adapter: StripeIdentity) -> None:
    """Without a length, and chunked."""
    chunk = b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"
    stripe_api.will_answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 20)

    assert (await _refusal(adapter, "poll")).code == "unreadable"


async def test_compressed_answer_is_not_unpacked(stripe_api: Canned, adapter: StripeIdentity) -> None:
    packed = gzip.compress(json.dumps(session()).encode())
    stripe_api.will_answer(packed, headers={"Content-Encoding": "gzip"})

    assert (await _refusal(adapter, "poll")).code == "unreadable"
    assert stripe_api.asked[0].headers["accept-encoding"] == "identity"


async def test_plain_link_only_from_a_plain_vendor(stripe_api: Canned, adapter: StripeIdentity) -> None:
    stripe_api.will_answer(session(url="http://127.0.0.1/start"))

    assert await adapter.poll(SESSION, QUESTION) == Started(SESSION, "http://127.0.0.1/start")

    secure = StripeIdentity(api_key="rk_1", webhook_secrets=[])
    assert secure._schemes == ("https://",)


async def test_environment_has_no_say(
    stripe_api: Canned, adapter: StripeIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    stripe_api.will_answer(session())

    assert isinstance(await adapter.poll(SESSION, QUESTION), Started)


async def test_nothing_is_logged(stripe_api: Canned, adapter: StripeIdentity, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    stripe_api.will_answer(session())

    await adapter.poll(SESSION, QUESTION)

    assert [record.name for record in caplog.records if record.name.startswith(("http", "onboarding"))] == []


async def test_connection_is_kept_and_made_again_after_closing(stripe_api: Canned, adapter: StripeIdentity) -> None:
    for _ in range(3):
        stripe_api.will_answer(session())
    await adapter.poll(SESSION, QUESTION)
    client = adapter._http._client
    await adapter.poll(SESSION, QUESTION)

    assert adapter._http._client is client

    await adapter.aclose()
    await adapter.aclose()
    await adapter.poll(SESSION, QUESTION)

    assert adapter._http._client is not client


def test_each_loop_has_a_client_of_its_own(stripe_api: Canned) -> None:
    adapter = stripe_api.adapter()

    async def poll() -> None:
        await adapter.poll(SESSION, QUESTION)
        assert isinstance(adapter._http._client, httpx.AsyncClient)
        await adapter.aclose()

    for _ in range(2):
        stripe_api.will_answer(session())
        asyncio.run(poll())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CHANGED = st.dictionaries(st.sampled_from([*session(), "verified_outputs"]), JSON, max_size=3)
STATUSES = st.sampled_from(["requires_input", "processing", "verified", "canceled"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(call=st.sampled_from(sorted(CALLS)), answer=JSON | st.builds(lambda s, c: session(s) | c, STATUSES, CHANGED))
async def test_any_json_is_survived(stripe_api: Canned, adapter: StripeIdentity, call: str, answer: Any) -> None:
    stripe_api.answers.clear()
    stripe_api.answers.extend([Answer(answer)] * 3)
    heard: object = None
    with suppress(VerifierUnavailable):
        heard = await CALLS[call](adapter)
    assert heard is None or isinstance(heard, Started | Report)
    stripe_api.answers.clear()

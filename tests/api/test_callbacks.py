"""``/callbacks/{verifier}`` on the real server: what is kept, what is answered, and that none of it can be read."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
import stripe

from onboarding.cli.keys import with_database
from onboarding.inbox import HEADER_BYTES, REFUSED_A_MINUTE, REFUSED_BYTES
from onboarding.local.postgres import LocalPostgres
from onboarding.local.processes import free_port
from onboarding.settings import Settings
from onboarding.storage import migrate
from onboarding.storage.database import Database
from onboarding.storage.inbox import ItemRow, ItemState
from tests.api.test_process import running, wait_for
from tests.privacy.markers import CORE, found
from tests.support.serving import ApiServer

SECRETS = ("whsec_old", "whsec_new")
PATH = "/callbacks/stripe_identity"
IDENTITY = {
    "ONBOARDING_STRIPE_IDENTITY_KEY": "rk_test_1",
    "ONBOARDING_STRIPE_IDENTITY_WEBHOOK_SECRETS": ",".join(SECRETS),
}


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[ApiServer]:
    """The API of a process that knows Stripe Identity."""
    given = {
        "DATABASE_URL": settings.database_url,
        "ONBOARDING_ROOT_KEYS": settings.root_keys.get_secret_value(),
        "ONBOARDING_RATE_LIMITS": "off",
    }
    made = ApiServer(Settings.model_validate(given | IDENTITY))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def vendor(server: ApiServer) -> Iterator[Vendor]:
    """Stripe, before an empty inbox that has refused nobody yet."""
    server.fetch("TRUNCATE inbox")
    server.engine.inbox._refused = (0, 0)
    yield Vendor(server)
    server.fetch("TRUNCATE inbox")


def event(name: str = "", **changes: Any) -> dict[str, Any]:
    """An event about a session, another one each time."""
    return {
        "id": f"evt_{name or uuid4().hex}",
        "object": "event",
        "created": 1_767_229_200,
        "type": "identity.verification_session.verified",
        "data": {"object": {"id": "vs_1", "object": "identity.verification_session", "client_reference_id": None}},
        **changes,
    }


class Vendor:
    """Sends, and looks into the rows."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server

    def send(
        self,
        content: Any = None,
        *,
        secret: str = SECRETS[1],
        age: float = 0,
        path: str = PATH,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Sign and send."""
        body = content if isinstance(content, bytes) else json.dumps(event() if content is None else content).encode()
        signed = {"Stripe-Signature": sign(body, secret, age), **(headers or {})}
        return self.server.http.post(path, content=body, headers=signed)

    def rows(self) -> list[Any]:
        return self.server.fetch("SELECT * FROM inbox ORDER BY received_at, id")

    def row(self) -> Any:
        [row] = self.rows()
        return row

    def kept(self, **wanted: Any) -> list[tuple[dict[str, str], bytes]]:
        """What the items hold, opened."""
        items: list[ItemRow] = self.server.run(self.server.engine.inbox.items(**wanted))
        opened = [self.server.engine.inbox._opened(item) for item in items]
        return [one for one in opened if one is not None]


def sign(body: bytes, secret: str = SECRETS[1], age: float = 0) -> str:
    """The header in Stripe's scheme; its own client signs text only, and agrees on that."""
    at = int(time.time() - age)
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# --- authentic --------------------------------------------------------------------------------------------------------


def test_an_authentic_event_is_kept_and_answered(vendor: Vendor) -> None:
    body = json.dumps(event("one")).encode()
    headers = {"Stripe-Signature": stripe.WebhookSignature.generate_signature_header(body.decode(), SECRETS[1])}

    answer = vendor.server.http.post(PATH, content=body, headers=headers)

    assert (answer.status_code, answer.json()) == (200, {"received": True})
    row = vendor.row()
    assert (row["verifier"], row["state"], row["error_code"], row["deliveries"]) == (
        "stripe_identity",
        "pending",
        None,
        1,
    )
    assert (row["occurred_at"].timestamp(), row["look_at"] > row["received_at"]) == (1_767_229_200, True)
    assert None not in (row["event_digest"], row["vendor_digest"])
    [(kept, content)] = vendor.kept()
    assert content == body
    assert kept["stripe-signature"] == headers["Stripe-Signature"]


def test_the_same_event_again_is_the_same_row(vendor: Vendor) -> None:
    sent = event()

    answers = [vendor.send(sent), vendor.send(sent, age=60), vendor.send(sent, secret=SECRETS[0])]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert vendor.row()["deliveries"] == 3


def test_events_of_another_type_are_kept_and_wanted_by_nobody(vendor: Vendor) -> None:
    answer = vendor.send(event(type="charge.succeeded"))

    assert answer.status_code == 200
    row = vendor.row()
    assert (row["state"], row["error_code"], row["look_at"]) == ("ignored", "about_no_attempt", None)
    assert (row["event_digest"], row["vendor_digest"], row["our_reference"]) == (None, None, None)


def test_only_a_reference_of_ours_stands_in_a_column(vendor: Vendor) -> None:
    ours = "att_" + "0" * 27
    for reference in (ours, CORE, None, ours + "x"):
        subject = {"id": "vs_1", "client_reference_id": reference}
        assert vendor.send(event(data={"object": subject})).status_code == 200

    assert [row["our_reference"] for row in vendor.rows()] == [ours, None, None, None]


# --- refused ----------------------------------------------------------------------------------------------------------


def test_what_is_not_authentic_is_refused_and_kept(vendor: Vendor) -> None:
    body = json.dumps(event()).encode()
    right = sign(body)
    last = "0" if right[-1] != "0" else "1"
    refused = {
        "off by one digit": ({"Stripe-Signature": right[:-1] + last}, "signature_wrong"),
        "of another secret": ({"Stripe-Signature": sign(body, "whsec_other")}, "signature_wrong"),
        "of another body": ({"Stripe-Signature": sign(body + b" ")}, "signature_wrong"),
        "no signature": ({"Stripe-Signature": "colour=red"}, "signature_wrong"),
        "old": ({"Stripe-Signature": sign(body, age=360)}, "signature_old"),
        "ahead": ({"Stripe-Signature": sign(body, age=-360)}, "signature_old"),
        "missing": ({}, "signature_missing"),
        "empty": ({"Stripe-Signature": ""}, "signature_missing"),
    }
    for what, (headers, code) in refused.items():
        answer = vendor.server.http.post(PATH, content=body, headers=headers)
        assert code_of(answer) == (400, code), what
        assert answer.json()["error"]["type"] == "invalid_request_error"

    rows = vendor.rows()
    assert [(row["state"], row["error_code"]) for row in rows] == [("refused", code) for _, code in refused.values()]
    for row in rows:
        nothing = {name: row[name] for name in ("event_digest", "vendor_digest", "our_reference", "look_at")}
        assert set(nothing.values()) == {None}
    assert [content for _, content in vendor.kept()] == [body] * len(refused)


@pytest.mark.parametrize("age", [290, -290])
def test_a_signature_within_five_minutes_is_good(vendor: Vendor, age: int) -> None:
    assert vendor.send(age=age).status_code == 200


def test_a_refused_body_is_kept_cut(vendor: Vendor) -> None:
    body = bytes(range(256)) * 1000

    assert code_of(vendor.send(body, secret="no")) == (400, "signature_wrong")

    assert vendor.kept() == [(vendor.kept()[0][0], body[:REFUSED_BYTES])]


def test_an_authentic_body_is_kept_whole(vendor: Vendor) -> None:
    body = json.dumps(event(note="x" * 900_000)).encode()

    assert vendor.send(body).status_code == 200

    assert vendor.kept()[0][1] == body


def test_of_refused_ones_only_so_many_a_minute_are_kept(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=6000.0)
    monkeypatch.setattr("onboarding.inbox.time", SimpleNamespace(monotonic=lambda: clock.now))
    for _ in range(REFUSED_A_MINUTE + 5):
        assert code_of(vendor.send(secret="no")) == (400, "signature_wrong")
    assert vendor.send().status_code == 200  # an authentic one always is
    assert code_of(vendor.send(secret="no")) == (400, "signature_wrong")
    assert [row["state"] for row in vendor.rows()].count("refused") == REFUSED_A_MINUTE == 60

    clock.now += 60
    vendor.send(secret="no")

    states = [row["state"] for row in vendor.rows()]
    assert (states.count("refused"), states.count("pending")) == (REFUSED_A_MINUTE + 1, 1)


# --- strange ----------------------------------------------------------------------------------------------------------

UNREADABLE: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "null": b"null",
    "a list": b"[]",
    "NUL": b"\0",
    "NUL in it": b'{"type": "a\0"}',
    "not UTF-8": b'{"type": "\xff\xfe"}',
    "not UTF-8 at all": b"\xff" * 1000,
    "half a surrogate": b'{"type": "\\ud800"}',
    "deep": b"[" * 400_000,
    "deep and closed": b"[" * 400_000 + b"]" * 400_000,
    "NaN": b'{"type": NaN}',
    "no type": b"{}",
    "a huge number": json.dumps(event(created=7)).replace(": 7", ": 1" + "0" * 400).encode(),
    "a huge exponent": json.dumps(event(created=7)).replace(": 7", ": 1e400").encode(),
    "a time after all times": json.dumps(event(created=10**15)).encode(),
    "a time before": json.dumps(event(created=-1)).encode(),
    "no session": json.dumps(event(data={"object": {"id": None}})).encode(),
    "an id with NUL": json.dumps(event("a\0b")).encode(),
    "an id with a line": json.dumps(event("a\n")).encode(),
    "an object as an id": json.dumps(event(id={"a": 1})).encode(),
    "compressed": gzip.compress(json.dumps(event()).encode()),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_an_authentic_body_of_another_shape_is_kept_until_it_can_be_read(vendor: Vendor, what: str) -> None:
    answer = vendor.send(UNREADABLE[what])

    assert answer.status_code == 200
    row = vendor.row()
    assert (row["state"], row["error_code"], row["event_digest"], row["look_at"]) == (
        "unreadable",
        "unknown_shape",
        None,
        None,
    )
    assert vendor.kept()[0][1] == UNREADABLE[what]


def test_an_adapter_that_fails_loses_nothing(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError(CORE)

    monkeypatch.setattr("onboarding.verifiers.stripe_identity.adapter.StripeIdentity.read_callback", fail)
    body = json.dumps(event()).encode()

    assert vendor.send(body).status_code == 200

    assert (vendor.row()["state"], vendor.row()["error_code"]) == ("unreadable", "adapter_failed_KeyError")
    assert vendor.kept()[0][1] == body


def test_a_body_beyond_the_limit_is_not_read(vendor: Vendor) -> None:
    body = b"x" * 5_000_000

    announced = vendor.send(body)
    chunked = vendor.server.http.post(
        PATH, content=iter([body[:500_000]] * 10), headers={"Stripe-Signature": sign(body)}
    )

    assert code_of(announced) == code_of(chunked) == (413, "request_too_large")
    assert vendor.rows() == []


def test_other_paths_and_methods_are_nobodys(vendor: Vendor) -> None:
    for path in ("/callbacks/nobody", "/callbacks/", "/callbacks/%00", "/callbacks/manual", "/callbacks/sandbox"):
        assert code_of(vendor.send(path=path)) == (404, "not_found"), path
    got = vendor.server.http.get(PATH)
    assert (code_of(got), got.headers["allow"]) == ((405, "method_not_allowed"), "POST")
    for method in ("PUT", "DELETE", "PATCH"):
        assert vendor.server.http.request(method, PATH).status_code == 405
    assert vendor.rows() == []


def test_a_process_that_knows_no_vendor_takes_nothing(api: ApiServer, vendor: Vendor) -> None:
    body = json.dumps(event()).encode()

    assert code_of(api.http.post(PATH, content=body, headers={"Stripe-Signature": sign(body)})) == (404, "not_found")
    assert vendor.rows() == []


# --- private ----------------------------------------------------------------------------------------------------------


def test_rows_hold_nothing_that_can_be_read(vendor: Vendor) -> None:
    subject = {"id": f"vs_{CORE}", "client_reference_id": CORE, "last_error": {"reason": CORE}}
    planted = event(CORE, data={"object": subject}, note=CORE)
    headers = {"X-Marker": CORE, CORE: "1", "User-Agent": CORE}

    assert vendor.send(planted, headers=headers).status_code == 200
    assert vendor.send(planted | {"type": f"charge.{CORE}", "id": "evt_2"}, headers=headers).status_code == 200
    assert vendor.send(CORE.encode(), headers=headers).status_code == 200
    refused = vendor.send(planted, secret="no", headers=headers)

    assert refused.status_code == 400
    assert CORE not in refused.text
    assert {row["state"] for row in vendor.rows()} == {"pending", "ignored", "unreadable", "refused"}
    for row in vendor.rows():
        for name, value in row.items():
            content = value if isinstance(value, bytes) else str(value).encode()
            assert found(content) == [], name
    assert all(CORE in kept["x-marker"] and CORE.encode() in body for kept, body in vendor.kept())


def test_a_row_opens_in_its_own_place_only(vendor: Vendor) -> None:
    vendor.send()
    vendor.send()
    vendor.server.fetch(
        "UPDATE inbox SET ciphertext = (SELECT ciphertext FROM inbox ORDER BY id LIMIT 1)"
        " WHERE id = (SELECT max(id) FROM inbox)"
    )

    assert len(vendor.kept()) == 1


def test_credentials_and_endless_headers_are_not_kept(vendor: Vendor) -> None:
    headers = {
        "Authorization": f"Bearer {CORE}",
        "Cookie": f"a={CORE}",
        "Proxy-Authorization": CORE,
        "X-Kept": '\u00e9"\\',
        "X-Long": "x" * (HEADER_BYTES + 1),
    }
    body = json.dumps(event()).encode()

    sent = {"Stripe-Signature": sign(body), **headers}
    coded = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]

    answer = vendor.server.http.post(PATH, content=body, headers=coded)

    assert answer.status_code == 200
    [(kept, _)] = vendor.kept()
    assert {"authorization", "cookie", "proxy-authorization", "x-long"}.isdisjoint(kept)
    assert kept["x-kept"] == headers["X-Kept"]
    assert len(orjson.dumps(kept)) < HEADER_BYTES + 1000


def test_a_signature_is_kept_whatever_stands_before_it(vendor: Vendor) -> None:
    """Without it, what was authentic can't be read again."""
    body = json.dumps(event()).encode()

    answer = vendor.server.http.post(
        PATH, content=body, headers=[("X-Long", "x" * HEADER_BYTES), ("Stripe-Signature", sign(body))]
    )

    assert answer.status_code == 200
    [item] = vendor.server.run(vendor.server.engine.inbox.items())
    assert vendor.server.run(vendor.server.engine.inbox.replay(item)).state is ItemState.PENDING


# --- what is away -----------------------------------------------------------------------------------------------------


async def states_and_deliveries(database: Database) -> list[tuple[str, int]]:
    async with database.reading() as reading:
        return [tuple(row) for row in await reading.fetch("SELECT state, deliveries FROM inbox")]


def test_while_the_database_is_away_the_vendor_must_come_again_and_temporal_is_not_needed() -> None:
    port = free_port()
    body = json.dumps(event()).encode()
    with tempfile.TemporaryDirectory(prefix="onboarding-tests-") as folder:
        Path(folder).chmod(0o755)
        with LocalPostgres(Path(folder) / "data", durable=False, port=port) as postgres:
            migrate.upgrade(postgres.url())
            with running(postgres.url(), **IDENTITY) as (_process, url):
                assert postgres.pid is not None

                def send(secret: str = SECRETS[0]) -> int:
                    headers = {"Stripe-Signature": sign(body, secret)}
                    return httpx.post(f"{url}{PATH}", content=body, headers=headers).status_code

                os.kill(postgres.pid, signal.SIGKILL)
                wait_for(lambda: not postgres.is_running())
                lost = [send() for _ in range(3)]
                forged = send("no")
                postgres.start()
                wait_for(lambda: httpx.get(f"{url}/ready").status_code == 200)
                taken = [send(), send()]
                rows = with_database(postgres.url(), states_and_deliveries)

    assert (lost, forged) == ([503, 503, 503], 503)
    assert (taken, rows) == ([200, 200], [("pending", 2)])  # where nobody answers for Temporal

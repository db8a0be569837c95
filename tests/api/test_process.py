"""``python -m api`` as its own process: start, signals, a database that goes away, and what leaves the process."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from api.__main__ import main
from onboarding.local.postgres import LocalPostgres
from onboarding.local.processes import free_port
from onboarding.settings import Settings
from onboarding.storage import migrate
from tests.support.samples import BARE, MARKER
from tests.support.serving import Platform

START_SECONDS = 40.0
ROOT_KEYS = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@contextmanager
def running(database_url: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address, once it is ready. Temporal is where nobody listens."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "api"],
        env={
            **os.environ,
            "DATABASE_URL": database_url,
            "ONBOARDING_ROOT_KEYS": ROOT_KEYS,
            "ONBOARDING_API_PORT": str(port),
            "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: httpx.get(f"{url}/ready").status_code == 200)
        yield process, url
    finally:
        process.kill()
        process.communicate()


def wait_for(claim: Any) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            if claim():
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.1)


class Collector:
    """Where a process sends its traces and metrics: keeps every body."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.bodies.append((self.path, body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def spans(self) -> list[Any]:
        """All spans that arrived."""
        requests = [ExportTraceServiceRequest.FromString(body) for path, body in self.bodies if path == "/v1/traces"]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def test_ends_with_status_0_on_an_interrupt(database_url: str) -> None:
    with running(database_url) as (process, _url):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert process.returncode == 0, (out, err)
    assert err == ""


def test_says_which_setting_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    status = main()

    assert status == 2
    assert capsys.readouterr().err.startswith("DATABASE_URL: is not set")


def test_start_without_a_database_fails_without_naming_its_password() -> None:
    url = f"postgresql://app:{MARKER.split()[0]}@127.0.0.1:{free_port()}/none"

    done = subprocess.run(
        [sys.executable, "-m", "api"],
        env={**os.environ, "DATABASE_URL": url, "ONBOARDING_ROOT_KEYS": ROOT_KEYS},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 3
    assert "StartFailed: ConnectionLost" in done.stdout
    assert MARKER.split()[0] not in done.stdout + done.stderr


def test_accounts_are_served_without_temporal_and_nothing_personal_leaves(
    platform: Platform, database_url: str, settings: Settings
) -> None:
    assert settings.root_keys.get_secret_value() == ROOT_KEYS
    with Collector() as collector:
        telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_METRIC_EXPORT_INTERVAL": "500"}
        with running(database_url, **telemetry) as (process, url):
            headers = {"Authorization": f"Bearer {platform.test_key}", "User-Agent": MARKER}
            with httpx.Client(base_url=url, headers=headers) as client:
                made = client.post(
                    "/v2/core/accounts",
                    json={
                        **BARE,
                        "display_name": MARKER,
                        "metadata": {"a": MARKER},
                        "identity": {"country": "US", "entity_type": "individual", "individual": {"surname": MARKER}},
                    },
                ).json()
                wrong = [
                    client.get(f"/v2/core/accounts/{made['id']}", params={"colour": MARKER}),
                    client.get(f"/v2/core/accounts/{MARKER}"),
                    client.get(f"/{MARKER}"),
                    client.post("/v2/core/accounts", json={MARKER: 1}),
                ]
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=40)

        assert made["display_name"] == MARKER
        assert [answer.status_code for answer in wrong] == [400, 404, 404, 400]
        assert (process.returncode, err) == (0, "")
        spans = collector.spans()
        sent = b"\n".join(body for _, body in collector.bodies)

    names = {span.name for span in spans}
    assert "POST /v2/core/accounts" in names
    assert {"BEGIN", "COMMIT", "SELECT"} <= names
    assert not any("http send" in name or "http receive" in name for name in names)
    assert b"onboarding.request.duration" in sent
    for part in (*MARKER.split(), "rosen-gardens", platform.test_key):
        assert part.encode() not in sent
        assert part not in out


def test_recovers_when_the_database_comes_back() -> None:
    with tempfile.TemporaryDirectory(prefix="onboarding-process-") as folder:
        Path(folder).chmod(0o755)
        port = free_port()
        with LocalPostgres(Path(folder) / "data", durable=False, port=port) as postgres:
            migrate.upgrade(postgres.url())
            with running(postgres.url()) as (process, url):
                assert postgres.pid is not None
                os.kill(postgres.pid, signal.SIGKILL)
                wait_for(lambda: not postgres.is_running())

                lost = httpx.get(f"{url}/v2/core/accounts", headers={"Authorization": "Bearer sk_test_1"})
                ready, health = httpx.get(f"{url}/ready"), httpx.get(f"{url}/health")

                postgres.start()
                wait_for(lambda: httpx.get(f"{url}/ready").status_code == 200)
                again = httpx.get(f"{url}/v2/core/accounts", headers={"Authorization": "Bearer sk_test_1"})
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=30)

    assert (lost.status_code, lost.headers["stripe-should-retry"]) == (503, "true")
    assert (ready.status_code, health.status_code) == (503, 200)
    assert again.status_code == 401
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("trusted", "address"), [("", "127.0.0.1"), ("10.0.0.0/8", "127.0.0.1"), ("127.0.0.0/8", "203.0.113.9")]
)
def test_address_of_an_acceptance_is_a_trusted_proxy_s_word_only(
    database_url: str, platform: Platform, trusted: str, address: str
) -> None:
    held = {"identity": {"attestations": {"terms_of_service": {"account": {"shown_and_accepted": True}}}}}
    headers = {"Authorization": f"Bearer {platform.test_key}", "X-Forwarded-For": "203.0.113.9"}
    with running(database_url, ONBOARDING_TRUSTED_PROXIES=trusted) as (_, url):
        token = httpx.post(f"{url}/v2/core/account_tokens", json=held, headers=headers).json()

    made = platform.sdk().v2.core.accounts.create({"account_token": token["id"], "include": ["identity"]})

    assert made.identity.attestations.terms_of_service.account.ip == address

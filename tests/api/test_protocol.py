"""What every answer has, whatever became of the request: with an engine that fails as told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import stripe
import structlog
from starlette.types import Message, Receive, Scope, Send

from api.app import create_app
from onboarding.domain.errors import EngineFault, Refusal, RefusalKind
from onboarding.door.callers import Caller
from onboarding.door.door import OlderThanRow
from onboarding.settings import Settings
from onboarding.storage.faults import ConnectionLost, StatementFailed
from tests.support.samples import BARE, MARKER
from tests.support.serving import Platform

KEY = {"Authorization": "Bearer sk_test_1"}


class FailingEngine:
    """Knows everybody, and fails at everything with one exception."""

    def __init__(self) -> None:
        self.failure = Exception()
        self.accounts = self.reader = self

    async def authenticate(self, _secret: str) -> Caller | None:
        return Caller("plat_1", livemode=False, actor="key_1")

    async def health(self) -> Any:
        raise self.failure

    def __getattr__(self, _name: str) -> Callable[..., Awaitable[Any]]:
        async def fail(*_arguments: object, **_named: object) -> Any:
            raise self.failure

        return fail


@pytest.fixture
def engine() -> FailingEngine:
    return FailingEngine()


@pytest.fixture
async def client(engine: FailingEngine) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings.model_construct()
    app = create_app(settings, engine=engine)  # type: ignore[arg-type]  # it has what routes use

    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        # What a server takes from the lifespan.
        await app({**scope, "state": {"engine": engine}}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(with_state), base_url="http://api") as made:
        yield made


def test_every_answer_has_an_id_of_its_own(platform: Platform) -> None:
    answers = [
        platform.request("GET", "/v2/core/accounts"),
        platform.request("GET", "/v2/core/accounts/acct_0"),
        platform.request("GET", "/nowhere"),
        platform.request("PUT", "/v2/core/accounts"),
        platform.request("GET", "/v2/core/accounts", headers={"Authorization": "Bearer no"}),
        platform.request("POST", "/v2/core/accounts", content=b"x" * 1_000_001),
        platform.request("GET", "/health"),
        platform.request("GET", "/ready"),
    ]

    assert [answer.status_code for answer in answers] == [200, 404, 404, 405, 401, 413, 200, 200]
    assert all(answer.headers["request-id"].startswith("req_") for answer in answers)
    assert len({answer.headers["request-id"] for answer in answers}) == len(answers)
    assert all(answer.headers["content-type"] == "application/json" for answer in answers)
    assert answers[3].headers["allow"] in {"GET", "POST", "GET, POST", "POST, GET"}
    assert answers[4].headers["www-authenticate"] == "Bearer"


def test_idempotency_key_comes_back(platform: Platform) -> None:
    echoed = platform.request("POST", "/v2/core/accounts", json=BARE, headers={"Idempotency-Key": "mine"})
    too_long = platform.request("POST", "/v2/core/accounts", json=BARE, headers={"Idempotency-Key": "k" * 256})
    empty = platform.request("POST", "/v2/core/accounts", json=BARE, headers={"Idempotency-Key": ""})

    assert echoed.headers["idempotency-key"] == "mine"
    assert "idempotency-key" not in too_long.headers
    assert (empty.status_code, empty.json()["error"]["code"]) == (400, "parameter_invalid")


def test_path_with_a_slash_at_its_end_is_another_path(platform: Platform) -> None:
    assert platform.request("GET", "/v2/core/accounts/").status_code == 404


async def test_engine_fault_is_told_without_its_reason_and_not_tried_again(
    engine: FailingEngine, client: httpx.AsyncClient
) -> None:
    engine.failure = EngineFault("engine_KeyError")

    answer = await client.post("/v2/core/accounts/acct_1", json={}, headers=KEY)

    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == answer.json()["error"]["type"] == "api_error"
    assert answer.headers["stripe-should-retry"] == "false"
    assert "KeyError" not in answer.text


@pytest.mark.parametrize("failure", [ValueError(MARKER), StatementFailed("23505", MARKER), KeyError(MARKER)])
async def test_unknown_exception_tells_nothing_to_anybody(
    engine: FailingEngine, client: httpx.AsyncClient, failure: Exception
) -> None:
    failure.__cause__ = ValueError(MARKER)
    engine.failure = failure

    with structlog.testing.capture_logs() as logs:
        answer = await client.post("/v2/core/accounts", json={"display_name": MARKER}, headers=KEY)

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "api_error")
    assert "stripe-should-retry" not in answer.headers
    assert answer.headers["request-id"].startswith("req_")
    (line,) = logs
    assert (line["error"], line["cause"], line["route"]) == (
        type(failure).__name__,
        "ValueError",
        "/v2/core/accounts",
    )
    assert line["request_id"] == answer.headers["request-id"]
    assert MARKER not in answer.text + str(logs)


async def test_process_older_than_a_row_leaves_it_to_a_newer_one(
    engine: FailingEngine, client: httpx.AsyncClient
) -> None:
    engine.failure = OlderThanRow()

    answer = await client.post("/v2/core/accounts/acct_1", json={}, headers=KEY)

    assert (answer.status_code, answer.headers["stripe-should-retry"]) == (503, "true")


@pytest.mark.parametrize(
    ("method", "key", "retry"), [("GET", None, "true"), ("POST", "k", "true"), ("POST", None, "false")]
)
async def test_lost_database_is_to_be_tried_again_where_that_is_safe(
    engine: FailingEngine, client: httpx.AsyncClient, method: str, key: str | None, retry: str
) -> None:
    engine.failure = ConnectionLost("ConnectionResetError")
    headers = {**KEY, **({"Idempotency-Key": key} if key else {})}

    answer = await client.request(method, "/v2/core/accounts/acct_1", headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service_unavailable")
    assert (answer.headers["stripe-should-retry"], answer.headers["retry-after"]) == (retry, "1")


async def test_busy_account_is_to_be_tried_again(engine: FailingEngine, client: httpx.AsyncClient) -> None:
    engine.failure = Refusal("account_rate_limit_exceeded", "Busy.", kind=RefusalKind.BUSY, type="rate_limit")

    answer = await client.post("/v2/core/accounts/acct_1", json={}, headers=KEY)

    assert (answer.status_code, answer.headers["stripe-should-retry"]) == (429, "true")
    assert answer.json() == {"error": {"code": "account_rate_limit_exceeded", "message": "Busy.", "type": "rate_limit"}}


async def test_extra_keys_of_a_refusal_are_part_of_its_error(engine: FailingEngine, client: httpx.AsyncClient) -> None:
    engine.failure = Refusal("account_controller_unsupported_configuration", "No.", extra={"invalid_permutation": {}})

    answer = await client.post("/v2/core/accounts", json={}, headers=KEY)

    assert answer.json()["error"]["invalid_permutation"] == {}


@pytest.mark.parametrize(
    ("param", "shown"),
    [("a", "a"), ("a.b.c", "a[b][c]"), ("a.b[0].c", "a[b][0][c]"), ("a[1]", "a[1]")],
)
async def test_v1_writes_parameters_in_brackets_and_always_tells_a_type(
    engine: FailingEngine, client: httpx.AsyncClient, param: str, shown: str
) -> None:
    engine.failure = Refusal("routing_number_invalid", "No.", param=param)

    answer = await client.get("/v1/accounts/acct_1/external_accounts", headers=KEY)

    assert answer.json() == {
        "error": {
            "code": "routing_number_invalid",
            "message": "No.",
            "param": shown,
            "type": "invalid_request_error",
        }
    }


async def test_process_without_a_database_is_alive_and_not_ready(
    engine: FailingEngine, client: httpx.AsyncClient
) -> None:
    engine.failure = ConnectionLost("OSError")

    health, ready = await client.get("/health"), await client.get("/ready")

    assert (health.status_code, health.json()["status"]) == (200, "unavailable")
    assert ready.status_code == 503


async def test_caller_who_hangs_up_is_told_nothing(engine: FailingEngine) -> None:
    app = create_app(Settings.model_construct(), engine=engine)  # type: ignore[arg-type]  # it has what routes use
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/v2/core/accounts",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer sk_test_1")],
        "state": {"engine": engine},
    }
    with structlog.testing.capture_logs() as logs:
        await app(scope, receive, send)

    assert (sent, logs) == ([], [])


def test_sdk_reads_the_id_of_a_good_answer(platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(BARE)

    assert isinstance(account, stripe.v2.core.Account)
    assert account.last_response is not None
    assert str(account.last_response.request_id).startswith("req_")
    assert account.last_response.idempotency_key is not None

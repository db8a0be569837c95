"""What a route says about itself: its resource, and whether a header may name the account that it acts for."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from api.access import ContextUse, Use, about
from api.app import ROUTERS, create_app
from api.dependencies import Authenticated, authenticated
from api.responses import JSON
from onboarding.engine import Engine
from onboarding.scopes import Resource
from onboarding.settings import Settings
from tests.support.samples import BARE
from tests.support.serving import ApiServer, Platform, new_platform

router = APIRouter(prefix="/v1/habits", dependencies=[about(Resource.FILES, ContextUse.OPTIONAL)])


@router.get("")
async def optional(call: Authenticated) -> JSON:
    return JSON({"account": call.account_context})


@router.get("/required", dependencies=[about(Resource.TOKENS, ContextUse.REQUIRED)])
async def required(call: Authenticated) -> JSON:
    return JSON({"account": call.account_context})


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[ApiServer]:
    """The API with two routes more: what every route may declare needs none of ours to be seen."""

    def extended_app(engine: Engine) -> FastAPI:
        app = create_app(settings, engine=engine)
        app.include_router(router)
        return app

    extended = ApiServer(settings, extended_app)
    extended.start()
    yield extended
    extended.stop()


@pytest.fixture
def platform(server: ApiServer) -> Platform:
    return server.run(new_platform(server))


def test_every_route_with_a_key_declares_its_resource() -> None:
    routes = [route for given in ROUTERS for route in given.routes if isinstance(route, APIRoute)]
    keyed = {
        route.path: any(isinstance(one.call, Use) for one in route.dependant.dependencies)
        for route in routes
        if any(one.call is authenticated for one in route.dependant.dependencies)
    }

    assert len(keyed) > 20
    assert [path for path, declares in keyed.items() if not declares] == []
    open_to_all = {route.path for route in routes} - set(keyed)
    assert open_to_all == {"/health", "/ready", "/callbacks/{verifier}", "/docs", "/docs/{name}", "/openapi.json"}


@pytest.mark.parametrize("path", ["/v1/habits", "/v1/habits/required"])
@pytest.mark.parametrize("header", ["Stripe-Account", "Stripe-Context"])
def test_own_account_may_be_named(platform: Platform, path: str, header: str) -> None:
    account = platform.sdk().v2.core.accounts.create(BARE)

    assert _asked(platform, path, {header: account.id}).json() == {"account": account.id}
    both = {"Stripe-Account": account.id, "Stripe-Context": f"{platform.id}/{account.id}"}
    assert _asked(platform, path, both).json() == {"account": account.id}


def test_nobody_is_named(platform: Platform) -> None:
    assert _asked(platform, "/v1/habits", {}).json() == {"account": None}

    answer = _asked(platform, "/v1/habits/required", {})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "parameter_missing")
    assert "Stripe-Context" in answer.json()["error"]["message"]


def test_account_that_the_key_does_not_have_is_not_found(platform: Platform, server: ApiServer) -> None:
    foreign = server.run(new_platform(server)).sdk().v2.core.accounts.create(BARE).id
    live = platform.sdk(live=True).v2.core.accounts.create(BARE).id
    own = platform.sdk().v2.core.accounts.create(BARE).id

    for named in (foreign, live, "acct_0000", "nobody", f"acct_0000/{own}", f"{own}/acct_0000", f"{own}/", "*"):
        answer = _asked(platform, "/v1/habits", {"Stripe-Context": named})
        assert (named, answer.status_code) == (named, 404)
        assert answer.json()["error"]["code"] == "not_found"


def test_headers_that_contradict_each_other_are_refused(platform: Platform) -> None:
    first, second = (platform.sdk().v2.core.accounts.create(BARE).id for _ in range(2))

    answer = _asked(platform, "/v1/habits", {"Stripe-Context": first, "Stripe-Account": second})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "parameter_invalid")


def _asked(platform: Platform, path: str, headers: dict[str, str]) -> httpx.Response:
    return platform.request("GET", path, headers=headers)

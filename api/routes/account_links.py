"""``/v2/core/account_links`` and ``/v1/account_links``: links to the hosted pages."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter

from api.dependencies import Authenticated, Call
from api.responses import JSON
from api.schemas.account_links import AccountLinkCreate, V1AccountLinkCreate
from api.schemas.queries import no_query
from onboarding.account_links import V1_LIFETIME, AccountLink, LinkRequest
from onboarding.documents import rfc3339

ENDIVE = "2026-09-30"
"""From this version on, a link names no configurations (Accounts v2 contract, account links)."""

router = APIRouter()


@router.post("/v2/core/account_links")
async def create_account_link(call: Authenticated) -> JSON:
    """Make a link that lets its bearer in once."""
    no_query(call.query)
    parameters = await call.json(AccountLinkCreate)
    asked = parameters["use_case"]
    kind: str = asked["type"]
    options = asked[kind]
    is_older = _is_before_endive(call)
    request = LinkRequest(
        use_case=kind,
        refresh_url=options["refresh_url"],
        return_url=options.get("return_url"),
        collection_options=options.get("collection_options") or {},
        configurations=options.get("configurations") if is_older else None,
        params={
            "use_case": "use_case.type",
            **{name: f"use_case.{kind}.{name}" for name in ("refresh_url", "return_url")},
        },
    )
    made = await call.engine.account_links.create(call.caller, parameters["account"], request, call.key(parameters))
    return JSON(_document(made, _base(call), with_configurations=is_older))


@router.post("/v1/account_links")
async def create_v1_account_link(call: Authenticated) -> JSON:
    """The same in v1's words."""
    no_query(call.query)
    parameters = await call.form(V1AccountLinkCreate)
    options = parameters.get("collection_options") or {}
    if parameters.get("collect") is not None:
        options = {"fields": parameters["collect"]}
    request = LinkRequest(
        use_case=parameters["type"],
        refresh_url=parameters["refresh_url"],
        return_url=parameters.get("return_url"),
        collection_options=options,
        lifetime=V1_LIFETIME,
        params={"use_case": "type"},
    )
    made = await call.engine.account_links.create(call.caller, parameters["account"], request, call.key(parameters))
    return JSON(
        {
            "object": "account_link",
            "created": int(made.created.timestamp()),
            "expires_at": int(made.expires_at.timestamp()),
            "url": made.url(_base(call)),
        }
    )


def _document(link: AccountLink, base: str, *, with_configurations: bool) -> dict[str, Any]:
    options: dict[str, Any] = {
        "collection_options": link.collection_options,
        "refresh_url": link.refresh_url,
        "return_url": link.return_url,
    }
    if with_configurations:
        options["configurations"] = link.configurations
    use_case = {"account_onboarding": None, "account_update": None, "type": link.use_case, link.use_case: options}
    return {
        "object": "v2.core.account_link",
        "account": link.account_id,
        "created": rfc3339(link.created),
        "expires_at": rfc3339(link.expires_at),
        "livemode": link.livemode,
        "url": link.url(base),
        "use_case": use_case,
    }


def _base(call: Call) -> str:
    """Where the hosted pages are: as configured, else where this request came to."""
    return call.engine.settings.hosted_url or str(call.request.base_url).rstrip("/")


def _is_before_endive(call: Call) -> bool:
    """Whether the client speaks a version before endive; one that names none speaks the newest."""
    version = call.request.headers.get("stripe-version", "")
    return re.match(r"20\d\d-\d\d-\d\d", version) is not None and version[: len(ENDIVE)] < ENDIVE

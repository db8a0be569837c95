"""``/v2/core/account_links`` and ``/v1/account_links``: links to the hosted pages."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated, Call
from api.openapi.described import described
from api.openapi.refusals import ACCOUNT_LINK
from api.responses import JSON
from api.schemas.account_links import AccountLinkCreate, V1AccountLinkCreate
from api.schemas.queries import no_query
from api.versions import Release
from onboarding.account_links import V1_LIFETIME, AccountLink, LinkRequest
from onboarding.documents import rfc3339
from onboarding.scopes import Resource

router = APIRouter(tags=["Account links"], dependencies=[about(Resource.ACCOUNT_LINKS)])


@router.post("/v2/core/account_links")
@described("AccountLink", body=AccountLinkCreate, refused=ACCOUNT_LINK, missing=True)
async def create_account_link(call: Authenticated) -> JSON:
    """Make a link that lets its bearer in once."""
    no_query(call.query)
    parameters = await call.json(AccountLinkCreate)
    asked = parameters["use_case"]
    kind: str = asked["type"]
    options = asked[kind]
    # From endive on, a link names no configurations (Accounts v2 contract, account links).
    is_older = call.version.release < Release.ENDIVE
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
@described("V1AccountLink", body=V1AccountLinkCreate, refused=ACCOUNT_LINK, missing=True)
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
    base, key = _base(call), call.key(parameters)

    def document(made: AccountLink) -> dict[str, Any]:
        return {
            "object": "account_link",
            "created": int(made.created.timestamp()),
            "expires_at": int(made.expires_at.timestamp()),
            "url": made.url(base),
        }

    return JSON(
        document(await call.engine.account_links.create(call.caller, parameters["account"], request, key, document))
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

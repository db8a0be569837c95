"""Parameters of the event destinations."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from api.schemas.fields import Metadata, Parameters, Text, refusal

URL_INCLUDE = ("webhook_endpoint.url",)
"""What a destination that is read, listed or updated may include."""

_SOURCES = {"@self": "@self", "self": "@self", "@accounts": "@accounts", "other_accounts": "@accounts"}
_MAX_EVENTS = 100
_VERSION = r"^20\d\d-\d\d-\d\d(\.[a-z]{1,32})?$"


def _transport(kind: str) -> str:
    if kind != "webhook_endpoint":
        raise refusal(
            "parameter_invalid",
            "Must be webhook_endpoint: events are sent to webhook endpoints only. For Amazon EventBridge or Azure Event"
            " Grid, receive them at an endpoint of yours and pass them on.",
        )
    return kind


def _source(scope: str) -> str:
    """Both the words of now and those before dahlia, as those of now."""
    if scope not in _SOURCES:
        raise refusal("parameter_invalid", "Must be @self or @accounts: there are no organizations here.")
    return _SOURCES[scope]


def _unchangeable(_value: object) -> Any:
    raise refusal("parameter_invalid", "This can't be changed: make another event destination.")


Source = Annotated[Text, AfterValidator(_source), WithJsonSchema({"type": "string", "enum": sorted(_SOURCES)})]
Name = Annotated[Text, StringConstraints(min_length=1)]
Immutable = SkipJsonSchema[Annotated[Any, BeforeValidator(_unchangeable)]]
EventTypes = Annotated[list[Text], Field(min_length=1, max_length=_MAX_EVENTS)]
"""Which types there are depends on the payload, so it is asked later."""


class WebhookEndpoint(Parameters):
    """Where events are sent."""

    url: Text


class EventDestinationCreate(Parameters):
    """``POST /v2/core/event_destinations``."""

    type: Annotated[Text, AfterValidator(_transport), WithJsonSchema({"type": "string", "const": "webhook_endpoint"})]
    name: Name
    event_payload: Literal["snapshot", "thin"]
    enabled_events: EventTypes
    events_from: list[Source] = Field(["@self"], min_length=1, max_length=10)
    snapshot_api_version: Annotated[
        Text,
        StringConstraints(pattern=_VERSION),
        WithJsonSchema({"type": "string", "pattern": _VERSION.replace("\\d", "[0-9]")}),
    ] = ""
    webhook_endpoint: WebhookEndpoint
    description: Annotated[Text | None, Field(description="Your own words about it.")] = None
    metadata: Metadata | None = None
    include: list[Literal["webhook_endpoint.signing_secret", "webhook_endpoint.url"]] = Field(
        default_factory=list, max_length=100
    )


class EventDestinationUpdate(Parameters):
    """``POST /v2/core/event_destinations/{id}``."""

    name: Name = ""
    enabled_events: EventTypes = Field(default_factory=list)
    webhook_endpoint: WebhookEndpoint = WebhookEndpoint(url="")
    description: Annotated[Text | None, Field(description="Your own words about it.")] = None
    metadata: Metadata | None = None
    include: list[Literal["webhook_endpoint.url"]] = Field(default_factory=list, max_length=100)
    type: Immutable = None
    event_payload: Immutable = None
    events_from: Immutable = None
    snapshot_api_version: Immutable = None


class EventDestinationAction(Parameters):
    """``POST /v2/core/event_destinations/{id}/enable``, ``disable`` and ``ping``: no parameters."""

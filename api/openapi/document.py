"""The OpenAPI document, put together from the routes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import orjson
from fastapi import APIRouter
from fastapi.routing import APIRoute

from api.access import ContextUse, Use
from api.errors import REPLAYED, SHOULD_RETRY, V1
from api.headers import KEY_LIMIT
from api.limits import CONCURRENCY, RATE, REASON_HEADER
from api.openapi.described import Described, Query, description_of
from api.openapi.objects import components
from api.openapi.refusals import INVALID, MEANINGS, OF_ANY, SHARED, refusals
from api.openapi.requests import request_schemas
from api.openapi.schemas import TEXT, Schema, constant, ident, listed, nullable, record, ref
from api.openapi.words import INTRODUCTION, TAGS, worded
from api.versions import DEFAULT
from onboarding.scopes import Level, scope

OPENAPI_VERSION = "3.1.0"
API_VERSION = DEFAULT.text
"""The version of Stripe's API whose contract this is."""

EXAMPLES = "examples.json"
_PREFIXES = {
    "account_id": "acct_",
    "account_token_id": "accttok_",
    "bank_account_id": "ba_",
    "check_id": "check_",
    "clock_id": "clock_",
    "destination_id": "ed_",
    "event_id": "evt_",
    "file_id": "file_",
    "import_id": "imp_",
    "gb_bank_account_id": "gbba_",
    "order_id": "ord_",
    "person_id": "person_",
    "person_token_id": "perstok_",
    "policy_id": "pol_",
    "review_id": "rev_",
    "rollout_id": "rol_",
    "token_id": "btok_",
    "us_bank_account_id": "usba_",
}
_PATH_WORDS = {
    "gb_bank_account_id": "bank account",
    "token_id": "token",
    "us_bank_account_id": "bank account",
}
_RETRIED, _NOT_RETRIED = (429, 503), (409,)
_NAMES = {(status, *codes): name for name, (status, codes) in SHARED.items()}

_HEADERS: Mapping[str, Schema] = {
    "IdempotencyKey": {"description": "The key that was sent.", "schema": TEXT},
    "IdempotentReplayed": {
        "description": "`true` if this is the answer that was given first under the idempotency key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "RateLimitedReason": {
        "description": "What there was too much of, with `rate_limit`: requests a second, or requests under way.",
        "schema": {"type": "string", "enum": [RATE, CONCURRENCY]},
    },
    "RequestId": {"description": "Names this request in logs.", "schema": TEXT},
    "RetryAfter": {"description": "Seconds to wait.", "schema": TEXT},
    "ShouldRetry": {
        "description": "Whether an SDK tries again by itself.",
        "schema": {"type": "string", "enum": ["false", "true"]},
    },
    "StripeVersion": {"description": "The version in which the answer is written.", "schema": TEXT},
    "WwwAuthenticate": {"description": "How to authenticate.", "schema": TEXT},
}
_PARAMETERS: Mapping[str, Schema] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes the change once, however often it is sent. Official SDKs send one by themselves.",
        "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LIMIT},
    },
    "StripeVersion": {
        "name": "Stripe-Version",
        "in": "header",
        "description": f"The version of the API, {API_VERSION}; those since acacia are understood. Official SDKs send "
        "theirs.",
        "schema": {"type": "string", "default": API_VERSION},
    },
    "StripeContext": {
        "name": "Stripe-Context",
        "in": "header",
        "description": "The account that the request acts for. It may only name the account of the path.",
        "schema": TEXT,
    },
    "StripeContextOptional": {
        "name": "Stripe-Context",
        "in": "header",
        "description": "The account that the request acts for; without it, for the platform itself.",
        "schema": ident("acct_"),
    },
    "StripeContextRequired": {
        "name": "Stripe-Context",
        "in": "header",
        "required": True,
        "description": "The account that the request acts for.",
        "schema": ident("acct_"),
    },
}


class Undescribed(Exception):  # noqa: N818 -- says what is
    """A route says nothing of itself, or names a component that there is not."""


def openapi_document(routers: Iterable[APIRouter]) -> dict[str, Any]:
    """The document of all routes that are meant to be in it.

    Raises:
        Undescribed: see there.
    """
    schemas = {**components(), "CodeOfAny": _code_of_any()}
    examples = _examples()
    paths: dict[str, dict[str, Any]] = {}
    operations: list[_Operation] = []
    for route in (route for router in routers for route in router.routes):
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        said = description_of(route.endpoint)
        if said is None:
            raise Undescribed(f"{route.endpoint.__name__} says nothing of itself: see api/openapi/__init__.py")
        operations += [_Operation(route, said, method) for method in sorted(route.methods or ())]
    for operation in operations:
        if operation.said.answer is not None and operation.said.answer not in schemas:
            raise Undescribed(f"{operation.name} answers with {operation.said.answer}, which is no component")
        found = operation.document(schemas, examples.get(operation.name, {}))
        links = operation.links(operations)
        if links:  # of an operation that answers an object
            found["responses"]["200"]["links"] = links
        paths.setdefault(operation.route.path, {})[operation.method.lower()] = found
    return {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "Onboarding",
            "version": API_VERSION,
            "summary": "Onboarding and verification of accounts, wire-compatible with Stripe's Accounts v2.",
            "description": INTRODUCTION,
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"basic": []}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "schemas": {name: worded(schemas[name]) for name in sorted(schemas)},
            "parameters": dict(_PARAMETERS),
            "headers": dict(_HEADERS),
            "responses": {name: _refusal(status, codes) for name, (status, codes) in SHARED.items()},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The API key, `sk_test_…` or `sk_live_…`.",
                },
                "basic": {"type": "http", "scheme": "basic", "description": "The API key as user name, no password."},
            },
        },
    }


def document_bytes(routers: Iterable[APIRouter]) -> bytes:
    """The document as it is served."""
    return orjson.dumps(openapi_document(routers))


@cache
def _examples() -> dict[str, Any]:
    """Requests and answers that were recorded, by operation."""
    found: dict[str, Any] = orjson.loads(resources.files("api.openapi").joinpath(EXAMPLES).read_bytes())
    return found


class _Operation:
    """One method of one path."""

    def __init__(self, route: APIRoute, said: Described, method: str) -> None:
        self.route, self.said, self.method = route, said, method
        self.name = route.endpoint.__name__
        self.names = re.findall(r"{(\w+)}", route.path)
        self.changes = method != "GET"
        uses = [one.dependency for one in route.dependencies if isinstance(one.dependency, Use)]
        self.use = uses[-1] if uses else None  # the nearest one, as in the route itself

    def document(self, schemas: dict[str, Schema], examples: Mapping[str, Any]) -> dict[str, Any]:
        """The operation; components of its request are added to ``schemas``."""
        summary, _, rest = inspect.cleandoc(self.route.endpoint.__doc__ or "").partition("\n\n")
        tags = [str(tag) for tag in self.route.tags]
        if len(tags) != 1 or tags[0] not in TAGS:
            raise Undescribed(f"the router of {self.name} needs one tag of api/openapi/words.py")
        found: dict[str, Any] = {
            "operationId": self.name,
            "tags": tags,
            "summary": _plain(summary).rstrip("."),
        }
        more = [_plain(rest)] if rest else []
        if self.use is not None:
            level = Level.WRITE if self.changes else Level.READ
            more.append(f"A restricted key needs the scope `{scope(self.use.resource, level)}`.")
        if more:
            found["description"] = "\n\n".join(more)
        if self.said.public:
            found["security"] = []
        parameters = self._parameters()
        if parameters:
            found["parameters"] = parameters
        body = self._body(schemas, examples.get("request"))
        if body is not None:
            found["requestBody"] = body
        found["responses"] = {
            **({"200": self._answer(examples.get("answer"))} if self.said.answer or self.said.files else {}),
            **{
                str(status): (
                    {"$ref": f"#/components/responses/{_NAMES[status, *codes]}"}
                    if (status, *codes) in _NAMES
                    else _refusal(status, codes)
                )
                for status, codes in refusals(self.said, self.method, self.route.path, self.context).items()
            },
        }
        return found

    def links(self, others: Iterable[_Operation]) -> dict[str, Any]:
        """What can be done with the object that is answered: the operations on its own path, and below it."""
        if not self.changes or self.said.answer is None or self.said.shape != "object" or self.route.path.endswith("}"):
            return {}
        own = re.compile(re.escape(self.route.path) + r"/{(\w+)}(/[a-z_]+)?")
        found = {}
        for other in others:
            match = own.fullmatch(other.route.path)
            if match is not None:
                given = {name: f"$request.path.{name}" for name in self.names}
                found[other.name] = {
                    "operationId": other.name,
                    "parameters": {**given, match[1]: "$response.body#/id"},
                }
        return found

    @property
    def context(self) -> ContextUse:
        """What the route makes of a context."""
        return ContextUse.PATH if self.use is None else self.use.context

    def _parameters(self) -> list[dict[str, Any]]:
        found = [_path_parameter(name) for name in self.names]
        found += [_query_parameter(query) for query in self.said.query]
        if not self.said.public:
            if self.changes and self.said.keyed:
                found.append({"$ref": "#/components/parameters/IdempotencyKey"})
            found.append({"$ref": "#/components/parameters/StripeVersion"})
            if self.context is not ContextUse.PATH:
                found.append({"$ref": f"#/components/parameters/StripeContext{self.context.capitalize()}"})
            elif "account_id" in self.names:
                found.append({"$ref": "#/components/parameters/StripeContext"})
        return found

    def _body(self, schemas: dict[str, Schema], example: Any) -> dict[str, Any] | None:
        if self.said.raw_body is not None:
            media_type, schema = self.said.raw_body
            return {"required": True, "content": {media_type: {"schema": dict(schema)}}}
        if self.said.body is None:
            return None
        name, found = request_schemas(self.said.body)
        schemas.update(found)
        is_form = self.route.path.startswith(V1)
        content: dict[str, Any] = {"schema": ref(name)}
        if is_form:
            nested = [
                key
                for key, value in found[name]["properties"].items()
                if value.get("type") not in ("string", "boolean", "integer", "array")
            ]
            if nested:
                content["encoding"] = {key: {"style": "deepObject", "explode": True} for key in nested}
        if example is not None:
            content["example"] = example
        media_type = "application/x-www-form-urlencoded" if is_form else "application/json"
        if self.said.upload is not None:
            media_type = "multipart/form-data"
            file = {"type": "string", "format": "binary", "description": "The file, with its name."}
            found[name]["properties"][self.said.upload] = file
            found[name]["required"] = sorted([*found[name].get("required", ()), self.said.upload])
        return {"required": bool(found[name].get("required")), "content": {media_type: content}}

    def _answer(self, example: Any) -> dict[str, Any]:
        headers = self._answer_headers()
        if self.said.answer is None:
            file = {"schema": {"type": "string", "format": "binary"}}
            return {"description": "The file.", "headers": headers, "content": dict.fromkeys(self.said.files, file)}
        one = ref(self.said.answer)
        schema, description = one, "The object."
        if self.said.shape == "page":
            description = "A page of them."
            addresses = {"next_page_url": nullable(TEXT), "previous_page_url": nullable(TEXT)}
            schema = record({"data": listed(one), **(self.said.beside or {}), **addresses})
        elif self.said.shape == "v1_list":
            description = "A page of them."
            schema = record(
                {"object": constant("list"), "data": listed(one), "has_more": {"type": "boolean"}, "url": TEXT}
            )
        content: dict[str, Any] = {"schema": worded(schema)}
        if example is not None:
            content["example"] = example
        return {"description": description, "headers": headers, "content": {"application/json": content}}

    def _answer_headers(self) -> dict[str, Any]:
        headers = {"Request-Id": {"$ref": "#/components/headers/RequestId"}}
        if not self.said.public:
            headers["Stripe-Version"] = {"$ref": "#/components/headers/StripeVersion"}
        if self.changes and self.said.keyed and self.route.path.startswith(V1):
            headers[REPLAYED] = {"$ref": "#/components/headers/IdempotentReplayed"}
        if self.changes and self.said.keyed and not self.said.public:
            headers["Idempotency-Key"] = {"$ref": "#/components/headers/IdempotencyKey"}
        return headers


def _code_of_any() -> Schema:
    return {
        "type": "string",
        "enum": sorted(OF_ANY),
        "description": "Why any request with a key may be refused: a doubtful header, an unknown `Stripe-Version`, or "
        "a parameter that is none or not a right one.",
    }


def _refusal(status: int, codes: Sequence[str]) -> dict[str, Any]:
    headers = {"Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if status in (*_RETRIED, *_NOT_RETRIED):
        headers[SHOULD_RETRY] = {"$ref": "#/components/headers/ShouldRetry"}
    if status == 503:  # noqa: PLR2004 -- the status itself
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    if status == 429:  # noqa: PLR2004 -- the status itself
        headers[REASON_HEADER] = {"$ref": "#/components/headers/RateLimitedReason"}
    if status == 401:  # noqa: PLR2004 -- the status itself
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WwwAuthenticate"}
    code: Schema = {"enum": [code for code in codes if status != INVALID or code not in OF_ANY]}
    if status == INVALID and set(codes) >= OF_ANY:
        code = {"anyOf": [ref("CodeOfAny"), *([code] if code["enum"] else [])]}
    error = {"allOf": [ref("Error")], "properties": {"code": code}}
    schema = {"type": "object", "properties": {"error": error}, "required": ["error"]}
    return {
        "description": MEANINGS[status],
        "headers": headers,
        "content": {"application/json": {"schema": schema}},
    }


def _path_parameter(name: str) -> dict[str, Any]:
    prefix = _PREFIXES.get(name)
    what = _PATH_WORDS.get(name, name.removesuffix("_id").replace("_", " "))
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": f"The id of the {what}." if prefix else f"The name of the {what}.",
        "schema": ident(prefix) if prefix else {"type": "string", "pattern": "^[a-z0-9_]{1,64}$"},
    }


def _query_parameter(query: Query) -> dict[str, Any]:
    found: dict[str, Any] = {"name": query.name, "in": "query", "description": query.description}
    if query.required:
        found["required"] = True
    if query.style == "deepObject":
        found |= {"style": "deepObject", "explode": True}
    return {**found, "schema": dict(query.schema)}


def _plain(text: str) -> str:
    """A docstring as Markdown."""
    return text.replace("``", "`")

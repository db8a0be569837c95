"""The description of the API says all of it, and nothing that is not so."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from fastapi import APIRouter
from openapi_spec_validator import validate

from api.app import ROUTERS, create_app
from api.openapi import openapi_document
from api.openapi.document import EXAMPLES, Undescribed
from onboarding.settings import Settings
from tests.support.serving import ApiServer, Platform, new_platform
from tests.support.walk import Walk, with_callbacks

ROOT = Path(__file__).resolve().parents[2]
# What is raised for whoever runs the engine, or by the framework before any operation is known.
UNDESCRIBED_CODES = {"method_not_allowed", "request_invalid"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document(ROUTERS)


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[ApiServer]:
    """The API of a process that takes a vendor's callbacks."""
    made = ApiServer(with_callbacks(settings))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def walk(server: ApiServer, document: dict[str, Any]) -> Walk:
    """Every operation, asked once at least."""
    made = Walk(server.run(new_platform(server)), document)
    made.everything()
    return made


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["operationId"]: one for methods in document["paths"].values() for one in methods.values()}


def problems(document: dict[str, Any], schema: dict[str, Any], instance: Any) -> list[str]:
    whole = {**schema, "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [f"{error.instance_path}: {error.message[:300]}" for error in validator.iter_errors(instance)]


def answers_json(operation: dict[str, Any]) -> bool:
    """Whether an operation may answer an object: some only refuse, and one answers a file."""
    return "application/json" in operation["responses"].get("200", {}).get("content", {})


def answer_schema(operation: dict[str, Any], status: int = 200) -> dict[str, Any]:
    schema: dict[str, Any] = operation["responses"][str(status)]["content"]["application/json"]["schema"]
    return schema


def test_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_every_route_is_described(settings: Settings, document: dict[str, Any]) -> None:
    # The framework's own list of what it serves, made from the application as it runs.
    served = create_app(settings).openapi()["paths"]
    assert {path: set(methods) for path, methods in document["paths"].items()} == {
        path: set(methods) for path, methods in served.items()
    }


def test_a_route_that_says_nothing_is_noticed() -> None:
    router = APIRouter()

    @router.get("/silent")
    async def silent() -> None:
        """Say nothing."""

    with pytest.raises(Undescribed, match="silent"):
        openapi_document([*ROUTERS, router])


def test_operations_are_named_once_and_explained(document: dict[str, Any]) -> None:
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))
    assert all(one["summary"] and one["tags"] for one in operations(document).values())


def test_every_operation_answers_as_described(document: dict[str, Any], walk: Walk) -> None:
    described = operations(document)
    assert {exchange.operation for exchange in walk.exchanges} == set(described)
    found = {
        f"{exchange.operation} {problem}"
        for exchange in walk.exchanges
        if exchange.answer is not None
        for problem in problems(
            document, answer_schema(described[exchange.operation], exchange.status), exchange.answer
        )
    }
    assert found == set()


def test_right_requests_are_right_by_their_schema(document: dict[str, Any], walk: Walk) -> None:
    described = operations(document)
    asked = 0
    for exchange in walk.exchanges:
        content = described[exchange.operation].get("requestBody", {}).get("content", {})
        for media_type, body in content.items():
            if exchange.request is not None and media_type == "application/json":
                assert problems(document, body["schema"], exchange.request) == [], exchange.operation
                asked += 1
    assert asked


def test_every_property_of_an_answer_is_required_and_no_other_is_allowed(document: dict[str, Any], walk: Walk) -> None:
    """A field that is dropped, or one that is new, is a difference from the description."""
    described = operations(document)
    schema = answer_schema(described["retrieve_person"])
    [person, *_] = [one.answer for one in walk.exchanges if one.operation == "retrieve_person"]
    assert problems(document, schema, person) == []
    assert problems(document, schema, {**person, "colour": "red"})
    for name in person:
        less = {key: value for key, value in person.items() if key != name}
        assert problems(document, schema, less), name


def test_examples_are_answers_as_described(document: dict[str, Any]) -> None:
    recorded = orjson.loads((ROOT / "api" / "openapi" / EXAMPLES).read_bytes())
    described = operations(document)
    assert set(recorded) == {name for name, one in described.items() if answers_json(one)}
    for name, example in recorded.items():
        assert problems(document, answer_schema(described[name]), example["answer"]) == [], name


def test_the_committed_document_is_the_one_that_is_served(platform: Platform) -> None:
    served = platform.server.http.get("/openapi.json")
    assert served.status_code == 200
    assert served.headers["content-type"] == "application/json"
    committed = (ROOT / "docs" / "openapi.json").read_bytes()
    assert orjson.loads(committed) == served.json(), "run make openapi"


def test_every_code_that_can_be_raised_is_described(document: dict[str, Any]) -> None:
    described = {code for one in _nodes(document) for code in one.get("enum", ())}
    raised = set()
    for folder in ("api", "onboarding"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal":
                    first = node.args[0]
                    if isinstance(first, ast.Constant):
                        raised.add(first.value)
    assert "account_closed" in raised
    assert raised - described - UNDESCRIBED_CODES == set()


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from _nodes(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _nodes(value)

"""Requests by the description's own schemas, right ones and wrong ones, to every operation.

Whatever is sent, the answer is one that the description knows, none is a fault of the server's, and a request that is
refused leaves nothing behind.
"""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import ROUTERS
from api.openapi import openapi_document
from tests.fuzz.conftest import FUZZ
from tests.support.walk import Walk

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ENDS = frozenset(
    {
        "close_account",
        "delete_event_destination",
        "delete_external_account",
        "delete_person",
        "reject_account",
        "unreject_account",
    }
)
"""Operations that make an end of what others are asked about."""

EXPENSIVE = frozenset({"dry_run_policy", "publish_policy", "roll_out_policy"})
"""Operations that take their time: they compile the catalogue or look at all accounts."""

# A callback that is not authentic is refused and yet kept, so that somebody can see what was sent.
KEPT_ALL_THE_SAME = frozenset({"receive_callback"})
CONTEXT = "Stripe-Context"
REFUSED = range(400, 500)


def _operations() -> dict[str, Any]:
    schema = schemathesis.openapi.from_dict(openapi_document(ROUTERS))
    # Who calls is no part of what is fuzzed: each request has the key of a platform.
    schema.config.generation.with_security_parameters = False
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    return {operation.definition.raw["operationId"]: operation for operation in found}


OPERATIONS = _operations()


def test_every_operation_can_be_read() -> None:
    schema = schemathesis.openapi.from_dict(openapi_document(ROUTERS))
    assert len(OPERATIONS) == len(list(schema.get_all_operations()))


def few(settings: hypothesis.settings, name: str) -> hypothesis.settings:
    """The settings, with fewer requests to operations that take their time."""
    return (
        hypothesis.settings(settings, max_examples=max(2, settings.max_examples // 5))
        if name in EXPENSIVE
        else settings
    )


def _cases() -> list[tuple[str, GenerationMode]]:
    """Each operation with right requests, and with wrong ones if it takes anything that can be wrong."""
    return [
        (name, mode)
        for name, operation in OPERATIONS.items()
        for mode in GenerationMode
        if mode is GenerationMode.POSITIVE or operation.body or any(operation.iter_parameters())
    ]


@pytest.mark.parametrize(("name", "mode"), _cases(), ids=str)
def test_every_answer_is_described(name: str, mode: GenerationMode, walk: Walk, spare: dict[str, str]) -> None:
    strategy = OPERATIONS[name].as_strategy(generation_mode=mode)
    ids = spare if name in ENDS else walk.ids

    @few(FUZZ, name)
    @hypothesis.given(case=strategy, known=st.integers(0, 3))
    def ask(case: Case[Any], known: int) -> None:
        if known:  # mostly about objects that are there
            case.path_parameters = {key: ids.get(key, value) for key, value in (case.path_parameters or {}).items()}
            if case.headers and CONTEXT in case.headers:
                case.headers[CONTEXT] = ids["account_id"]
        check(walk, name, case)

    ask()


def check(walk: Walk, name: str, case: Case[Any]) -> None:
    """Send a request, and hold its answer against the description."""
    server = walk.platform.server
    before = server.count_rows()
    headers = {"Authorization": f"Bearer {walk.platform.test_key}"}
    answer = case.call(base_url=server.url, headers=headers)
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code in REFUSED and name not in KEPT_ALL_THE_SAME:
        assert server.count_rows() == before, case.as_curl_command()

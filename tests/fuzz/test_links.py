"""Along the description's links: what was made is asked about, changed, and asked about again."""

from __future__ import annotations

from typing import Any

import hypothesis
import schemathesis
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import Case

from api.app import ROUTERS
from api.openapi import openapi_document
from tests.fuzz.conftest import EXAMPLES, FUZZ
from tests.fuzz.test_operations import CHECKS
from tests.support.walk import Walk

# Those that look at the whole book, and what a vendor sends, lead nowhere.
LEFT_OUT = ["dry_run_policy", "publish_policy", "roll_out_policy", "receive_callback"]


def test_every_answer_along_links_is_described(walk: Walk) -> None:
    schema = schemathesis.openapi.from_dict(openapi_document(ROUTERS)).exclude(operation_id=LEFT_OUT)
    schema.config.generation.with_security_parameters = False
    schema.config.update(base_url=walk.platform.server.url)
    headers = {"Authorization": f"Bearer {walk.platform.test_key}"}
    answered = set()

    machine: Any = schema.as_state_machine()  # a class made from the document, so nothing is known of it here

    class Links(machine):  # type: ignore[misc]
        def get_call_kwargs(self, _case: Case[Any]) -> dict[str, Any]:
            return {"headers": headers}

        def validate_response(self, response: Any, case: Case[Any], **_: Any) -> None:
            answered.add(response.status_code)
            case.validate_response(response, checks=CHECKS)

    settings = hypothesis.settings(FUZZ, max_examples=EXAMPLES, stateful_step_count=8)
    run_state_machine_as_test(Links, settings=settings)
    assert 200 in answered

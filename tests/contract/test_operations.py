"""Every call that the SDK can make about accounts stands in a table, and is where the table says."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi.routing import APIRoute

from api.app import ROUTERS
from tests.contract.document import DONE, LEFT_OUT, STANDINGS, Row, rows
from tests.contract.samples import body_of, pairs_of
from tests.contract.sdk import PARAMETERS, Leaf, Operation, anonymous, operations, parameter_leaves
from tests.support.pictures import pdf
from tests.support.samples import BARE
from tests.support.serving import Platform

OPERATIONS = operations()
TABLE = rows("Calls")
UPLOAD = "POST /v1/files"
ROUTES = {
    f"{method} {anonymous(route.path)}"
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()
}


def _rows(operation: Operation) -> list[Row]:
    return [row for row in TABLE if row.is_about(operation.name)]


def test_every_call_stands_in_one_line_which_says_whether_it_is_there() -> None:
    wrong = []
    for operation in OPERATIONS:
        found = [row.standing for row in _rows(operation)]
        is_there = operation.name in ROUTES
        # What is there may still differ; what isn't there is left out.
        right = len(found) == 1 and found[0] in STANDINGS and (found[0] == LEFT_OUT) is not is_there
        if not right:
            wrong.append(
                f"`{operation.name}` | {DONE if is_there else LEFT_OUT} (now: {', '.join(found) or 'no line'})"
            )

    assert wrong == [], "Write these lines in docs/accounts-v2.md, Calls:\n" + "\n".join(wrong)


def test_every_line_is_about_a_call_or_a_parameter_that_exists() -> None:
    names = {operation.name for operation in OPERATIONS}
    names |= {f"{operation.name}: {leaf.path}" for operation in OPERATIONS for leaf in _leaves(operation)}

    for row in TABLE:
        for name in row.names:
            assert any(Row((name,), "", "").is_about(one) for one in names), name


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.name in ROUTES], ids=lambda one: one.name)
def test_every_parameter_of_a_call_is_known_or_stands_in_a_line(platform: Platform, operation: Operation) -> None:
    """Known, not more: what it does is shown where the call is tested. Accounts and persons: ``test_fields.py``."""
    if operation.parameters in PARAMETERS.values():
        return
    account = str(platform.request("POST", "/v2/core/accounts", json=BARE).json()["id"])
    path = anonymous(operation.path).replace("{}", account, 1).replace("{}", "none_0000")

    unknown = set()
    for leaf in _leaves(operation):
        answer = platform.request(**_asking(operation, path, leaf))
        if answer.status_code == 400 and answer.json()["error"]["code"] == "parameter_unknown":
            unknown.add(leaf.path)

    listed = {
        leaf.path for leaf in _leaves(operation) if any(row.is_about(f"{operation.name}: {leaf.path}") for row in TABLE)
    }
    assert unknown == listed


def _asking(operation: Operation, path: str, leaf: Leaf) -> dict[str, Any]:
    """A request that says this leaf."""
    asked = {"method": operation.method, "path": path}
    if operation.name == UPLOAD:
        beside = dict(pairs_of(leaf)) if leaf.path != "file" else {}
        form = httpx.Request("POST", "http://127.0.0.1", data=beside, files={"file": ("one.pdf", pdf())})
        return asked | {"content": form.read(), "headers": {"Content-Type": form.headers["Content-Type"]}}
    items = urlencode(pairs_of(leaf))
    if operation.method != "POST":
        return asked | {"path": f"{path}?{items}"}
    if operation.path.startswith("/v1/"):
        return asked | {"content": items, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    return asked | {"json": body_of(leaf)}


def _leaves(operation: Operation) -> list[Leaf]:
    return list(parameter_leaves(operation.parameters)) if operation.parameters is not None else []

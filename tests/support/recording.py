"""``python -m tests.support.recording``: record the examples of the description.

One request and its answer of each operation, from a real API on a real Postgres. Ids are numbered in the order in which
they come, and of long lists and catalogues only the beginning is kept; nothing else is changed.
"""

from __future__ import annotations

import base64
import re
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from api.app import ROUTERS
from api.openapi import openapi_document
from api.openapi.document import EXAMPLES
from onboarding.local.postgres import LocalPostgres
from onboarding.settings import Settings
from onboarding.storage import migrate
from tests.support.serving import ApiServer, new_platform
from tests.support.walk import Exchange, Walk, with_callbacks

TARGET = Path(__file__).resolve().parents[2] / "api" / "openapi" / EXAMPLES
KEPT = 2
"""Items of a list, and names of a catalogue, that an example keeps."""

CATALOGUES = frozenset({"capabilities", "checks", "errors", "groups", "reviews", "risk", "roles", "sets"})
_ID = re.compile(
    r"\b(acct|accttok|alu_test|ba|btok|check|clock|ed_test|evid|evt|evt_test|file|gbba|imp|interv|key|moment|ord|person"
    r"|perstok|plat|rep|req|rev|rnote|rol|usba|whsec)_[0-9A-Za-z]{20,}"
)
_DIGITS = 24


def main() -> None:
    """Record."""
    document = openapi_document(ROUTERS)
    # Not below a folder of its owner's alone: the server may run as another user.
    with tempfile.TemporaryDirectory(prefix="onboarding-recording-") as folder:
        Path(folder).chmod(0o755)
        with LocalPostgres(Path(folder) / "data", durable=False) as postgres:
            postgres.create_database("recording")
            migrate.upgrade(postgres.url("recording"))
            key = base64.b64encode(bytes(range(32))).decode()
            given = {"DATABASE_URL": postgres.url("recording"), "ONBOARDING_ROOT_KEYS": f"1:{key}"}
            server = ApiServer(with_callbacks(Settings.model_validate(given)))
            server.start()
            try:
                walk = Walk(server.run(new_platform(server)), document)
                walk.everything()
            finally:
                server.stop()
    TARGET.write_bytes(orjson.dumps(examples(walk.exchanges), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def examples(exchanges: list[Exchange]) -> dict[str, Any]:
    """By operation, sorted, the first exchange of each."""
    found: dict[str, Any] = {}
    for one in exchanges:
        if one.operation not in found and one.status == 200 and one.answer is not None:
            answer = {"openapi": one.answer["openapi"]} if "openapi" in one.answer else _short(one.answer)
            request = {} if one.request is None else {"request": _short(one.request)}
            found[one.operation] = {**request, "answer": answer}
    numbers: dict[str, str] = {}

    def numbered(match: re.Match[str]) -> str:
        return numbers.setdefault(match[0], f"{match[1]}_{len(numbers) + 1:0{_DIGITS}d}")

    text = orjson.dumps({name: found[name] for name in sorted(found)}).decode()
    numbered_text: dict[str, Any] = orjson.loads(_ID.sub(numbered, text))
    return numbered_text


def _short(document: Any) -> Any:
    if isinstance(document, list):
        return [_short(one) for one in document[:KEPT]]
    if not isinstance(document, dict):
        return document
    is_policy = document.get("object") == "v2.verification.policy"
    return {
        name: _short(dict(islice(value.items(), KEPT)) if is_policy and name in CATALOGUES else value)
        for name, value in document.items()
    }


if __name__ == "__main__":
    main()

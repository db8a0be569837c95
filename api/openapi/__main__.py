"""``python -m api.openapi FILE``: write the description of the API."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

from api.app import ROUTERS
from api.openapi.document import openapi_document


def main(arguments: list[str]) -> int:
    """Write the document where the only argument says, with one property a line."""
    if len(arguments) != 1:
        print("usage: python -m api.openapi FILE", file=sys.stderr)  # noqa: T201 -- for the person at the terminal
        return 2
    written = orjson.dumps(openapi_document(ROUTERS), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    Path(arguments[0]).write_bytes(written)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

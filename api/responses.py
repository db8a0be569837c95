"""JSON answers. Documents come ready made, so no model and no encoder of the framework walks over them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from starlette.responses import Response

Filters = Sequence[tuple[str, str]]
"""Query items that choose what a list shows, in the official SDK's own writing (``types[0]``)."""


class JSON(Response):
    """A body of JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The document as bytes."""
        return orjson.dumps(content)


def page_of(
    path: str,
    data: Sequence[Mapping[str, Any]],
    *,
    limit: int,
    filters: Filters = (),
    next_page: str | None,
    previous_page: str | None,
    beside: Mapping[str, Any] | None = None,
) -> JSON:
    """A v2 list.

    The addresses of the other pages are relative and carry filters and limit: the SDK gets them as they are and adds
    nothing (Accounts v2 contract, lists).

    Args:
        path: of the list, as it was asked for.
        data: the documents of this page.
        limit: how many were asked for.
        filters: what else was asked for.
        next_page: cursor of the page behind this one.
        previous_page: cursor of the page before this one.
        beside: what belongs to the list as a whole.
    """

    def address(cursor: str | None) -> str | None:
        if cursor is None:
            return None
        return f"{path}?{urlencode([*filters, ('limit', str(limit)), ('page', cursor)], quote_via=quote)}"

    addresses = {"next_page_url": address(next_page), "previous_page_url": address(previous_page)}
    return JSON({"data": data, **(beside or {}), **addresses})

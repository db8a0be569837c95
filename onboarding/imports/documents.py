"""Imports and their lines as the wire has them, and what is wrong with a line as its row keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from onboarding.documents import rfc3339
from onboarding.door.callers import shown_actor
from onboarding.door.imports import ERROR, line_ref
from onboarding.storage.imports import EXPIRED, KEPT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onboarding.crypto import KeyRing
    from onboarding.domain.errors import Refusal
    from onboarding.storage.imports import ImportRow, LineRow

IMPORT_TYPE = "v2.verification.import"
LINE_TYPE = "v2.verification.import_line"
PART_TYPE = "v2.verification.import_part"

Document = dict[str, Any]

_EXPIRED = (
    f"What the line said was destroyed after {KEPT.days} days in which nobody carried the import on. Send it again."
)
_GONE = f"What was wrong was destroyed after {KEPT.days} days in which nobody carried the import on."


def import_document(row: ImportRow, counts: Mapping[str, int]) -> Document:
    """An import with its numbers of lines."""
    return {
        "id": row.id,
        "object": IMPORT_TYPE,
        "accounts_per_second": row.accounts_per_second,
        "created": rfc3339(row.created_at),
        "created_by": shown_actor(row.actor),
        "dry_run": row.is_dry_run,
        "lines": {"received": sum(counts.values()), **counts},
        "livemode": row.livemode,
        "status": row.state,
    }


def line_document(ring: KeyRing, platform_id: str, row: LineRow) -> Document:
    """What became of a line. Nothing that it said, but for the names of parameters."""
    return {
        "object": LINE_TYPE,
        "account": row.account_id,
        "capabilities": row.capabilities,
        "entries": row.entries,
        "error": None if row.code is None else {"code": row.code, **_opened(ring, platform_id, row)},
        "line": row.number,
        "status": row.status,
    }


def refusal_document(refusal: Refusal) -> Document:
    """What is wrong with a line."""
    return {"code": refusal.code, "message": refusal.message, "param": refusal.param}


def sealed_refusal(ring: KeyRing, platform_id: str, import_id: str, number: int, refusal: Refusal) -> bytes:
    """The same but for its code, as the line's row keeps it: a parameter's name may be the caller's own word."""
    plain = orjson.dumps({"message": refusal.message, "param": refusal.param})
    return ring.seal_platform(plain, platform=platform_id, purpose=ERROR, ref=line_ref(import_id, number))


def _opened(ring: KeyRing, platform_id: str, row: LineRow) -> Document:
    if row.error is None:
        return {"message": _EXPIRED if row.code == EXPIRED else _GONE, "param": None}
    found: Document = orjson.loads(
        ring.open_platform(row.error, platform=platform_id, purpose=ERROR, ref=line_ref(row.import_id, row.number))
    )
    return found

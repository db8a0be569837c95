"""Records of the drivers without what differs from run to run: ids, secrets, page tokens, addresses, the time it is."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.layout import laid_out

FOLDER = Path(__file__).parent / "transcripts"
DEPTH = 3
"""Below this depth of a record a value stands on one line."""
NOW = timedelta(minutes=10)
"""How near to this moment a time is this moment."""

_IDS = re.compile(r"\b((?:[a-z]+_)+)(?=[A-Za-z]*\d)[0-9A-Za-z]{10,}\b")
_KEYS = re.compile(r'("idempotency_key": )"[^" ]{30,}"')
_TIMES = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"')
_SECONDS = re.compile(r'("(?:created|expires_at)": )(\d{10})\b')
_PAGES = re.compile(r"\bpage=[A-Za-z0-9_%-]+")
_FINGERPRINTS = re.compile(r'("fingerprint": )"[0-9a-zA-Z]+"')
_SECRETS = re.compile(r"\b(whsec_|/r/[a-z0-9_]+#)[A-Za-z0-9+/=_-]+")
_API = re.compile(r"http://127\.0\.0\.1:\d+")
_AGENTS = re.compile(r'("user_agent": )"Stripe/[^"]*"')


def normalised(records: Sequence[Any]) -> list[Any]:
    """Records that are the same for every run and every SDK, but for what Node can't tell."""
    known: dict[str, str] = {}
    secrets: dict[str, str] = {}
    now = datetime.now(UTC)

    def named(found: re.Match[str]) -> str:
        kind = found[1].rstrip("_")
        return known.setdefault(found[0], f"{kind}#{1 + sum(each.startswith(f'{kind}#') for each in known.values())}")

    def secret(found: re.Match[str]) -> str:
        return found[1] + secrets.setdefault(found[0], f"secret-{len(secrets) + 1}")

    def time(text: str, at: datetime) -> str:
        return "now" if abs(at - now) < NOW else text

    text = json.dumps(records, sort_keys=True)
    text = _API.sub("http://api", text)
    text = _AGENTS.sub(r'\1"of the SDK"', text)
    text = _SECRETS.sub(secret, text)
    text = _PAGES.sub("page=token", text)
    text = _FINGERPRINTS.sub(r'\1"fingerprint"', text)
    text = _KEYS.sub(r'\1"automatic"', text)
    text = _TIMES.sub(lambda found: json.dumps(time(found[1], datetime.fromisoformat(found[1]))), text)
    text = _SECONDS.sub(
        lambda found: found[1] + json.dumps(time(found[2], datetime.fromtimestamp(int(found[2]), UTC))), text
    )
    named_records: list[Any] = json.loads(_IDS.sub(named, text))
    return named_records


def without_classes(node: Any) -> Any:
    """What every SDK tells: without the SDK's classes, which Node does not have."""
    if isinstance(node, list):
        return [without_classes(each) for each in node]
    return {
        name: without_classes(value) if name in {"together", "value"} and isinstance(value, list) else value
        for name, value in node.items()
        if name not in {"class", "odd"}
    }


def text_of(records: Sequence[Any]) -> str:
    """A transcript as it is stored."""
    return "[\n" + ",\n".join(laid_out(record, "  ", DEPTH) for record in records) + "\n]\n"

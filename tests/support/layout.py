"""How stored transcripts are laid out: short enough to read, and a line for each thing that can change."""

from __future__ import annotations

import json
from typing import Any


def laid_out(value: Any, indent: str, depth: int) -> str:
    """JSON in which whatever lies ``depth`` levels deep stands on one line."""
    if depth == 0 or not isinstance(value, dict | list) or not value:
        return indent + json.dumps(value, ensure_ascii=False)
    deeper = indent + "  "
    if isinstance(value, list):
        return f"{indent}[\n" + ",\n".join(laid_out(each, deeper, depth - 1) for each in value) + f"\n{indent}]"
    pairs = (
        f"{deeper}{json.dumps(name)}: {laid_out(each, deeper, depth - 1).lstrip()}" for name, each in value.items()
    )
    return f"{indent}{{\n" + ",\n".join(pairs) + f"\n{indent}}}"

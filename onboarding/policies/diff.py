"""What differs between two policies, part by part.

Sets and groups are written out first: a rule that only names a set has changed when the set has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PARTS = ("of", "from", "when", "needs", "restricts", "source")
"""Parts of a rule, in the order in which they are told."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Changed:
    """One part that is otherwise. Of lists ``removed`` and ``added`` are the items, of anything else the whole."""

    part: str
    removed: tuple[Any, ...]
    added: tuple[Any, ...]

    @property
    def document(self) -> Document:
        """As the wire has it."""
        return {"part": self.part, "removed": list(self.removed), "added": list(self.added)}


@dataclass(frozen=True, slots=True)
class Section:
    """What differs in one section of the catalogue, by name."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: Mapping[str, tuple[Changed, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    @property
    def document(self) -> Document:
        """As the wire has it."""
        return {
            "added": list(self.added),
            "removed": list(self.removed),
            "changed": [
                {"name": name, "parts": [change.document for change in changes]}
                for name, changes in self.changed.items()
            ],
        }


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs; ``sections`` are rules, roles, checks, reviews, risk, capabilities and errors."""

    sections: Mapping[str, Section]

    def __bool__(self) -> bool:
        return any(self.sections.values())

    @property
    def document(self) -> Document:
        """As the wire has it."""
        return {name: section.document for name, section in self.sections.items()}

    def rows(self) -> list[tuple[str, str, str, str]]:
        """For a table: section, name, what, and how in words."""
        found: list[tuple[str, str, str, str]] = []
        for title, section in self.sections.items():
            what = title.removesuffix("ies") + "y" if title.endswith("ies") else title.removesuffix("s")
            found += [(what, name, "added", "") for name in section.added]
            found += [(what, name, "removed", "") for name in section.removed]
            found += [
                (what, name, change.part, words(change))
                for name, changes in section.changed.items()
                for change in changes
            ]
        return found


def diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> Diff:
    """What is otherwise in ``new``; both are documents of policies."""
    before, after = _rules(old), _rules(new)
    sections = {"rules": _section(before, after)}
    for name in ("roles", "checks", "reviews", "risk", "capabilities", "errors"):
        sections[name] = _section(_plain(old, name), _plain(new, name))
    return Diff(sections)


def words(change: Changed) -> str:
    """A change in a few lines: ``-`` is gone, ``+`` is new. Capabilities with the same fate stand together."""
    if change.part == "restricts":
        removed, added = _grouped(change.removed), _grouped(change.added)
    else:
        removed, added = [_short(item) for item in change.removed], [_short(item) for item in change.added]
    return "\n".join([*(f"- {text}" for text in removed), *(f"+ {text}" for text in added)])


def _grouped(items: Iterable[Mapping[str, Any]]) -> list[str]:
    fates: dict[str, list[str]] = {}
    for item in items:
        fate = {name: value for name, value in item.items() if name != "capability"}
        fates.setdefault(_short(fate), []).append(item["capability"])
    few = 3
    return [
        f"{', '.join(names) if len(names) <= few else f'{len(names)} capabilities'}: {fate}"
        for fate, names in fates.items()
    ]


def _short(value: object) -> str:
    """As YAML would write it on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_short(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_short, value)) + "]"
    return str(value)


def _section(before: Mapping[str, Document], after: Mapping[str, Document]) -> Section:
    changed = {}
    for name in before:
        if name in after and before[name] != after[name]:
            parts = sorted({*before[name], *after[name]}, key=_place)
            found = (_compared(part, before[name].get(part), after[name].get(part)) for part in parts)
            changed[name] = tuple(change for change in found if change.removed or change.added)
    return Section(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed={name: changes for name, changes in changed.items() if changes},
    )


def _place(part: str) -> tuple[int, str]:
    return PARTS.index(part) if part in PARTS else len(PARTS), part


def _compared(part: str, before: Any, after: Any) -> Changed:
    if isinstance(before, list) and isinstance(after, list):
        old, new = _keyed(before), _keyed(after)
        removed = tuple(item for key, item in old.items() if key not in new)
        return Changed(part, removed, tuple(item for key, item in new.items() if key not in old))
    if before == after:
        return Changed(part, (), ())
    return Changed(part, () if before is None else (before,), () if after is None else (after,))


def _keyed(items: Iterable[Any]) -> dict[bytes, Any]:
    return {orjson.dumps(item, option=orjson.OPT_SORT_KEYS): item for item in items}


# --- documents with sets and groups written out -----------------------------------------------------------------------


def _plain(document: Mapping[str, Any], section: str) -> dict[str, Document]:
    """A section with its sets written out; an error has one part, its text."""
    sets = document.get("sets") or {}
    found = document.get(section) or {}
    return {
        name: {"text": content} if isinstance(content, str) else dict(_leaves(content, sets))
        for name, content in found.items()
    }


def _rules(document: Mapping[str, Any]) -> dict[str, Document]:
    sets, groups = document.get("sets") or {}, document.get("groups") or {}
    found = {}
    for rule in document.get("rules") or ():
        whole = {key: _leaves(part, sets) for key, part in rule.items() if key != "name"}
        whole["restricts"] = _restrictions(rule["restricts"], groups)
        for need in whole["needs"]:
            for remedy in need["remedies"].values() if isinstance(need, dict) and "remedies" in need else ():
                if remedy.get("restricts") is not None:
                    remedy["restricts"] = _restrictions(remedy["restricts"], groups)
        found[rule["name"]] = whole
    return found


def _leaves(part: Any, sets: Mapping[str, Any]) -> Any:
    """A copy with every ``{set: x}`` in a list replaced by the leaves of the set."""
    if isinstance(part, dict):
        return {name: _leaves(value, sets) for name, value in part.items()}
    if not isinstance(part, list):
        return part
    items: list[Any] = []
    for item in part:
        if isinstance(item, dict) and set(item) == {"set"}:
            items += _leaves(sets[item["set"]], sets)
        else:
            items.append(_leaves(item, sets))
    return items


def _restrictions(docs: Iterable[Mapping[str, Any]], groups: Mapping[str, list[str]]) -> list[Document]:
    """One restriction for each capability."""
    return [
        {"capability": capability, **{key: value for key, value in doc.items() if key != "capabilities"}}
        for doc in docs
        for name in doc["capabilities"]
        for capability in _members(name, groups)
    ]


def _members(name: str, groups: Mapping[str, list[str]]) -> Iterable[str]:
    if name not in groups:
        return [name]
    return [member for inner in groups[name] for member in _members(inner, groups)]

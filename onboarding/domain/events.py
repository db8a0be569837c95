"""Events as the difference of two canonical documents.

Because an event is never announced by the code that caused it but found by comparing what could be read before and
after, nothing is missed and nothing is told twice. Within one look the events are a chain: each ``before`` is the
nearest earlier ``after`` of the same property, and folding all ``after`` gives the current document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Document = dict[str, Any]

ACCOUNT_TYPE = "v2.core.account"
PERSON_TYPE = "v2.core.account_person"
CHECK_TYPE = "v2.verification.check"
REVIEW_TYPE = "v2.verification.review"
SECTIONS = ("identity", "defaults")
DUE_SECTIONS = ("requirements", "future_requirements")
CONFIGURATION = "configuration"
CAPABILITIES = "capabilities"


@dataclass(frozen=True, slots=True)
class Documents:
    """All that can be read of an account at one instant.

    Attributes:
        account: the account with every include; None before it was created.
        persons: person documents by id.
        checks: check documents by id.
        hidden: digests of write-only values, by section of the account or by person id.
    """

    account: Document | None = field(default=None, repr=False)
    persons: Mapping[str, Document] = field(default_factory=dict, repr=False)
    checks: Mapping[str, Document] = field(default_factory=dict, repr=False)
    hidden: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its type, the object it is about if there is one, and the properties that changed, whole."""

    type: str
    related_type: str | None
    related_id: str | None
    data: Document
    before: Document | None = field(repr=False)
    after: Document | None = field(repr=False)


def changes(before: Documents, after: Documents) -> list[Event]:
    """What is to be told when ``before`` became ``after``."""
    account = after.account
    if account is None:
        return []
    account_id = account["id"]
    events = list(_account_events(before, after, account))
    data = {"account_id": account_id}
    for person_id in (*before.persons, *(one for one in after.persons if one not in before.persons)):
        old, new = before.persons.get(person_id), after.persons.get(person_id)
        hidden = before.hidden.get(person_id) != after.hidden.get(person_id)
        events.extend(_row_events(PERSON_TYPE, person_id, data, old, new, "id_numbers" if hidden else None))
    for check_id in after.checks:
        events.extend(
            _row_events(CHECK_TYPE, check_id, data, before.checks.get(check_id), after.checks[check_id], None)
        )
    return events


def _row_events(
    kind: str, row_id: str, data: Document, old: Document | None, new: Document | None, hidden: str | None
) -> Iterator[Event]:
    if old is None and new is not None:
        yield Event(f"{kind}.created", kind, row_id, data, None, new)
    elif new is None and old is not None:
        yield Event(f"{kind}.deleted", kind, row_id, data, old, None)
    elif old is not None and new is not None:
        names = [name for name in new if old.get(name) != new[name] or name == hidden]
        if any(name != "updated" for name in names):
            yield Event(f"{kind}.updated", kind, row_id, data, _pick(old, names), _pick(new, names))


def _account_events(before: Documents, after: Documents, new: Document) -> Iterator[Event]:
    account_id = new["id"]
    old = before.account

    def event(suffix: str, was: Document | None, now: Document, data: Document | None = None) -> Event:
        return Event(ACCOUNT_TYPE + suffix, ACCOUNT_TYPE, account_id, data or {}, was, now)

    if old is None:
        start = {**new, CONFIGURATION: _without_capabilities(new[CONFIGURATION])}
        yield event(".created", None, start)
        old = start
        hidden: set[str] = set()
    else:
        hidden = {name for name in SECTIONS if before.hidden.get(name) != after.hidden.get(name)}
        plain = [name for name in new if name not in (*SECTIONS, *DUE_SECTIONS, CONFIGURATION)]
        plain = [name for name in plain if old.get(name) != new[name]]
        if plain:
            closed = new["closed"] and not old["closed"]
            yield event(".closed" if closed else ".updated", _pick(old, plain), _pick(new, plain))
    for name in SECTIONS:
        if old[name] != new[name] or name in hidden:
            yield event(f"[{name}].updated", {name: old[name]}, {name: new[name]})
    yield from _configuration_events(old[CONFIGURATION], new[CONFIGURATION], event)
    for name in DUE_SECTIONS:
        if old[name] != new[name]:
            yield event(f"[{name}].updated", {name: old[name]}, {name: new[name]})


def _configuration_events(old: Document | None, new: Document | None, event: Any) -> Iterator[Event]:
    """First each configuration's own change, then one event for each capability whose status changed."""
    names = sorted({*(old or {}), *(new or {})})
    stand = dict(old) if old is not None else None
    for name in names:
        was, now = (old or {}).get(name), (new or {}).get(name)
        moved = [path for path in _capabilities(now) if _status(was, path) != _status(now, path)]
        moved += [path for path in _capabilities(was) if path not in _capabilities(now)]
        # From the last to the first, so that the last state is exactly the new one.
        states = [now]
        for path in reversed(moved):
            states.append(_with_capability_of(was, states[-1], path))
        kept = states.pop()
        if kept != was and new is not None:
            following = {**(stand or {}), name: kept}
            yield event(f"[{CONFIGURATION}.{name}].updated", {CONFIGURATION: stand}, {CONFIGURATION: following})
            stand = following
        for path in moved:
            following = {**(stand or {}), name: states.pop()}
            yield event(
                f"[{CONFIGURATION}.{name}].capability_status_updated",
                {CONFIGURATION: stand},
                {CONFIGURATION: following},
                {"updated_capability": path},
            )
            stand = following


def _capabilities(configuration: Document | None) -> list[str]:
    """Dotted names of the capabilities a configuration has."""
    found: list[str] = []

    def walk(node: Document, prefix: str) -> None:
        for name, value in node.items():
            if isinstance(value, dict):
                if "status" in value:
                    found.append(prefix + name)
                else:
                    walk(value, f"{prefix}{name}.")

    if configuration is not None and configuration.get(CAPABILITIES):
        walk(configuration[CAPABILITIES], "")
    return found


def _find(configuration: Document | None, path: str) -> Document | None:
    node: Any = (configuration or {}).get(CAPABILITIES)
    for part in path.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    found: Document | None = node
    return found


def _status(configuration: Document | None, path: str) -> str | None:
    found = _find(configuration, path)
    return None if found is None else found["status"]


def _with_capability_of(source: Document | None, configuration: Document | None, path: str) -> Document | None:
    """The configuration with one capability as it stands in ``source``: null or absent where it is so there."""
    if configuration is None:
        return None
    known = (source or {}).get(CAPABILITIES)
    return {**configuration, CAPABILITIES: _put(configuration.get(CAPABILITIES), known, path.split("."))}


def _put(node: Document | None, known: Document | None, parts: list[str]) -> Document:
    head, *rest = parts
    changed = dict(node or {})
    value = None if known is None else known.get(head)
    if rest:
        group = changed.get(head)
        if group is None and value is not None:
            group = dict.fromkeys(value)
        below = _put(group, value, rest)
        value = below if value is not None or any(one is not None for one in below.values()) else None
    if value is None and known is not None and head not in known:
        changed.pop(head, None)
    else:
        changed[head] = value
    return changed


def _without_capabilities(configurations: Document | None) -> Document | None:
    """The configurations as they stand before any capability has a status."""
    if configurations is None:
        return None
    bare: Document = {}
    for name, configuration in configurations.items():
        kept: Document | None = configuration
        for path in _capabilities(configuration):
            kept = _with_capability_of(None, kept, path)
        bare[name] = kept
    return bare


def _pick(document: Document, names: list[str]) -> Document:
    return {name: document.get(name) for name in names}

"""Versions of the wire: which are known, and what an older one says differently.

A version is the day of a release and the release's name, ``2026-10-28.endive``. Days within one release bring nothing
that breaks a client, so the name decides; what is told here is all that differs in what this engine says.

::

    before endive   a rejected capability of an account is ``restricted`` with ``restricted_other``
    before dahlia   ``events_from`` of an event destination says ``self`` and ``other_accounts``, not ``@self`` and
                    ``@accounts``

Read in stripe-python: 14.4.2 sends ``2026-02-25.clover``, 15.6.2 ``2026-08-26.dahlia``, 16.1.0 ``2026-10-28.endive``;
the statuses and ``events_from`` in their parameter and object types; the first days in its changelog.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.scopes import Resource


class Release(IntEnum):
    """A release, in the order of time; the value is its first day as a number."""

    ACACIA = 20240930
    BASIL = 20250331
    CLOVER = 20250930
    DAHLIA = 20260325
    ENDIVE = 20260930


@dataclass(frozen=True, slots=True)
class Version:
    """What a request says it speaks; ``text`` is what it sent."""

    text: str
    release: Release


DEFAULT = Version("2026-10-28.endive", Release.ENDIVE)
"""Of a request that names none."""

_TEXT = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})\.([a-z]{1,20})")
_RELEASES = {release.name.lower(): release for release in Release}
_EVENTS_FROM = {"self": "@self", "other_accounts": "@accounts"}

Document = Mapping[str, Any]


def version_of(text: str | None) -> Version:
    """The version that a ``Stripe-Version`` header names.

    Raises:
        Refusal: ``parameter_invalid``: it names none that is known.
    """
    if text is None or text == DEFAULT.text:
        return DEFAULT
    match = _TEXT.fullmatch(text)
    release = _RELEASES.get(match[4]) if match is not None else None
    if match is None or release is None or not _is_day_of(release, int(match[1]), int(match[2]), int(match[3])):
        raise Refusal(
            "parameter_invalid",
            f"Stripe-Version names no known version. Known are those of the releases {', '.join(_RELEASES)},"
            f" such as {DEFAULT.text}.",
            type="invalid_request_error",
        )
    return Version(text, release)


def understood(fields: dict[str, Any], resource: Resource | None, version: Version) -> dict[str, Any]:
    """The parameters of a request in the words of the newest version."""
    if resource is Resource.EVENT_DESTINATIONS and version.release < Release.DAHLIA:
        return _with_events_from(fields, _EVENTS_FROM)
    return fields


def shown(document: Document, version: Version) -> Document:
    """A document in the words of an older version; it is copied where it says anything else."""
    for release, kind, change in _SHOWN:
        if version.release < release and document.get("object") == kind:
            document = change(document)
    return document


def _is_day_of(release: Release, year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    later = [other for other in Release if other > release]
    number = year * 10_000 + month * 100 + day
    return release <= number and (not later or number < later[0])


def _with_events_from(document: Document, words: Mapping[str, str]) -> dict[str, Any]:
    said = document.get("events_from")
    if not isinstance(said, list):
        return dict(document)
    return {**document, "events_from": [words.get(word, word) if isinstance(word, str) else word for word in said]}


def _without_rejected(account: Document) -> Document:
    configuration = account.get("configuration")
    if configuration is None:
        return account
    return {**account, "configuration": {name: _restricted(part) for name, part in configuration.items()}}


def _restricted(node: Any) -> Any:
    """A configuration, or a part of one, whose rejected capabilities are restricted ones."""
    if not isinstance(node, Mapping):
        return node
    if node.get("status") == "rejected" and "status_details" in node:
        details = [{**one, "code": "restricted_other"} for one in node["status_details"]]
        return {**node, "status": "restricted", "status_details": details}
    return {name: _restricted(below) for name, below in node.items()}


def _old_events_from(destination: Document) -> Document:
    return _with_events_from(destination, {new: old for old, new in _EVENTS_FROM.items()})


_SHOWN: tuple[tuple[Release, str, Callable[[Document], Document]], ...] = (
    (Release.ENDIVE, "v2.core.account", _without_rejected),
    (Release.DAHLIA, "v2.core.event_destination", _old_events_from),
)
"""Until which release, of which object, what is told differently."""

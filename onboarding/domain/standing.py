"""How a question stands: which evidence is effective for given inputs, and for how long."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from onboarding.domain.state import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from onboarding.domain.horizon import Horizon
    from onboarding.domain.policy import CheckKind
    from onboarding.domain.state import Evidence, Fact, Person


class Verdict(StrEnum):
    """What the effective evidence says."""

    UNANSWERED = "unanswered"
    PASSED = "passed"
    FAILED = "failed"
    EXPIRED = "expired"


class Standing(NamedTuple):
    """The verdict and the evidence row it rests on; ``valid_until`` of a pass, None for ever."""

    verdict: Verdict
    evidence: Evidence | None = None
    valid_until: datetime | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Codes that the evidence carries."""
        return self.evidence.reasons if self.evidence else ()


UNANSWERED = Standing(Verdict.UNANSWERED)


def is_askable(kind: CheckKind, facts: Mapping[str, Fact]) -> bool:
    """Whether every input without which the question makes no sense is there."""
    for path in kind.requires:  # a generator costs more than what it asks
        if path not in facts:
            return False
    return not kind.requires_any or any(path in facts for path in kind.requires_any)


def inputs_there(kind: CheckKind, facts: Mapping[str, Fact], persons: Iterable[Person]) -> list[tuple[str, Fact]]:
    """The inputs that are there, of the subject and of the persons whom the question is about too, in one order."""
    found = [(path, facts[path]) for path in kind.inputs if path in facts]
    if kind.persons:
        ordered = sorted(persons, key=lambda person: person.id)
        found += [
            (f"{flag}.{person.id}.{path}", person.facts[path])
            for flag, paths in kind.persons
            for person in ordered
            if flag in person.roles
            for path in paths
            if path in person.facts
        ]
    return found


def input_digest(kind: CheckKind, facts: Mapping[str, Fact], persons: Iterable[Person] = ()) -> str:
    """Digest of the inputs that are there: 32 hex digits. Equal inputs give equal digests within one account."""
    if kind.persons:
        found = [f"\n{path}={fact.digest}" for path, fact in inputs_there(kind, facts, persons)]
    else:
        found = [f"\n{path}={facts[path].digest}" for path in kind.inputs if path in facts]
    text = kind.name + "".join(found)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def effective(evidence: Iterable[Evidence], kind: str, subject: str, digest: str) -> Evidence | None:
    """The latest decisive answer to a question, whether it is still valid or not; None where there is none."""
    rows = (row for row in evidence if (row.kind, row.subject, row.digest) == (kind, subject, digest))
    decisive = (row for row in rows if row.outcome.is_decisive and not row.contested)
    return max(decisive, key=_order, default=None)


def _order(row: Evidence) -> tuple[datetime, datetime, str]:
    return row.occurred_at, row.recorded_at, row.id


def standing(evidence: Iterable[Evidence], digest: str, horizon: Horizon) -> Standing:
    """The latest decisive outcome for ``digest`` by the verifier's own time.

    ``evidence`` is that of one check kind and subject. Contested rows, and outcomes that are not decisive, never
    displace a decisive one. A pass is valid as long as the longest of the passes since the last failure.
    """
    last: Evidence | None = None
    passes: list[Evidence] = []
    rows = [row for row in evidence if row.digest == digest and row.outcome.is_decisive and not row.contested]
    if not rows:
        return UNANSWERED
    if len(rows) > 1:
        rows.sort(key=_order)
    for row in rows:
        last = row
        if row.outcome is Outcome.FAILED:
            passes.clear()
        else:
            passes.append(row)
    if not passes:
        return Standing(Verdict.FAILED, last)
    if any(row.valid_until is None for row in passes):
        return Standing(Verdict.PASSED, last)
    longest = max(passes, key=lambda row: row.valid_until or row.occurred_at)
    if longest.valid_until is not None and horizon.passed(longest.valid_until):
        return Standing(Verdict.EXPIRED, longest, longest.valid_until)
    return Standing(Verdict.PASSED, longest, longest.valid_until)

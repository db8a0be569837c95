"""Accounts as they are shown, and no more of them: one row each, found by keys alone.

What the account's document needs is its stored evaluation, in the wire's words already, and the sealed values of the
account and of the individual it is about. Evidence, checks and marks are left where they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from onboarding.crypto import WrappedKeys
from onboarding.storage.database import Reading
from onboarding.storage.listing import Page, Scope, of_accounts
from onboarding.storage.rows import SealedRow


@dataclass(frozen=True, slots=True)
class ShownPerson:
    """The individual that an account is about."""

    id: str
    created_at: datetime
    updated_at: datetime
    sealed: SealedRow | None


@dataclass(frozen=True, slots=True)
class ShownAccount:
    """One account.

    Attributes:
        is_current: the stored evaluation still holds: no wake time has come since, and the engine could decide.
        evaluator_version: of the engine that wrote it.
        capabilities: of the evaluation, as are ``requirements`` and ``future_requirements``; None before the first.
        keys: None where the account was erased.
        individual: None where it is about no individual.
    """

    id: str
    created_at: datetime
    is_closed: bool
    is_current: bool
    evaluator_version: int
    capabilities: Mapping[str, Any] | None
    requirements: Mapping[str, Any] | None
    future_requirements: Mapping[str, Any] | None
    keys: WrappedKeys | None
    sealed: SealedRow | None = field(repr=False)
    individual: ShownPerson | None


async def find(r: Reading, scope: Scope) -> ShownAccount | None:
    """The scope's one account, or None."""
    found = await find_page(r, scope, Page(limit=1), closed=None)
    return found[0] if found else None


async def find_page(
    r: Reading, scope: Scope, page: Page, *, configurations: Sequence[str] = (), closed: bool | None = False
) -> list[ShownAccount]:
    """Accounts that have all of ``configurations``; ``closed`` None is both. Erased ones are in no list."""
    query = of_accounts(_SHOWN, scope)
    if scope.account_id is None:
        query.add("a.data_key IS NOT NULL")
    if configurations:
        query.add("a.configurations @> {}::text[]", list(configurations))
    if closed is not None:
        query.add(f"a.closed_at IS {'NOT ' if closed else ''}NULL")
    return [_shown(tuple(row)) for row in await query.page(r, page)]


def _shown(row: tuple[Any, ...]) -> ShownAccount:
    (
        account_id, created_at, is_closed, is_current, evaluator_version, capabilities, requirements, future,
        data_key, digest_key, version, ciphertext,
        person_id, person_created_at, person_updated_at, person_version, person_ciphertext,
    ) = row  # fmt: skip
    individual = None
    if person_id is not None:
        sealed = _sealed(person_version, person_ciphertext)
        individual = ShownPerson(person_id, person_created_at, person_updated_at, sealed)
    return ShownAccount(
        id=account_id,
        created_at=created_at,
        is_closed=is_closed,
        is_current=is_current,
        evaluator_version=evaluator_version,
        capabilities=capabilities,
        requirements=requirements,
        future_requirements=future,
        keys=None if data_key is None or digest_key is None else WrappedKeys(data_key, digest_key),
        sealed=_sealed(version, ciphertext),
        individual=individual,
    )


def _sealed(version: int | None, ciphertext: bytes | None) -> SealedRow | None:
    return None if version is None or ciphertext is None else SealedRow(version, ciphertext)


_SHOWN = """
SELECT a.id, a.created_at, a.closed_at IS NOT NULL,
  a.stuck_code IS NULL
    AND (a.wake_at IS NULL OR a.wake_at > greatest(coalesce(k.now, clock_timestamp()), a.last_as_of)),
  a.evaluator_version,
  a.evaluation -> 'capabilities', a.evaluation -> 'requirements', a.evaluation -> 'future_requirements',
  a.data_key, a.digest_key, s.version, s.ciphertext, p.id, p.created_at, p.updated_at, t.version, t.ciphertext
FROM accounts a
LEFT JOIN test_clocks k ON k.id = a.test_clock_id
LEFT JOIN sealed_values s ON s.account_id = a.id AND s.subject = 'account' AND s.field_group = 'values'
LEFT JOIN persons p ON p.account_id = a.id AND p.individual
LEFT JOIN sealed_values t ON t.account_id = a.id AND t.subject = p.id AND t.field_group = 'values'
"""

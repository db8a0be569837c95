"""What the commands of policies do, in the name of whoever runs them. Apart from the command line."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from onboarding.catalogue.loader import builtin_packs
from onboarding.catalogue.problems import CatalogueError, Problem
from onboarding.cli.operations import CommandFailed, decided, with_engine
from onboarding.cli.progress import shown_progress
from onboarding.domain.errors import Refusal
from onboarding.door.callers import OPERATOR, Caller
from onboarding.engine import Engine
from onboarding.forecast import Forecasted
from onboarding.policies.book import AHEAD, Published
from onboarding.policies.diff import Diff
from onboarding.policies.packs import read
from onboarding.storage.faults import StatementFailed
from onboarding.storage.rollouts import RolloutScope, Wave

MODES = {"": None, "live": True, "test": False}

_INSTANT = r"now|\+\d{1,5}[mhd]|\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?Z?)?"
_WAVE = re.compile(rf"(?P<share>\d{{1,3}}(?:\.\d{{1,6}})?)%@(?P<starts>{_INSTANT}):(?P<moves>{_INSTANT})")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_NO_SUCH_ROW = "23503"
_WHOLE = 100

Document = dict[str, Any]
T = TypeVar("T")


def texts_of(files: Sequence[Path]) -> dict[str, str]:
    """The packs in these files, by the files' names."""
    found = {}
    for path in files:
        if path.name in found:
            raise CommandFailed(f"two files are called {path.name}")
        try:
            found[path.name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise CommandFailed(f"{path} can't be read") from None
    return found


def lint(files: Sequence[Path], *, with_builtin: bool) -> list[Problem]:
    """Everything that is wrong in the packs."""
    try:
        read(texts_of(files), with_builtin=with_builtin)
    except CatalogueError as error:
        return error.problems
    return []


def copy(folder: Path, names: Sequence[str]) -> list[Path]:
    """Write packs that ship into a folder; nothing that is there is overwritten."""
    shipped = builtin_packs()
    for name in names:
        if name not in shipped:
            raise CommandFailed(f"{name} is none of {', '.join(shipped)}")
    wanted = {folder / f"{name}.yaml": shipped[name] for name in names or shipped}
    for path in wanted:
        if path.exists():
            raise CommandFailed(f"{path} is there already")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in wanted.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"{folder}: {error.strerror}") from None
    return list(wanted)


def publish(files: Sequence[Path], name: str, platform_id: str | None, *, with_builtin: bool) -> Published:
    """The version that these packs are. Raises Refusal ``policy_invalid`` with every problem."""
    texts = texts_of(files)

    async def work(engine: Engine) -> Published:
        return await engine.policy_book.publish(texts, name, platform_id, with_builtin=with_builtin)

    return _told(lambda: with_engine(work))


def published(limit: int) -> list[Document]:
    """Policies, newest first."""

    async def work(engine: Engine) -> list[Document]:
        return (await engine.policy_book.list(_operator(), limit)).data

    return decided(work)


def show(reference: str) -> Document:
    """One policy with its rules."""

    async def work(engine: Engine) -> Document:
        row = await engine.policy_book.find(None, reference)
        return await engine.policy_book.get(_operator(), row.hash)

    return decided(work)


def compared(old: str, new: str) -> tuple[str, str, Diff]:
    """What is otherwise in the new policy, and what both are called."""

    async def work(engine: Engine) -> tuple[str, str, Diff]:
        before, after, found = await engine.policy_book.diff(None, old, new)
        return f"{before.name}@{before.version}", f"{after.name}@{after.version}", found

    return decided(work)


def dry_run(
    reference: str, at: datetime | None, until: datetime | None, scope: RolloutScope
) -> tuple[datetime, datetime, Forecasted]:
    """What the policy would change, and between which instants."""

    async def work(engine: Engine) -> tuple[datetime, datetime, Forecasted]:
        row = await engine.policy_book.find(None, reference)
        starts = at or await engine.policy_book.now()
        ends = until or starts + AHEAD
        if ends < starts:
            raise CommandFailed("--until is before --at")
        with shown_progress() as progress:
            return starts, ends, await engine.policy_book.forecast(row, scope, starts, ends, progress)

    return decided(work)


def roll_out(
    reference: str, scope: RolloutScope, waves: Sequence[Wave], *, allow_restricting: bool, most: float | None
) -> Document:
    """The roll-out that was made. Raises Refusal ``rollout_restricts`` with the numbers."""

    async def work(engine: Engine) -> Document:
        row = await engine.policy_book.find(None, reference)
        with shown_progress() as progress:
            return await engine.rollouts.create(
                _operator(),
                row.hash,
                scope,
                waves,
                allow_restricting=allow_restricting,
                max_restricted_share=most,
                progress=progress,
            )

    return _told(lambda: with_engine(work))


def rollouts(limit: int) -> list[Document]:
    """Roll-outs, newest first."""

    async def work(engine: Engine) -> list[Document]:
        return (await engine.rollouts.list(_operator(), limit)).data

    return decided(work)


def rollout(rollout_id: str) -> Document:
    """One roll-out."""

    async def work(engine: Engine) -> Document:
        return await engine.rollouts.get(_operator(), rollout_id)

    return decided(work)


def change(rollout_id: str, what: str) -> Document:
    """A roll-out after it was paused, resumed or taken back."""

    async def work(engine: Engine) -> Document:
        changes = {
            "pause": engine.rollouts.pause,
            "resume": engine.rollouts.resume,
            "roll_back": engine.rollouts.roll_back,
        }
        return await changes[what](_operator(), rollout_id)

    return decided(work)


def scope_of(platform: str, mode: str, name: str) -> RolloutScope:
    """The accounts that options mean."""
    if mode not in MODES:
        raise CommandFailed(f"{mode} is neither live nor test")
    return RolloutScope(platform or None, MODES[mode], name or None)


def waves_of(texts: Sequence[str], now: datetime) -> list[Wave]:
    """Waves as they are written: ``10%@2027-01-01:2027-02-01``, ``90%@+7d:+30d``."""
    return [_wave(text, now) for text in texts]


def _wave(text: str, now: datetime) -> Wave:
    found = _WAVE.fullmatch(text)
    if found is None:
        raise CommandFailed(f"{text} is no wave: write SHARE%@START:TRANSITION, such as 10%@2027-01-01:2027-02-01")
    starts_at = _instant(found["starts"], now)
    return Wave(float(found["share"]) / _WHOLE, starts_at, _instant(found["moves"], starts_at))


def _instant(text: str, since: datetime) -> datetime:
    if text == "now":
        return since
    if text.startswith("+"):
        return since + timedelta(**{_UNITS[text[-1]]: int(text[1:-1])})
    try:
        return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        raise CommandFailed(f"{text} is no time") from None


def _operator() -> Caller:
    return Caller("", livemode=True, actor=f"{OPERATOR}{getpass.getuser()}")


def _told(work: Callable[[], T]) -> T:
    """Refusals that are told in more than a line pass; others become the command's failure."""
    try:
        return work()
    except Refusal as refusal:
        if refusal.extra:
            raise
        where = f"{refusal.param}: " if refusal.param else ""
        raise CommandFailed(f"{where}{refusal.message}") from None
    except StatementFailed as error:
        if error.sqlstate == _NO_SUCH_ROW:
            raise CommandFailed("there is no such platform") from None
        raise


def restricting_numbers(refusal: Refusal) -> Document:
    """The dry run that a refused roll-out comes with."""
    found: Any = refusal.extra.get("dry_run", {})
    return dict(found)


def problems_of(refusal: Refusal) -> list[Document]:
    """The problems that refused packs come with."""
    found: Any = refusal.extra.get("problems", [])
    return list(found)

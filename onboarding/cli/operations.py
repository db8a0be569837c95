"""What the commands do. Apart from the command line, so that asking for help imports nothing."""

from __future__ import annotations

import importlib

from onboarding.cli.keys import MadeKeys, make_platform, run_apart, with_database
from onboarding.engine import open_engine
from onboarding.settings import Settings, load_settings
from onboarding.storage import migrate as migrations
from onboarding.storage.database import Database
from onboarding.storage.faults import ConnectionLost
from onboarding.temporal import Nudger, connect


class CommandFailed(Exception):  # noqa: N818 -- says what happened
    """Something that a person can mend. One line, without values."""


def migrate() -> None:
    """Bring the tables up to date."""
    settings = load_settings()
    try:
        migrations.upgrade(settings.database_url)
    except OSError as error:
        raise _unreachable() from error


def create_keys(platform: str) -> MadeKeys:
    """A new platform with its keys."""
    settings = load_settings()

    async def make(database: Database) -> MadeKeys:
        return await make_platform(database, settings.key_ring(), platform)

    try:
        made: MadeKeys = with_database(settings.database_url, make)
    except ConnectionLost as error:
        raise _unreachable() from error
    return made


def sweep(limit: int) -> tuple[int, int]:
    """How many accounts were due, and how many nudges arrived."""
    try:
        return run_apart(_sweep(load_settings(), limit))
    except ConnectionLost as error:
        raise _unreachable() from error


async def _sweep(settings: Settings, limit: int) -> tuple[int, int]:
    # By name: the command line is below the workflows, and only puts a process together here.
    account = importlib.import_module("workflows.schedule").account_target
    client = await connect(settings, identity="onboarding-cli")
    nudger = Nudger(client, task_queue=settings.task_queue, account=account)
    engine = await open_engine(settings, name="onboarding-cli")
    try:
        due = await engine.work.sweep(limit)
        return len(due), await nudger.nudge_all(due)
    finally:
        await engine.close()


def _unreachable() -> CommandFailed:
    return CommandFailed("the database in DATABASE_URL does not answer")

"""The command line as processes of their own, without starting Python and importing everything each time."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from onboarding.settings import Settings

PATIENCE = 60
"""Seconds that one command may take."""

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    [
        "tests.support.warm",
        "onboarding.cli.operations",
        "onboarding.cli.import_operations",
        "onboarding.cli.policy_operations",
    ]
)


@dataclass(frozen=True)
class Done:
    """What a command said, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


def environment(settings: Settings) -> dict[str, str]:
    """What a process of these settings is started with."""
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "TEMPORAL_ADDRESS": settings.temporal_address,
        "ONBOARDING_ROOT_KEYS": settings.root_keys.get_secret_value(),
        "ONBOARDING_TASK_QUEUE": "commands",
    }


async def command(settings: Settings, *arguments: str, **changes: str) -> Done:
    """Run ``onboarding`` with these arguments; ``changes`` are of its environment."""
    return await asyncio.to_thread(_command, arguments, environment(settings) | changes)


def _command(arguments: tuple[str, ...], environ: Mapping[str, str]) -> Done:
    with tempfile.TemporaryDirectory(prefix="onboarding-command-") as folder:
        process = _processes.Process(target=_run, args=(arguments, environ, folder))
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"onboarding {arguments[0]} took longer than {PATIENCE} s")
        said = [Path(folder, name).read_text(encoding="utf-8") for name in ("stdout", "stderr")]
        return Done(process.exitcode, *said)


def _run(arguments: tuple[str, ...], environ: Mapping[str, str], folder: str) -> None:
    os.environ.clear()
    os.environ.update(environ)
    for name, number in (("stdout", 1), ("stderr", 2)):
        with Path(folder, name).open("wb") as file:
            os.dup2(file.fileno(), number)
    # A process of the pool writes to what its parent opened: from here on to the files.
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8")
    sys.argv = ["onboarding", *arguments]
    from onboarding.cli import main  # noqa: PLC0415 -- what it reads at import, it reads in this environment

    main()

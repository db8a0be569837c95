"""The programs of ``docs/sdks.md`` print what stands below them, and each SDK named there is the one that is tested."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import stripe

from tests.sdks.programs import HERE, Program, node, older_sdk
from tests.support.serving import Platform

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sdks.md"
PROGRAMS = re.findall(r"```(python|js|sh)\n(.*?)```\n(?:\n[^`]*?)?\n?```text\n(.*?)```", PAGE.read_text(), re.DOTALL)

pytestmark = pytest.mark.timeout(300)  # programs start slowly on a busy machine


def test_every_program_has_its_output() -> None:
    assert len(PROGRAMS) == len(re.findall(r"^```(?:python|js|sh)$", PAGE.read_text(), re.MULTILINE)) > 0


@pytest.mark.parametrize(("language", "program", "output"), PROGRAMS, ids=[language for language, _, _ in PROGRAMS])
def test_program_prints_what_stands_below_it(
    platform: Platform, tmp_path: Path, language: str, program: str, output: str
) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "run.json").write_text(json.dumps({"api": platform.server.url, "test_key": platform.test_key}))

    assert run(language, program, tmp_path) == output


def test_tested_versions_are_told() -> None:
    older = Path(older_sdk().program.environment["PYTHONPATH"]) / "stripe"
    older_version = re.search(r"stripe==([\d.]+)", (HERE / "requirements-stripe15.txt").read_text())
    older_api = re.search(r'CURRENT = "([\w.-]+)"', (older / "_api_version.py").read_text())
    pinned = json.loads((HERE / "node" / "package.json").read_text())["dependencies"]["stripe"]
    node_api = node().run("--print", "require('stripe').API_VERSION").strip()

    assert older_version is not None
    assert older_api is not None
    assert re.findall(r"^\| \w.*?\| ([\d.]+) \| `([\w.-]+)` \|", PAGE.read_text(), re.MULTILINE) == [
        (stripe.VERSION, stripe.api_version),
        (older_version[1], older_api[1]),
        (pinned, node_api),
    ]
    assert node_api == stripe.api_version


def test_lock_file_names_no_registry() -> None:
    text = (HERE / "node" / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]

    assert "://" not in text
    assert all("integrity" in package for name, package in packages.items() if name)


def run(language: str, program: str, folder: Path) -> str:
    if language == "js":
        runtime = node()
        (folder / "node_modules").symlink_to(runtime.environment["NODE_PATH"])
        file = folder / "program.mjs"
        file.write_text(program)
        return runtime.run(str(file), folder=folder)
    command = Program((sys.executable, "-c")) if language == "python" else Program(("bash", "-euc"))
    return command.run(program, folder=folder)

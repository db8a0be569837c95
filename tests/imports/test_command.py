"""``onboarding import`` in front of the API, where no worker plays the lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from onboarding.cli import app
from onboarding.cli.operations import CommandFailed
from tests.imports.telling import book, shop
from tests.support.serving import Platform

IMPORTS = "/v2/verification/imports"
SORTS = {True: "checking", False: "running"}
"""How an import is under way that is a dry run, and one that is none."""

REFUSED = {
    True: "{id} is a dry run and is {state}: go on with --dry-run until it is checked",
    False: "{id} makes accounts and is {state}: go on with it without --dry-run",
}


def begun(platform: Platform, *, is_dry_run: bool) -> Any:
    """An import of one line that was started."""
    made = platform.request("POST", IMPORTS, json={}).json()
    path = f"{IMPORTS}/{made['id']}"
    headers = {"Content-Type": "application/x-ndjson"}
    sent = platform.request("POST", f"{path}/lines?first_line=1", content=book([shop(1)]), headers=headers)
    assert sent.status_code == 200, sent.text
    return platform.request("POST", f"{path}/start", json={"dry_run": is_dry_run}).json()


def typed(platform: Platform, path: Path, imported: str, *options: str) -> str:
    """What the command answers, or why it failed."""
    where = {"ONBOARDING_API_URL": platform.server.url, "ONBOARDING_API_KEY": platform.test_key}
    arguments = ["import", str(path), "--import", imported, "--no-wait", *options]
    done = CliRunner().invoke(app, arguments, env=where)
    if isinstance(done.exception, CommandFailed):
        assert done.exit_code == 1
        return str(done.exception)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("is_paused", [True, False])
@pytest.mark.parametrize("is_dry_run", [True, False])
def test_what_has_begun_goes_on_as_what_it_is(
    platform: Platform, tmp_path: Path, *, is_dry_run: bool, is_paused: bool
) -> None:
    before = begun(platform, is_dry_run=is_dry_run)
    path = f"{IMPORTS}/{before['id']}"
    if is_paused:
        before = platform.request("POST", f"{path}/pause", json={}).json()
    file = tmp_path / "book.jsonl"
    file.write_bytes(book([shop(1), shop(2)]))

    same, other = (["--dry-run"], []) if is_dry_run else ([], ["--dry-run"])
    refused = typed(platform, file, before["id"], *other)

    assert refused == REFUSED[is_dry_run].format(id=before["id"], state=before["status"])
    assert platform.request("GET", path).json() == before

    done = typed(platform, file, before["id"], *same)

    assert f"{before['id']}  {SORTS[is_dry_run]}: " in done
    after = platform.request("GET", path).json()
    assert (after["status"], after["dry_run"]) == (SORTS[is_dry_run], is_dry_run)

"""A Chromium for tests: found, downloaded or installed. Where none can be had a test fails, and says what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

from onboarding.local.errors import LocalSetupError
from onboarding.local.files import locked

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DOWNLOAD_SECONDS = 90.0
"""A network that refuses answers at once; one that is slower than this is given up."""

INSTALL_SECONDS = 600.0
_MEND = "install Chromium (Debian: apt-get install chromium), or let 'playwright install chromium' reach its downloads"


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser that runs until the block ends.

    Raises:
        LocalSetupError: there is none, and none can be had.
    """
    with sync_playwright() as playwright:
        program = _find(playwright)
        # The pages are our own, and root has no sandbox.
        launched = playwright.chromium.launch(executable_path=program, chromium_sandbox=os.geteuid() != 0)
        try:
            yield launched
        finally:
            launched.close()


def _find(playwright: Playwright) -> Path:
    """In this order: what is there, Playwright's own download, Debian's package."""
    own = Path(playwright.chromium.executable_path)
    # One process at a time gets it; the others find it then.
    with locked(Path(tempfile.gettempdir()) / f"onboarding-browser-{os.geteuid()}.lock", waiting=lambda: None):
        found = _present(own)
        if found is None:
            _run([sys.executable, "-m", "playwright", "install", "chromium"], DOWNLOAD_SECONDS)
            found = _present(own)
        if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
            _run(["apt-get", "update", "-qq"], INSTALL_SECONDS)
            _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], INSTALL_SECONDS)
            found = _present(own)
    if found is None:
        raise LocalSetupError(f"there is no browser here: {_MEND}")
    return found


def _present(own: Path) -> Path | None:
    if own.is_file():
        return own
    return next((Path(found) for name in PROGRAMS if (found := shutil.which(name))), None)


def _run(command: list[str], seconds: float) -> None:
    """Whether it worked is seen by what is there afterwards."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(  # noqa: S603 -- fixed arguments
            command, capture_output=True, timeout=seconds, check=False, env=environment, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return

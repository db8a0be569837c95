"""Folders that the user a server runs as can enter, also when the tests run as root."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="onboarding-local-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)

"""All benchmarks in turn: ``python -m benchmarks``, or ``make bench``. Needs a quiet machine to mean much."""

from __future__ import annotations

import signal
import subprocess
import sys

from benchmarks.program import as_program
from onboarding.local.processes import end_process

NAMES = (
    "evaluate",
    "forecast",
    "requests",
    "inbox",
    "onboardings",
    "vendor",
    "screening",
    "files",
    "burst",
    "episodes",
    "sweep",
)

ENDING_SECONDS = 30.0
"""How long a measurement may take to end its servers."""


def main() -> int:
    """Run each in a process of its own; the first failure's status."""
    for name in NAMES:
        sys.stdout.write(f"== {name}\n")
        sys.stdout.flush()
        process = subprocess.Popen([sys.executable, "-m", f"benchmarks.{name}"])  # noqa: S603 -- our own modules
        try:
            status = process.wait()
        except KeyboardInterrupt:
            end_process(process, [(signal.SIGTERM, ENDING_SECONDS)])
            raise
        if status:
            return status
    return 0


if __name__ == "__main__":
    as_program(main)

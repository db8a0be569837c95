"""All benchmarks in turn: ``python -m benchmarks``, or ``make bench``. Needs a quiet machine to mean much."""

from __future__ import annotations

import subprocess
import sys

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


def main() -> int:
    """Run each in a process of its own; the first failure's status."""
    for name in NAMES:
        sys.stdout.write(f"== {name}\n")
        sys.stdout.flush()
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False)  # noqa: S603 -- our own modules
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``python -m tests.faults.quick``: what ``python -m onboarding.local --bare`` runs, with restarts that grow no rarer.

A part that is killed again and again is started again after ever longer waits, up to half a minute. These tests kill
often and wait for what happens next, so the waits are short here; all else is as a person starts it.
"""

from __future__ import annotations

import sys

from onboarding.local import processes
from onboarding.local.run import main

RESTART_SECONDS = 0.3

if __name__ == "__main__":
    processes.BACK_OFF_SECONDS = (RESTART_SECONDS,)  # type: ignore[assignment]
    sys.exit(main(["--bare"]))

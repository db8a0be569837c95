"""How each measurement runs as a program."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from onboarding.process_exit import settle_before_exit


def as_program(main: Callable[[], int | None]) -> NoReturn:
    """Exit with what ``main`` answers; whoever ends it by a signal ends the servers that it started, too."""
    # In the background SIGINT is ignored unless it is asked for.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        sys.exit(main())
    finally:
        settle_before_exit()

"""One timer of a run."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow


class Alarm:
    """One timer that survives nudges: to cancel it and start another costs two events each time.

    It is left alone as long as it rings no later than asked, and not before half of the time has passed: to look a
    little early is harmless.
    """

    def __init__(self) -> None:
        self._timer: asyncio.Task[None] | None = None
        self._rings_at = 0.0

    @property
    def rings(self) -> bool:
        """Whether its time has come."""
        return self._timer is not None and self._timer.done()

    def set(self, seconds: float, summary: str) -> None:
        """Ring in so many seconds, or a little earlier."""
        now = workflow.time()
        if self._timer is not None and not self._timer.done() and seconds / 2 <= self._rings_at - now <= seconds:
            return
        self.clear()
        self._rings_at = now + seconds
        self._timer = asyncio.create_task(workflow.sleep(timedelta(seconds=seconds), summary=summary))

    def clear(self) -> None:
        """Ring no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

"""How far each example is: one immutable value each, replaced as things change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from examples.reading import Snapshot


@dataclass(frozen=True, slots=True)
class Progress:
    """One example at one moment.

    Attributes:
        name: of the example.
        summary: its story in a few words.
        account_id: None until the account exists.
        stage: what was done last.
        seen: the account as it was read last.
        started: when, by ``time.monotonic``.
        ended: the same; None while it runs.
        is_as_expected: None while it runs.
    """

    name: str
    summary: str
    account_id: str | None = None
    stage: str = "waits for its turn"
    seen: Snapshot = field(default_factory=Snapshot)
    started: float | None = None
    ended: float | None = None
    is_as_expected: bool | None = None

    @property
    def seconds(self) -> float:
        """How long it has been going on, or took."""
        if self.started is None:
            return 0.0
        return (self.ended if self.ended is not None else time.monotonic()) - self.started


class Board:
    """The progress of all examples. Any thread may change it; each change is reported once, one at a time."""

    def __init__(self, progress: Mapping[str, Progress], on_change: Callable[[Progress], None] | None) -> None:
        self._progress = dict(progress)
        self._on_change = on_change
        # Reentrant: who is told of a change may read the board.
        self._lock = threading.RLock()

    def __getitem__(self, name: str) -> Progress:
        with self._lock:
            return self._progress[name]

    def change(self, name: str, *, unless_after: Progress | None = None, **changes: object) -> Progress:
        """Replace some of an example's attributes.

        Args:
            name: of the example.
            unless_after: do nothing if the example went on since it looked like this: the news is old.
            changes: attributes of ``Progress``.

        Returns:
            The progress after it.
        """
        with self._lock:
            before = self._progress[name]
            if unless_after is not None and before is not unless_after:
                return before
            after = replace(before, **changes)  # type: ignore[arg-type]  # names and types are those of Progress
            if after == before:
                return before
            self._progress[name] = after
            if self._on_change is not None:
                self._on_change(after)
            return after

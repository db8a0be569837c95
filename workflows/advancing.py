"""One activity that is tried again and again, and a signal that says that it should not wait for its next try."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from workflows import options


class Advance:
    """The life of a run that has one thing to see through to its end.

    The pauses between two tries are the server's, so waiting costs no events. A change that is noted takes a step at
    once, inside the workflow task, which is five events instead of fourteen; only one that leaves something to wait for
    has the activity begin anew.

    Args:
        start: starts the patient activity.
        step_here: the same activity, once and inside the workflow task.
        again: what a run of a newer worker begins with.
    """

    def __init__(
        self,
        start: Callable[[], workflow.ActivityHandle[str]],
        step_here: Callable[[], Awaitable[str]],
        again: object,
    ) -> None:
        self._again = again
        self._start = start
        self._step_here = step_here
        self._changed = False

    def note_change(self) -> None:
        """There may be something new: for the signal."""
        self._changed = True

    async def to_the_end(self) -> str:
        """How it stands in the end, when nothing new was noted since."""
        while True:
            self._changed = False
            stands = await self._advance()
            if workflow.all_handlers_finished():
                if stands is not None and not self._changed:
                    return stands
                options.continue_if_due(self._again)  # whatever was noted: a run begins with a step

    async def _advance(self) -> str | None:
        """How it stands in the end; None if something new was noted before."""
        advancing = self._start()
        await workflow.wait_condition(lambda: self._changed or advancing.done())
        if self._changed and not advancing.done():
            self._changed = False
            stands = await self._once_here()
            if stands is not None:
                return stands  # the activity ends with the run, a step of it that is under way by itself
            self._changed = True
            advancing.cancel()
        try:
            return await advancing
        except ActivityError:
            if self._changed:
                return None
            raise

    async def _once_here(self) -> str | None:
        """One step; None where something is left to wait for, or it did not work."""
        try:
            return await self._step_here()
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            return None

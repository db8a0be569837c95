"""What goes wrong, scripted one by one. None of it outlives the process."""

from __future__ import annotations

import asyncio
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Fault(BaseModel):
    """One fault of one call.

    Attributes:
        do: ``refuse`` says no with ``code``; ``error`` fails with ``status``; ``busy`` is 429 and asks to be left alone
            for ``seconds``; ``delay`` answers after ``seconds``; ``cut`` resets the connection before anything is done,
            and ``lose`` once everything is.
        merchant, feature, part, open: only of such a call.
        times: of how many calls.
    """

    model_config = ConfigDict(extra="forbid")

    do: Literal["refuse", "error", "busy", "delay", "cut", "lose"]
    code: str = "not_wanted"
    status: int = Field(500, ge=400, le=599)
    seconds: float = Field(1.0, ge=0, le=3600)
    merchant: str | None = None
    feature: str | None = None
    part: str | None = None
    open: bool | None = None
    times: int = Field(1, ge=1)

    def is_about(self, merchant: str, feature: str, part: str, *, is_open: bool) -> bool:
        """Whether it is a fault of such a call."""
        wanted = (self.merchant, self.feature, self.part, self.open)
        return all(one in {None, given} for one, given in zip(wanted, (merchant, feature, part, is_open), strict=True))


class Faults:
    """The script, and whether the receiver is down."""

    def __init__(self) -> None:
        self.script: list[Fault] = []
        self.is_down = False

    def take(self, merchant: str, feature: str, part: str, *, is_open: bool) -> Fault | None:
        """The first fault about such a call; it is one fewer then."""
        for index, fault in enumerate(self.script):
            if fault.is_about(merchant, feature, part, is_open=is_open):
                left = fault.times - 1
                self.script[index : index + 1] = [fault.model_copy(update={"times": left})] if left else []
                return fault
        return None

    def clear(self) -> None:
        """No fault any more, and up."""
        self.script.clear()
        self.is_down = False


async def wait(fault: Fault | None) -> None:
    """The delay of a fault that is one."""
    if fault is not None and fault.do == "delay":
        await asyncio.sleep(fault.seconds)

"""Parameters of the test clocks, an interface of this engine in the style of Accounts v2."""

from __future__ import annotations

from api.schemas.fields import Parameters, Text, Timestamp


class TestClockCreate(Parameters):
    """``POST /v2/verification/test_clocks``."""

    __test__ = False  # nothing for pytest to collect

    frozen_time: Timestamp
    name: Text | None = None


class TestClockAttach(Parameters):
    """``POST /v2/verification/test_clocks/{id}/attach``: the sandbox account that lives by the clock from now on."""

    __test__ = False  # nothing for pytest to collect

    account: Text


class TestClockAdvance(Parameters):
    """``POST /v2/verification/test_clocks/{id}/advance``: the time to go on to, later than the clock's own."""

    __test__ = False  # nothing for pytest to collect

    frozen_time: Timestamp

"""Accounts onboarded with the official, unchanged ``stripe`` SDK: documentation that runs.

Each module in ``examples/accounts`` tells how one account comes to its end and says what that end must be.
``python -m examples`` tells all of them at once against a running engine and shows them live.
"""

from examples.runner import ApiAway, Engine, Result, run_all

__all__ = ["ApiAway", "Engine", "Result", "run_all"]

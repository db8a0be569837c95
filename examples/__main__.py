"""``python -m examples``: onboard the example accounts before one's eyes."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console

from examples.accounts import EXAMPLES
from examples.display import show_results, showing
from examples.example import name_of
from examples.progress import Progress
from examples.runner import ApiAway, Engine, run_all

INTERRUPTED = 130
"""What shells report for a command that Ctrl-C ended."""
TERMINATED = 143
"""The same for SIGTERM."""


def main(arguments: Sequence[str]) -> int:
    """Run examples: 0 if each account came to its expected end, 1 if not or if the engine can't be used."""
    by_name = {name_of(example): example for example in EXAMPLES}
    parser = argparse.ArgumentParser(prog="python -m examples", description="Onboard the example accounts.")
    parser.add_argument("--run-json", type=Path, default=Path("var/run.json"), metavar="PATH", help="where it runs")
    parser.add_argument("--only", action="append", choices=by_name, metavar="NAME", help="one of them; repeatable")
    parser.add_argument("--list", action="store_true", help="say what there is and end")
    options = parser.parse_args(arguments)
    if options.list:
        for name, example in by_name.items():
            print(f"{name:<{max(map(len, by_name))}}  {example.SUMMARY}")
        return 0
    chosen = [example for name, example in by_name.items() if not options.only or name in options.only]
    live = sys.stdout.isatty() and not Console().is_dumb_terminal
    try:
        engine = _where(options.run_json)
        if engine.vendor is None and not options.only:
            # Nobody can type into a real vendor's page, nor take it down.
            left_out = [name_of(example) for example in chosen if example.LIVE]
            chosen = [example for example in chosen if not example.LIVE]
            print(f"left out, for a real identity vendor is configured and no simulator: {', '.join(left_out)}")
        waiting = [Progress(name_of(example), example.SUMMARY) for example in chosen]
        with showing(waiting, live=live) as changed:
            results = run_all(engine, changed, chosen)
    except ApiAway as error:
        print(f"cannot run the examples: {error}", file=sys.stderr)
        return 1
    show_results(results, live=live)
    return 0 if all(result.is_as_expected for result in results) else 1


def _where(path: Path) -> Engine:
    """The engine that runs.

    Raises:
        ApiAway: the file is not there or does not say it all.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        vendor = facts["simulators"].get("stripe_identity")
        return Engine(
            api=str(facts["api"]).rstrip("/"),
            test_key=str(facts["test_key"]),
            live_key=str(facts["live_key"]),
            vendor=None if vendor is None else str(vendor).rstrip("/"),
        )
    except FileNotFoundError:
        raise ApiAway(f"{path} is not there: start everything with `make run`, or name its file") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"has no {error}" if isinstance(error, KeyError) else f"can't be read ({type(error).__name__})"
        raise ApiAway(f"{path} {reason}: it is the file that `make run` writes") from None


def _terminate(_number: int, _frame: FrameType | None) -> None:
    # As an exception, so that the terminal gets its cursor back.
    raise SystemExit(TERMINATED)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)

"""Running examples: each in a thread of its own, watched until it came to its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TypeVar

import httpx
import stripe
from stripe.v2.core import Account

from examples import reading
from examples.accounts import EXAMPLES
from examples.example import Differs, Example, Expected, name_of
from examples.progress import Board, Progress
from examples.reading import Snapshot

_Seen = TypeVar("_Seen")

AT_ONCE = 12
"""Examples that run at the same time."""
POLL_SECONDS = 0.5
"""Between two looks at an account, for those who watch."""
EAGER_SECONDS = 0.2
"""The same for an example that waits to go on."""
WAIT_SECONDS = 240.0
"""How long one wait may take. The sandbox's delayed answers take five seconds, and so does the first pause before a
vendor that was down is asked again. Only where a worker is killed at a bad moment, what it had claimed is claimed again
after two minutes and the next sweep.
"""
CALL_SECONDS = 20.0
"""How long one request may take; advancing a test clock is the longest."""
ALL_SECONDS = 480.0
"""How long everything may take, whatever happens."""


class ApiAway(Exception):  # noqa: N818 -- says what happened
    """The API, or the vendor that examples want, can't be used at all. One line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Where an engine runs.

    Attributes:
        api: address of its API, without a slash at its end.
        test_key: ``sk_test_...`` of the platform that the accounts will belong to.
        live_key: ``sk_live_...`` of the same.
        vendor: address of the identity vendor's simulator, without a slash at its end; None where a real one is asked.
    """

    api: str
    test_key: str = field(repr=False)
    live_key: str = field(repr=False)
    vendor: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How an example ended.

    Attributes:
        name: of the example.
        account_id: None if the account could not be created.
        expected: how it had to end.
        reached: how the account was at the end.
        differences: one line for each thing that is not as expected.
        seconds: how long it took.
    """

    name: str
    account_id: str | None
    expected: Expected
    reached: Snapshot
    differences: tuple[str, ...]
    seconds: float

    @property
    def is_as_expected(self) -> bool:
        """Whether the account came to exactly the expected end."""
        return not self.differences


class _Stopped(Exception):  # noqa: N818 -- says what happened
    """Nobody waits for the examples any more."""


def run_all(
    engine: Engine,
    on_change: Callable[[Progress], None] | None = None,
    only: Sequence[Example] = EXAMPLES,
) -> list[Result]:
    """Onboard all examples, several at a time.

    Args:
        engine: where.
        on_change: told of each change of an example, one call at a time, from any thread.
        only: the examples to run.

    Returns:
        How each ended, in their order.

    Raises:
        ApiAway: the API does not answer or does not accept a key, or live examples find no simulator of the vendor.
    """
    clients = {live: connect(engine, live=live) for live in sorted({example.LIVE for example in only})}
    if True in clients:
        find_vendor(engine)
    waiting = {name_of(example): Progress(name_of(example), example.SUMMARY) for example in only}
    board = Board(waiting, on_change)
    stop = threading.Event()
    pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="example")
    try:
        running = [pool.submit(_Telling(engine, clients[example.LIVE], example, board, stop).run) for example in only]
        done, late = wait(running, timeout=ALL_SECONDS, return_when=FIRST_EXCEPTION)
        stop.set()
        if failed := next((one.exception() for one in done if one.exception() is not None), None):
            raise _away(engine.api, failed) if isinstance(failed, stripe.APIConnectionError) else failed
        return [
            _unfinished(example, board) if one in late else one.result()
            for example, one in zip(only, running, strict=True)
        ]
    finally:
        stop.set()  # also after Ctrl-C: whoever still waits ends now
        pool.shutdown(wait=False, cancel_futures=True)


def connect(engine: Engine, *, live: bool) -> stripe.StripeClient:
    """The official client on our address, once the API is known to answer and to accept the key of that mode.

    Raises:
        ApiAway: it does not.
    """
    client = stripe.StripeClient(
        engine.live_key if live else engine.test_key,
        base_addresses={"api": engine.api, "files": engine.api},
        max_network_retries=2,
        http_client=stripe.RequestsClient(timeout=CALL_SECONDS),
    )
    try:
        client.v2.core.accounts.list({"limit": 1})
    except stripe.AuthenticationError:
        raise ApiAway(f"the API at {engine.api} does not know this {'live' if live else 'test'} key") from None
    except stripe.APIConnectionError as error:
        raise _away(engine.api, error) from None
    except stripe.StripeError as error:
        raise ApiAway(f"the API at {engine.api} does not list accounts: {_line(error)}") from None
    return client


def find_vendor(engine: Engine) -> None:
    """Make sure that the simulator of the identity vendor answers.

    Raises:
        ApiAway: it does not, or there is none.
    """
    if engine.vendor is None:
        raise ApiAway("live examples want the identity vendor's simulator, and there is none: a real vendor is asked")
    try:
        httpx.get(f"{engine.vendor}/_control/health", timeout=CALL_SECONDS, trust_env=False).raise_for_status()
    except httpx.HTTPError:
        raise ApiAway(f"the vendor's simulator at {engine.vendor} does not answer: start it with `make run`") from None


def compare(expected: Expected, reached: Snapshot) -> tuple[str, ...]:
    """One line for each thing that is not as expected."""
    return (
        *_differences("capability", expected.capabilities, reached.capabilities),
        *_differences("requirement", expected.requirements, reached.requirements),
        *_differences("check", expected.checks, reached.checks),
        *_differences("review", expected.reviews, reached.reviews),
    )


def _differences(
    what: str, expected: Mapping[str, str | tuple[str, ...]], reached: Mapping[str, str | tuple[str, ...]]
) -> list[str]:
    return [
        f"{what} {name}: expected {_words(expected.get(name))}, reached {_words(reached.get(name))}"
        for name in {**expected, **reached}
        if expected.get(name) != reached.get(name)
    ]


def _words(value: str | tuple[str, ...] | None) -> str:
    return "none" if value is None else value if isinstance(value, str) else ", ".join(value)


class _Telling:
    """One example being told; it is what the example sees as ``Show``."""

    def __init__(
        self, engine: Engine, client: stripe.StripeClient, example: Example, board: Board, stop: threading.Event
    ) -> None:
        self._engine = engine
        self._client = client
        self._example = example
        self._name = name_of(example)
        self._board = board
        self._stop = stop

    def run(self) -> Result:
        """Onboard the account, then wait until it is as expected.

        Raises:
            stripe.APIConnectionError: the API is gone; there is no use in going on.
        """
        self._board.change(self._name, stage="begins", started=time.monotonic())
        watcher = threading.Thread(target=self._watch, name=f"watch-{self._name}", daemon=True)
        watcher.start()
        try:
            self._example.onboard(self._client, self)
            differences = self._settle()
        except Differs as error:
            differences = (str(error),)
        except _Stopped:
            differences = (f"not at its end after {ALL_SECONDS:.0f} s",)
        except stripe.APIConnectionError:
            self._stop.set()
            raise
        except stripe.StripeError as error:
            differences = (self._after(_line(error)),)
        except httpx.HTTPError as error:
            differences = (self._after(f"the vendor does not answer ({type(error).__name__})"),)
        except Exception as error:  # noqa: BLE001  what an example stumbles over is a result; the others go on
            differences = (self._after(f"{type(error).__name__}: {error}"),)
        return self._end(differences)

    @property
    def vendor(self) -> str:
        """See ``Show``."""
        if self._engine.vendor is None:
            raise Differs("there is no simulator of the vendor")
        return self._engine.vendor

    def step(self, what: str, account: Account | None = None) -> None:
        """See ``Show``."""
        if account is None:
            self._board.change(self._name, stage=what)
            return
        seen = self._board[self._name].seen
        if account.requirements is not None:  # null if it was not included
            seen = replace(seen, capabilities=reading.capabilities(account), requirements=reading.owed(account))
        self._board.change(self._name, stage=what, account_id=account.id, seen=seen)

    def must(self, claim: str, *, be: bool) -> None:
        """See ``Show``."""
        if not be:
            raise Differs(f"not so: {claim}")

    def until(self, claim: str, read: Callable[[], _Seen], is_so: Callable[[_Seen], bool]) -> _Seen:
        """See ``Show``."""
        give_up = time.monotonic() + WAIT_SECONDS
        while True:
            seen = read()
            if is_so(seen):
                return seen
            if time.monotonic() > give_up:
                raise Differs(f"not so within {WAIT_SECONDS:.0f} s: {claim}")
            self._pause(EAGER_SECONDS)

    def _settle(self) -> tuple[str, ...]:
        """Wait for the expected end: what still differs when patience ends."""
        account_id = self._board[self._name].account_id
        if account_id is None:
            return ("it never showed its account",)
        give_up = time.monotonic() + WAIT_SECONDS
        while True:
            seen = reading.snapshot(self._client, account_id)
            self._board.change(self._name, seen=seen)
            differences = compare(self._example.EXPECTED, seen)
            if not differences or time.monotonic() > give_up:
                return differences
            self._pause(POLL_SECONDS)

    def _end(self, differences: tuple[str, ...]) -> Result:
        progress = self._board.change(
            self._name,
            stage="as expected" if not differences else differences[0],
            ended=time.monotonic(),
            is_as_expected=not differences,
        )
        expected = self._example.EXPECTED
        return Result(self._name, progress.account_id, expected, progress.seen, differences, progress.seconds)

    def _watch(self) -> None:
        """Read the account while the example goes on, for those who look at the board."""
        while not self._stop.wait(POLL_SECONDS):
            before = self._board[self._name]
            if before.ended is not None:
                return
            if before.account_id is None:
                continue
            try:
                seen = reading.snapshot(self._client, before.account_id)
            except stripe.StripeError:
                return  # the example meets the same, and it is the one to tell
            self._board.change(self._name, unless_after=before, seen=seen)

    def _after(self, what: str) -> str:
        return f"after {self._board[self._name].stage!r}: {what}"

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise _Stopped


def _unfinished(example: Example, board: Board) -> Result:
    progress = board[name_of(example)]
    line = f"not at its end after {ALL_SECONDS:.0f} s, last: {progress.stage}"
    return Result(progress.name, progress.account_id, example.EXPECTED, progress.seen, (line,), progress.seconds)


def _away(base_url: str, error: BaseException) -> ApiAway:
    reason = "took too long" if "timed out" in str(error).lower() else "does not answer"
    return ApiAway(f"the API at {base_url} {reason}: start it with `make run`, or give --run-json of one that runs")


def _line(error: stripe.StripeError) -> str:
    code = error.error.code if error.error is not None else error.code
    message = (error.user_message or str(error)).splitlines()[0] if str(error) else type(error).__name__
    return f"{type(error).__name__} {error.http_status} {code or ''}: {message}".replace("  ", " ")

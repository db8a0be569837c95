"""The example accounts, told to everything that `make run` starts, and what the command says when something differs."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import stripe
from rich.console import Console

from examples import ApiAway, Engine, __main__, run_all, runner, vendor
from examples.__main__ import main
from examples.accounts import EXAMPLES, individual_at_once, minor_comes_of_age, missed_deadline, vendor_down
from examples.display import _fitting_table, _live_table, showing
from examples.example import Differs, Expected, Show, name_of
from examples.progress import Board, Progress
from examples.reading import Snapshot
from onboarding.local.processes import free_port
from tests.support.serving import Platform

ROOT = Path(__file__).resolve().parents[2]
PORTS = ("API", "TEMPORAL", "TEMPORAL_UI", "POSTGRES", "WORKER_HEALTH", "SIMULATOR", "RECEIVER")
OTHER_SETTINGS = ("DATABASE_URL", "TEMPORAL_", "ONBOARDING_", "OTEL_")
"""Prefixes of variables that must not reach the whole from the environment of the tests."""
WHOLE_SECONDS = 600
"""The most that the whole may take; it takes 40 s, and the rest only if an example does not come to its end."""
SSN = "identity.individual.id_numbers.us_ssn_last_4"


@pytest.fixture
def run_json(platform: Platform, tmp_path: Path) -> str:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(facts(platform.server.url, platform.test_key)))
    return str(path)


@pytest.fixture
def engine(platform: Platform) -> Engine:
    return Engine(platform.server.url, platform.test_key, platform.live_key)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that the database's server can enter, also when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="onboarding-examples-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def told() -> Iterator[tuple[str, list[Any]]]:
    """Address of a vendor that does nothing, and what it was told."""
    heard: list[Any] = []

    class Listener(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            heard.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()
        thread.join()


def facts(api: str, test_key: str, vendor: str | None = None) -> dict[str, Any]:
    simulators = {} if vendor is None else {"stripe_identity": vendor}
    return {"api": api, "test_key": test_key, "live_key": "sk_live_nobody", "simulators": simulators}


def example(onboard: Any, expected: Expected = individual_at_once.EXPECTED, *, live: bool = False) -> Any:
    return SimpleNamespace(
        __name__="examples.accounts.made_up", SUMMARY="made up", LIVE=live, EXPECTED=expected, onboard=onboard
    )


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        return f"http://127.0.0.1:{holder.getsockname()[1]}"


@pytest.mark.timeout(WHOLE_SECONDS + 60)
def test_each_account_comes_to_its_expected_end_on_all_that_runs(open_folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OTHER_SETTINGS)}
    environment |= {f"ONBOARDING_{name}_PORT": str(free_port()) for name in PORTS}
    environment["ONBOARDING_VAR"] = str(open_folder / "var")

    with subprocess.Popen(
        [sys.executable, "-m", "onboarding.local", "--once"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, cwd=ROOT, env=environment,
    ) as whole:  # fmt: skip
        try:
            output, _ = whole.communicate(timeout=WHOLE_SECONDS)
        finally:
            whole.terminate()  # not killed: it ends what it started

    said = output.splitlines()
    ended = {line.split()[2].removesuffix(":"): line for line in said if line.endswith(": as expected")}
    assert whole.returncode == 0, output
    assert set(ended) == {name_of(one) for one in EXAMPLES}
    assert "12 of 12 accounts came to their expected end" in said
    # What happened on the way, which no end shows.
    stopped = next(line for line in said if "missed_deadline: the deadline is missed: cards stop" in line)
    assert stopped.endswith("restricted card_payments, restricted payouts")
    assert any("vendor_down: complete, and nobody there to ask" in line for line in said)
    assert any("screening_hit_cleared" in line and "pending stripe_transfers" in line for line in said)


def test_each_change_is_told_once_and_results_are_in_order(engine: Engine) -> None:
    changes: list[Progress] = []
    chosen = (minor_comes_of_age, missed_deadline, individual_at_once)

    results = run_all(engine, changes.append, only=chosen)

    assert [(result.name, result.differences) for result in results] == [(name_of(one), ()) for one in chosen]
    assert {change.name for change in changes if change.is_as_expected} == {result.name for result in results}
    stages = [change.stage for change in changes if change.name == "missed_deadline"]
    assert "the deadline is missed: cards stop" in stages
    assert all(change != before for before, change in pairwise(changes))


def test_examples_are_twelve_half_of_them_live() -> None:
    assert len({name_of(one) for one in EXAMPLES}) == 12
    assert [one.LIVE for one in EXAMPLES] == [False] * 6 + [True] * 6
    assert max(len(one.SUMMARY) for one in EXAMPLES) <= 62


def test_command_says_each_change_and_the_verdict_in_lines(run_json: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--run-json", run_json, "--only", "individual_at_once", "--only", "missed_deadline"]) == 0

    said = capsys.readouterr().out
    assert "individual_at_once: created: cards are accepted already | 1 past_due: external_account" in said
    assert "missed_deadline: tax ID sent: cards go on" in said
    assert said.count("6 passed") >= 2
    assert "2 of 2 accounts came to their expected end" in said
    assert "\x1b" not in said


def test_other_end_fails_the_command_with_one_line_for_each_difference(
    run_json: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "WAIT_SECONDS", 0.1)
    wrong = Expected(
        capabilities={**minor_comes_of_age.EXPECTED.capabilities, "recipient.stripe_balance.payouts": "pending"},
        checks={**minor_comes_of_age.EXPECTED.checks, "screening": ("inconclusive",)},
        reviews={"screening_hit": ("passed", "open")},
    )
    monkeypatch.setattr(minor_comes_of_age, "EXPECTED", wrong)

    assert main(["--run-json", run_json, "--only", "minor_comes_of_age"]) == 1

    said = capsys.readouterr().out.splitlines()
    assert said[-5:] == [
        "minor_comes_of_age: capability recipient.stripe_balance.payouts: expected pending, reached active",
        f"minor_comes_of_age: requirement {SSN}: expected none, reached eventually_due",
        "minor_comes_of_age: check screening: expected inconclusive, reached passed",
        "minor_comes_of_age: review screening_hit: expected passed, open, reached none",
        "0 of 1 accounts came to their expected end",
    ]


def test_false_claim_refusal_and_mistake_are_differences_of_that_example_alone(engine: Engine) -> None:
    def claims(_client: stripe.StripeClient, show: Show) -> None:
        show.must("water is dry", be=False)

    def is_refused(client: stripe.StripeClient, show: Show) -> None:
        show.step("asks for what is not there")
        client.v2.core.accounts.retrieve("acct_nobody")

    def stumbles(_client: stripe.StripeClient, _show: Show) -> None:
        raise KeyError("cards")

    told: list[str] = []
    for onboard in (claims, is_refused, stumbles):
        (result,) = run_all(engine, only=[example(onboard)])
        told += result.differences

    assert told == [
        "not so: water is dry",
        "after 'asks for what is not there': InvalidRequestError 404 not_found: No such account.",
        "after 'begins': KeyError: 'cards'",
    ]


def test_wait_has_an_end(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "WAIT_SECONDS", 0.1)

    def waits(client: stripe.StripeClient, show: Show) -> None:
        account = client.v2.core.accounts.create({"display_name": "Nobody", "contact_email": "nobody@quill-lamps.com"})
        show.until("it opens a shop", lambda: account, lambda _: False)

    (result,) = run_all(engine, only=[example(waits)])

    assert result.differences == ("not so within 0 s: it opens a shop",)


def test_whatever_happens_all_of_it_has_an_end(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "ALL_SECONDS", 0.3)
    free = threading.Event()

    (result,) = run_all(engine, only=[example(lambda *_: free.wait(10))])
    free.set()

    assert result.differences == ("not at its end after 0 s, last: begins",)


def test_api_that_is_away_gives_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    away = free_address()
    path = tmp_path / "run.json"
    path.write_text(json.dumps(facts(away, "sk_test_x", "http://127.0.0.1:9")))

    assert main(["--run-json", str(path)]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"cannot run the examples: the API at {away} does not answer:"
        " start it with `make run`, or give --run-json of one that runs\n"
    )


def test_api_that_goes_away_meanwhile_ends_all(engine: Engine) -> None:
    def loses_it(_client: stripe.StripeClient, _show: Show) -> None:
        raise stripe.APIConnectionError("refused")  # type: ignore[no-untyped-call]  # the SDK has no types here

    with pytest.raises(ApiAway, match="does not answer"):
        run_all(engine, only=[example(loses_it)])


@pytest.mark.parametrize(("live", "mode"), [(False, "test"), (True, "live")])
def test_unknown_key_gives_one_line(engine: Engine, mode: str, *, live: bool) -> None:
    strange = replace(engine, test_key="sk_test_nobody", live_key="sk_live_nobody")
    with pytest.raises(ApiAway, match=f"the API at {engine.api} does not know this {mode} key"):
        run_all(strange, only=[example(lambda *_: None, live=live)])


# --- the vendor -------------------------------------------------------------------------------------------------------


def test_live_examples_are_left_out_with_a_line_where_a_real_vendor_is_configured(
    run_json: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(__main__, "EXAMPLES", (individual_at_once, vendor_down))

    assert main(["--run-json", run_json]) == 0

    said = capsys.readouterr().out
    assert said.startswith("left out, for a real identity vendor is configured and no simulator: vendor_down\n")
    assert "1 of 1 accounts came to their expected end" in said


def test_live_example_that_is_asked_for_without_a_simulator_gives_one_line(
    platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.json"
    path.write_text(
        json.dumps({**facts(platform.server.url, platform.test_key), "live_key": platform.live_key}), encoding="utf-8"
    )

    assert main(["--run-json", str(path), "--only", "vendor_down"]) == 1

    assert capsys.readouterr().err == (
        "cannot run the examples: live examples want the identity vendor's simulator, and there is none:"
        " a real vendor is asked\n"
    )


def test_simulator_that_is_away_gives_one_line(engine: Engine) -> None:
    away = free_address()
    with pytest.raises(ApiAway, match=f"^the vendor's simulator at {away} does not answer: start it with `make run`$"):
        run_all(replace(engine, vendor=away), only=[example(lambda *_: None, live=True)])


def test_vendor_that_goes_away_meanwhile_is_a_difference_of_that_example(engine: Engine) -> None:
    def visits(_client: stripe.StripeClient, show: Show) -> None:
        show.step("sends its user to the vendor")
        vendor.show_document(show, free_address(), given_name="A", surname="B", born=date(1990, 1, 1))

    (result,) = run_all(engine, only=[example(visits)])

    assert result.differences == ("after 'sends its user to the vendor': the vendor does not answer (ConnectError)",)


def test_outage_ends_whatever_happens_in_it(told: tuple[str, list[Any]]) -> None:
    address, heard = told

    with pytest.raises(Differs), vendor.outage(address):
        raise Differs("not so")

    assert heard == [("/_control/down", {"down": True}), ("/_control/down", {"down": False})]


# --- the command's file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "is not there"),
        ("{", "can't be read"),
        ("{}", "has no 'simulators'"),
        ('{"simulators": {}}', "has no 'api'"),
        ('{"simulators": {}, "api": "http://a", "test_key": "sk_test_x"}', "has no 'live_key'"),
        ('{"simulators": null}', "can't be read"),
        ("[]", "can't be read"),
    ],
)
def test_unusable_run_file_gives_one_line(
    content: str | None, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.json"
    if content is not None:
        path.write_text(content)

    assert main(["--run-json", str(path)]) == 1

    said = capsys.readouterr().err
    assert said.startswith(f"cannot run the examples: {path} {reason}")
    assert said.count("\n") == 1


def test_list_names_all_without_an_engine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0

    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        example.__name__.rpartition(".")[2] for example in EXAMPLES
    ]


def test_old_news_does_not_undo_newer_and_nothing_new_is_not_told() -> None:
    told: list[str] = []
    board = Board({"a": Progress("a", "")}, lambda progress: told.append(progress.stage))
    before = board["a"]

    board.change("a", stage="second")
    board.change("a", unless_after=before, seen=Snapshot({"old": "active"}))
    board.change("a", stage="second")

    assert (board["a"].seen, told) == (Snapshot(), ["second"])


def test_live_table_shows_what_an_account_owes_and_may() -> None:
    seen = Snapshot(
        {"merchant.card_payments": "restricted"},
        {"phone": "eventually_due", "representative.given_name": "past_due", "a.b": "past_due"},
        {"screening": ("passed", "passed"), "tax_id_match": ("failed", "running")},
    )
    row = Progress("made_up", "a story", "acct_12345678901234567890", "a stage", seen)
    console = Console(width=160, record=True, file=StringIO())

    console.print(_live_table([row]))

    shown = console.export_text()
    for part in (
        "made_up", "acct_…567890", "a story", "a stage", "2 past_due, 1 eventually_due",
        "representative.given_name, a.b, …", "2 passed", "1 failed", "1 running", "restricted card_payments",
    ):  # fmt: skip
        assert part in shown


@pytest.mark.parametrize(
    ("width", "height", "is_whole"), [(160, 60, True), (160, 24, False), (100, 60, False), (100, 24, False)]
)
def test_twelve_accounts_fit_the_terminal(width: int, height: int, *, is_whole: bool) -> None:
    seen = Snapshot(
        {"recipient.stripe_balance.stripe_transfers": "restricted", "recipient.stripe_balance.payouts": "restricted"},
        {"identity.individual.id_numbers.us_ssn_last_4": "eventually_due"},
        {"screening": ("passed",), "keyed_identity": ("failed", "unavailable")},
    )
    rows = [Progress(name_of(one), one.SUMMARY, "acct_12345678901234567890", "corrected", seen) for one in EXAMPLES]
    console = Console(width=width, height=height, record=True, file=StringIO())

    console.print(_fitting_table(rows, console))

    shown = console.export_text()
    assert len(shown.splitlines()) <= height
    assert {len(line) for line in shown.splitlines()} == {width}
    words = ("restricted payouts", "1 unavailable") if is_whole else ("2 restricted", "1✗ 1✓ 1!")
    for part in (*map(name_of, EXAMPLES), "corrected", *words):
        assert part in shown


def test_live_table_follows_changes() -> None:
    with showing([Progress("a", "")], live=True) as changed:
        changed(Progress("a", "", stage="second"))

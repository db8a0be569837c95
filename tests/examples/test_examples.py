"""The example accounts, told to the real API, and what the command says when something is not as expected."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import stripe
from rich.console import Console

from examples import ApiAway, run_all, runner
from examples.__main__ import main
from examples.accounts import EXAMPLES, individual_at_once, screening_hit
from examples.display import _live_table, showing
from examples.example import Expected, Show
from examples.progress import Board, Progress
from examples.reading import Snapshot
from onboarding.door.door import Look
from tests.support.serving import ApiServer, Platform

SSN = "identity.individual.id_numbers.us_ssn_last_4"


@pytest.fixture
def worker(api: ApiServer) -> Iterator[None]:
    """What a worker does for these accounts: looks at them when time changes them."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.2):
            due = "SELECT id FROM accounts WHERE wake_at <= clock_timestamp() AND test_clock_id IS NULL"
            for (account_id,) in api.fetch(due):
                api.run(api.engine.door.revise_whole(account_id, Look()))

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.fixture
def run_json(platform: Platform, tmp_path: Path) -> str:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"api": platform.server.url, "test_key": platform.test_key}))
    return str(path)


def example(onboard: Any, expected: Expected = individual_at_once.EXPECTED) -> Any:
    return SimpleNamespace(__name__="examples.accounts.made_up", SUMMARY="made up", EXPECTED=expected, onboard=onboard)


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        return f"http://127.0.0.1:{holder.getsockname()[1]}"


@pytest.mark.usefixtures("worker")
def test_each_account_comes_to_its_expected_end(platform: Platform) -> None:
    changes: list[Progress] = []

    results = run_all(platform.server.url, platform.test_key, changes.append)

    assert {result.name: result.differences for result in results} == {
        example.__name__.rpartition(".")[2]: () for example in EXAMPLES
    }
    assert {change.name for change in changes if change.is_as_expected} == {result.name for result in results}
    stages = [change.stage for change in changes if change.name == "missed_deadline"]
    assert "the deadline is missed: cards stop" in stages
    assert any(
        change.seen.capabilities.get("merchant.card_payments") == "restricted"
        for change in changes
        if change.name == "missed_deadline"
    )


def test_command_says_each_change_and_the_verdict_in_lines(run_json: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--run-json", run_json, "--only", "individual_at_once", "--only", "screening_hit"]) == 0

    said = capsys.readouterr().out
    assert "individual_at_once: created: cards are accepted already | 1 past_due: external_account" in said
    assert "screening_hit: waits for a decision in the queue screening" in said
    assert said.count("review screening_hit open") == 2
    assert "2 of 2 accounts came to their expected end" in said
    assert "\x1b" not in said


def test_other_end_fails_the_command_with_one_line_for_each_difference(
    run_json: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "WAIT_SECONDS", 0.1)
    wrong = Expected(
        capabilities={**screening_hit.EXPECTED.capabilities, "recipient.stripe_balance.payouts": "active"},
        checks={**screening_hit.EXPECTED.checks, "screening": ("passed",)},
        reviews=screening_hit.EXPECTED.reviews,
    )
    monkeypatch.setattr(screening_hit, "EXPECTED", wrong)

    assert main(["--run-json", run_json, "--only", "screening_hit"]) == 1

    said = capsys.readouterr().out.splitlines()
    assert said[-4:] == [
        "screening_hit: capability recipient.stripe_balance.payouts: expected active, reached pending",
        f"screening_hit: requirement {SSN}: expected none, reached eventually_due",
        "screening_hit: check screening: expected passed, reached inconclusive",
        "0 of 1 accounts came to their expected end",
    ]


def test_false_claim_refusal_and_mistake_are_differences_of_that_example_alone(platform: Platform) -> None:
    def claims(_client: stripe.StripeClient, show: Show) -> None:
        show.must("water is dry", be=False)

    def is_refused(client: stripe.StripeClient, show: Show) -> None:
        show.step("asks for what is not there")
        client.v2.core.accounts.retrieve("acct_nobody")

    def stumbles(_client: stripe.StripeClient, _show: Show) -> None:
        raise KeyError("cards")

    told: list[str] = []
    for onboard in (claims, is_refused, stumbles):
        (result,) = run_all(platform.server.url, platform.test_key, only=[example(onboard)])
        told += result.differences

    assert told == [
        "not so: water is dry",
        "after 'asks for what is not there': InvalidRequestError 404 not_found: No such account.",
        "after 'begins': KeyError: 'cards'",
    ]


def test_wait_has_an_end(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "WAIT_SECONDS", 0.1)

    def waits(client: stripe.StripeClient, show: Show) -> None:
        account = client.v2.core.accounts.create({"display_name": "Nobody", "contact_email": "nobody@quill-lamps.com"})
        show.until("it opens a shop", lambda: account, lambda _: False)

    (result,) = run_all(platform.server.url, platform.test_key, only=[example(waits)])

    assert result.differences == ("not so within 0 s: it opens a shop",)


def test_whatever_happens_all_of_it_has_an_end(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "ALL_SECONDS", 0.3)
    free = threading.Event()

    (result,) = run_all(platform.server.url, platform.test_key, only=[example(lambda *_: free.wait(10))])
    free.set()

    assert result.differences == ("not at its end after 0 s, last: begins",)


def test_api_that_is_away_gives_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    away = free_address()
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"api": away, "test_key": "sk_test_x"}))

    assert main(["--run-json", str(path)]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"cannot run the examples: the API at {away} does not answer:"
        " start it with `make run`, or give --run-json of one that runs\n"
    )


def test_api_that_goes_away_meanwhile_ends_all(platform: Platform) -> None:
    def loses_it(_client: stripe.StripeClient, _show: Show) -> None:
        raise stripe.APIConnectionError("refused")  # type: ignore[no-untyped-call]  # the SDK has no types here

    with pytest.raises(ApiAway, match="does not answer"):
        run_all(platform.server.url, platform.test_key, only=[example(loses_it)])


def test_unknown_key_gives_one_line(platform: Platform) -> None:
    with pytest.raises(ApiAway, match=f"the API at {platform.server.url} does not know this test key"):
        run_all(platform.server.url, "sk_test_nobody")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "is not there"), ("{", "can't be read"), ("{}", "has no 'api'"), ("[]", "can't be read")],
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


def test_live_table_follows_changes() -> None:
    with showing([Progress("a", "")], live=True) as changed:
        changed(Progress("a", "", stage="second"))

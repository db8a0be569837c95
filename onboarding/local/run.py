"""`make run`: everything on this machine, sample accounts, then stay until asked to stop.

State lives under `var/` and survives restarts: the database, Temporal's file, the
root key, the API keys. `var/run.json` tells people and scripts where everything is.
"""

import argparse
import base64
import importlib
import importlib.util
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from onboarding.local.errors import LocalSetupError
from onboarding.local.files import try_lock, write_private
from onboarding.local.postgres import GivenPostgres, LocalPostgres, end_orphan, find_postgres
from onboarding.local.processes import Child, Supervisor, answers_ok, command_line, is_alive, is_free
from onboarding.local.settings import ROOT, Port, Settings
from onboarding.local.temporal_binary import find_temporal
from onboarding.local.temporal_server import NAMESPACE, LocalTemporal
from onboarding.process_exit import settle_before_exit

# Between two looks at the parts while all is well.
WATCH_SECONDS = 0.25
# Importing FastAPI, SQLModel and Temporal takes seconds on a cold disk.
PART_DEADLINE_SECONDS = 60.0
ROOT_KEY_BYTES = 32
# Kinds of check that no vendor answers here: people decide them, as reviews.
MANUAL_CHECKS = (
    "address_match,id_number_match,identity_document,tax_id_match,business_address_match,company_tax_document,"
    "bank_account_match,bank_account_document,website_review"
)
# What the simulated system downstream is told of each capability, in order.
ACTIVATION_STEPS = "limits,enable"
# What shells report for a command that Ctrl-C ended.
INTERRUPTED = 130


class _Asked(BaseException):
    """Somebody asked for the end: Ctrl-C, SIGTERM, or the terminal was closed."""


def main(arguments: Sequence[str]) -> int:
    """Run everything; the exit status: 0, or that of the examples with `--once`, or 1 with one line that says why."""
    parser = argparse.ArgumentParser(prog="python -m onboarding.local", description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the examples; exit with their status")
    parser.add_argument("--bare", action="store_true", help="start everything, and onboard no sample accounts")
    parser.add_argument("--find-temporal", action="store_true", help="only find or build the Temporal program")
    chosen = parser.parse_args(arguments)
    once: bool = chosen.once
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False, soft_wrap=True)
    _stop_on_signals()
    try:
        settings = Settings.from_environment(os.environ)
        if chosen.find_temporal:
            find_temporal(lambda line: console.print(line, markup=False))
            return 0
        with _lock(settings):
            return _Run(settings, console, once=once, bare=chosen.bare).run()
    except _Asked:
        # The way to end a run that stays; an interrupted --once has shown nothing.
        return INTERRUPTED if once else 0
    except LocalSetupError as error:
        errors.print(f"[bold red]cannot start:[/] {_plain(str(error))}")
        return 1
    finally:
        settle_before_exit()


def _stop_on_signals() -> None:
    asked = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:  # a second Ctrl-C must not interrupt the tidying up
            asked = True
            raise _Asked

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


class _Run:
    """One run, from the first check to the last part's end."""

    def __init__(self, settings: Settings, console: Console, *, once: bool, bare: bool) -> None:
        self._settings = settings
        self._bare = bare
        self._console = console
        self._once = once
        self._supervisor = Supervisor(self._say)
        self._facts: dict[str, Any] = {}

    def run(self) -> int:
        """Start all parts, run the examples, wait; ends everything it started, however it is left."""
        started = time.monotonic()
        previous = _read_run_file(self._settings.run_file)
        try:
            self._start_parts(previous)
            self._console.print(f"ready in {time.monotonic() - started:.1f} s", style="bold green")
            self._print_addresses()
            status = 0 if self._bare else self._run_examples()
            if self._once:
                return status
            self._say("running until Ctrl-C")
            while True:
                self._watch()
        finally:
            self._supervisor.stop()
            if self._facts:  # addresses and keys stay for the next run; nothing runs any more
                self._write_run_file()

    def _start_parts(self, previous: Mapping[str, Any]) -> None:
        settings = self._settings
        _end_leftovers(settings, previous, self._say)
        _check_ports(settings)
        root_keys = settings.root_keys or _root_keys(settings.var / "root_key")
        environment = self._environment(root_keys)
        # The functions called below read the same settings as the processes do.
        os.environ.update(environment)

        postgres = self._start_postgres()
        database_url = postgres.url()
        environment["DATABASE_URL"] = os.environ["DATABASE_URL"] = database_url
        self._say("bringing the database up to date")
        _upgrade(database_url)
        ui = self._start_temporal()
        keys = _ensure_keys(database_url, previous)

        self._say("starting the API and the worker")
        origin = f"http://{_reachable(settings.host)}:{settings.api.number}"
        self._facts = {
            "api": origin,
            "hosted": origin,
            "temporal": environment["TEMPORAL_ADDRESS"],
            "temporal_ui": ui,
            "database_url": database_url,
            "simulators": self._simulated,
            "test_key": keys["test_key"],
            "live_key": keys["live_key"],
        }
        self._supervisor.start(*self._processes(environment))
        self._write_run_file()

    @property
    def _simulator_url(self) -> str:
        return f"http://{_reachable(self._settings.host)}:{self._settings.simulator.number}"

    @property
    def _receiver_url(self) -> str:
        return f"http://{_reachable(self._settings.host)}:{self._settings.receiver.number}"

    @property
    def _simulated(self) -> dict[str, str]:
        """Addresses of the stand-ins that run here."""
        vendor = {"stripe_identity": self._simulator_url} if self._settings.identity_key is None else {}
        return {**vendor, **({"receiver": self._receiver_url} if self._settings.activator_url is None else {})}

    def _environment(self, root_keys: str) -> dict[str, str]:
        settings = self._settings
        vendor = {}
        if settings.identity_key is None:
            key, secret = _simulator_secrets(settings.var / "simulators" / "secrets.json")
            vendor = {
                "ONBOARDING_STRIPE_IDENTITY_URL": self._simulator_url,
                "ONBOARDING_STRIPE_IDENTITY_KEY": key,
                "ONBOARDING_STRIPE_IDENTITY_WEBHOOK_SECRETS": secret,
            }
        receiver = {}
        if settings.activator_url is None:
            receiver = {
                "ONBOARDING_ACTIVATOR_URL": f"{self._receiver_url}/switches",
                "ONBOARDING_ACTIVATOR_SECRETS": _receiver_secret(settings.var / "simulators" / "receiver.json"),
                "ONBOARDING_ACTIVATOR_STEPS": os.environ.get("ONBOARDING_ACTIVATOR_STEPS") or ACTIVATION_STEPS,
            }
        return {
            "ONBOARDING_SCREENING_LISTS": os.environ.get("ONBOARDING_SCREENING_LISTS") or "bundled",
            "ONBOARDING_MANUAL_CHECKS": os.environ.get("ONBOARDING_MANUAL_CHECKS") or MANUAL_CHECKS,
            **vendor,
            **receiver,
            "TEMPORAL_ADDRESS": settings.temporal_address or f"127.0.0.1:{settings.temporal.number}",
            "TEMPORAL_NAMESPACE": os.environ.get("TEMPORAL_NAMESPACE") or NAMESPACE,
            "ONBOARDING_ROOT_KEYS": root_keys,
            # One machine, and one person on it who tries things by script.
            "ONBOARDING_RATE_LIMITS": os.environ.get("ONBOARDING_RATE_LIMITS") or "off",
            "ONBOARDING_FILES": os.environ.get("ONBOARDING_FILES") or str(settings.var / "files"),
            "ONBOARDING_SANDBOX": os.environ.get("ONBOARDING_SANDBOX") or "on",
            "ONBOARDING_API_HOST": settings.host,
            "ONBOARDING_API_PORT": str(settings.api.number),
            "ONBOARDING_WORKER_HEALTH_PORT": str(settings.worker_health.number),
            "PYTHONUNBUFFERED": "1",
        }

    def _start_postgres(self) -> LocalPostgres | GivenPostgres:
        settings = self._settings
        postgres = find_postgres(
            settings.var / "postgres",
            port=settings.postgres.number,
            log_file=settings.log("postgres"),
            progress=self._say,
        )
        if isinstance(postgres, LocalPostgres):
            self._say("starting PostgreSQL")
            self._supervisor.start(postgres)
        return postgres

    def _start_temporal(self) -> str | None:
        settings = self._settings
        if settings.temporal_address is not None:
            _check_reachable(settings.temporal_address)
            return None
        binary = find_temporal(self._say)
        self._say("starting Temporal")
        temporal = LocalTemporal(
            binary,
            port=settings.temporal.number,
            ui_port=settings.temporal_ui.number,
            database_file=settings.temporal_file,
            search_attributes=_search_attributes(),
            log_file=settings.log("temporal"),
            progress=self._say,
        )
        self._supervisor.start(temporal)
        return temporal.ui_url

    def _processes(self, environment: Mapping[str, str]) -> list[Child]:
        settings = self._settings
        host = _reachable(settings.host)
        return [
            *self._simulators(environment),
            *self._receivers(environment),
            Child(
                name="api",
                command=[sys.executable, "-m", "api"],
                is_healthy=lambda: (
                    answers_ok(host, settings.api.number, "/health") and answers_ok(host, settings.api.number, "/ready")
                ),
                log_file=settings.log("api"),
                environment=environment,
                cwd=ROOT,
                deadline=PART_DEADLINE_SECONDS,
            ),
            Child(
                name="worker",
                command=[sys.executable, "worker.py"],
                is_healthy=lambda: answers_ok("127.0.0.1", settings.worker_health.number, "/ready"),
                log_file=settings.log("worker"),
                environment=environment,
                cwd=ROOT,
                deadline=PART_DEADLINE_SECONDS,
            ),
        ]

    def _simulators(self, environment: Mapping[str, str]) -> list[Child]:
        settings = self._settings
        if settings.identity_key is not None:
            return []
        host, port = settings.host, settings.simulator.number
        return [
            Child(
                name="simulator",
                command=[
                    sys.executable, "-m", "simulators.identity", "--host", host, "--port", str(port),
                    "--public-url", self._simulator_url, "--state", str(settings.var / "simulators" / "identity"),
                    "--webhook-url", f"http://{_reachable(host)}:{settings.api.number}/callbacks/stripe_identity",
                ],
                is_healthy=lambda: answers_ok(_reachable(host), port, "/_control/health"),
                log_file=settings.log("simulator"),
                environment={
                    "IDENTITY_SIMULATOR_KEY": environment["ONBOARDING_STRIPE_IDENTITY_KEY"],
                    "IDENTITY_SIMULATOR_WEBHOOK_SECRET": environment["ONBOARDING_STRIPE_IDENTITY_WEBHOOK_SECRETS"],
                },
                cwd=ROOT,
                deadline=PART_DEADLINE_SECONDS,
            )
        ]  # fmt: skip

    def _receivers(self, environment: Mapping[str, str]) -> list[Child]:
        settings = self._settings
        if settings.activator_url is not None:
            return []
        host, port = settings.host, settings.receiver.number
        return [
            Child(
                name="receiver",
                command=[
                    sys.executable, "-m", "simulators.receiver", "--host", host, "--port", str(port),
                    "--state", str(settings.var / "simulators" / "receiver"),
                ],
                is_healthy=lambda: answers_ok(_reachable(host), port, "/_control/health"),
                log_file=settings.log("receiver"),
                environment={"RECEIVER_SIMULATOR_SECRET": environment["ONBOARDING_ACTIVATOR_SECRETS"]},
                cwd=ROOT,
                deadline=PART_DEADLINE_SECONDS,
            )
        ]  # fmt: skip

    def _run_examples(self) -> int:
        """Run the examples in this terminal; their exit status."""
        if importlib.util.find_spec("examples") is None:
            self._say("there are no examples to run")
            return 1
        process = subprocess.Popen(  # noqa: S603  fixed arguments
            [sys.executable, "-m", "examples", "--run-json", str(self._settings.run_file)], cwd=ROOT
        )
        try:
            while process.poll() is None:
                self._watch()
        finally:
            # Same process group as this, so that it owns the terminal: ended by itself, not with its group.
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if process.returncode != 0:
            self._say(f"the examples ended with status {process.returncode}")
        # A signal's negative number would be cut to something else at exit.
        return process.returncode if process.returncode >= 0 else 128 - process.returncode

    def _watch(self) -> None:
        if self._supervisor.check():
            self._write_run_file()
        time.sleep(WATCH_SECONDS)

    def _write_run_file(self) -> None:
        pids = self._supervisor.pids
        facts = {**self._facts, "pids": {"run": os.getpid(), **pids} if pids else {}}
        write_private(self._settings.run_file, json.dumps(facts, indent=2) + "\n")

    def _print_addresses(self) -> None:
        facts = self._facts
        table = Table(show_header=False, box=None, pad_edge=False)
        rows = {
            "API": facts["api"],
            "vendor simulator": facts["simulators"].get("stripe_identity"),
            "system downstream": facts["simulators"].get("receiver"),
            "Temporal": facts["temporal"],
            "Temporal's page": facts["temporal_ui"],
            "database": _without_password(facts["database_url"]),
            "test key": facts["test_key"],
            "live key": facts["live_key"],
            "all of this": str(self._settings.run_file),
            "logs": str(self._settings.var / "logs"),
        }
        for label, value in rows.items():
            if value:
                table.add_row(label, _plain(value), style=None)
        self._console.print(table, soft_wrap=True)

    def _say(self, line: str) -> None:
        self._console.print(_plain(line), style="dim", soft_wrap=True)


def _plain(text: str) -> str:
    """Text in which rich finds no markup of its own."""
    return text.replace("[", r"\[")


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return url if parts.password is None else url.replace(f":{parts.password}@", ":***@", 1)


def _reachable(host: str) -> str:
    """An address to call, for an address to listen on."""
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  compared, not listened on


def _read_run_file(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _recorded_pids(facts: Mapping[str, Any]) -> dict[str, int]:
    pids = facts.get("pids")
    return {name: pid for name, pid in pids.items() if isinstance(pid, int)} if isinstance(pids, dict) else {}


def _lock(settings: Settings) -> IO[str]:
    """Hold the right to run on `var/`, until the file is closed.

    Raises:
        LocalSetupError: another run holds it.
    """
    lock = try_lock(settings.var / "run.lock")
    if lock is not None:
        return lock
    pid = _recorded_pids(_read_run_file(settings.run_file)).get("run")
    who = f"process {pid}" if pid else "another process"
    msg = (
        f"it runs already, as {who}: its addresses are in {settings.run_file}; "
        f"end it with Ctrl-C{f' or kill {pid}' if pid else ''}, or set ONBOARDING_VAR and other ports for a second one"
    )
    raise LocalSetupError(msg)


def _markers(settings: Settings) -> dict[str, str]:
    """What the command line of each part contains, besides the program. PostgreSQL's starter sees to its own."""
    return {
        "api": "-m api",
        "worker": "worker.py",
        "simulator": "-m simulators.identity",
        "receiver": "-m simulators.receiver",
        "temporal": str(settings.temporal_file),
    }


def _end_leftovers(settings: Settings, previous: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """End parts of an earlier run that was killed before it could. Called with the run lock held: it lives no more."""
    if settings.database_url is None:
        end_orphan(settings.var / "postgres")
    for name, pid in _recorded_pids(previous).items():
        marker = _markers(settings).get(name)
        # The number may belong to some other process by now.
        if marker is None or not is_alive(pid) or marker not in command_line(pid):
            continue
        say(f"ending {name}, process {pid}, left over from a run that was killed")
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 10
        while is_alive(pid) and command_line(pid):
            if time.monotonic() > until:
                os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.05)


def _check_ports(settings: Settings) -> None:
    taken: dict[int, Port] = {}
    for port in settings.ports:
        if (other := taken.setdefault(port.number, port)) is not port:
            msg = f"{other.what} and {port.what} cannot share port {port.number}: set {port.variable} to another one"
            raise LocalSetupError(msg)
        if not is_free(port.number, settings.host if port is settings.api else "127.0.0.1"):
            msg = (
                f"port {port.number}, for {port.what}, is in use: "
                f"end what holds it, or set {port.variable} to a free one"
            )
            raise LocalSetupError(msg)


def _check_reachable(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except (OSError, ValueError) as error:
        msg = f"TEMPORAL_ADDRESS={address} does not answer ({error}): start that server, or unset the variable"
        raise LocalSetupError(msg) from error


def _root_keys(path: Path) -> str:
    """The key everything personal is encrypted under, made at the first run: `1:BASE64` of 32 bytes."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read ({error}): mend its permissions, or set ONBOARDING_ROOT_KEYS"
        raise LocalSetupError(msg) from error
    keys = "1:" + base64.b64encode(secrets.token_bytes(ROOT_KEY_BYTES)).decode("ascii")
    write_private(path, keys + "\n")
    return keys


def _simulator_secrets(path: Path) -> tuple[str, str]:
    """The key and the webhook secret that the engine and its simulated vendor share, made at the first run."""
    known = _read_run_file(path)
    if not all(isinstance(known.get(name), str) for name in ("key", "secret")):
        known = {"key": f"sk_test_{secrets.token_hex(16)}", "secret": f"whsec_{secrets.token_hex(16)}"}
        write_private(path, json.dumps(known) + "\n")
    return known["key"], known["secret"]


def _receiver_secret(path: Path) -> str:
    """What calls of the simulated system downstream are signed with, made at the first run."""
    known = _read_run_file(path)
    if not isinstance(known.get("secret"), str):
        known = {"secret": f"whsec_{secrets.token_hex(16)}"}
        write_private(path, json.dumps(known) + "\n")
    secret: str = known["secret"]
    return secret


def _search_attributes() -> Mapping[str, str]:
    """Name to type, as the workflows use them.

    By name: this package starts what is above it, and does not build on it.
    """
    attributes: Mapping[str, str] = importlib.import_module("workflows.names").SEARCH_ATTRIBUTES
    return attributes


def _upgrade(database_url: str) -> None:
    """Bring the tables up to date.

    Raises:
        LocalSetupError: the server does not answer or refuses.
    """
    from onboarding.storage.migrate import upgrade

    try:
        upgrade(database_url)
    except Exception as error:
        # Whatever it is, nothing can run without it. The driver's text is one line and names no password.
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        msg = f"the database {_without_password(database_url)} cannot be brought up to date: {reason[0]}"
        raise LocalSetupError(msg) from error


def _ensure_keys(database_url: str, previous: Mapping[str, Any]) -> Mapping[str, str]:
    """The API keys of the previous run, if they still are good, or new ones: `test_key` and `live_key`."""
    from onboarding.cli.keys import ensure_local_keys

    known = {name: previous[name] for name in ("test_key", "live_key") if isinstance(previous.get(name), str)}
    keys: Mapping[str, str] = ensure_local_keys(database_url, known or None)
    return keys

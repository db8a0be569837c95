"""Child processes: started with a log of their own, watched, restarted, ended.

Each child leads a process group of its own, so Ctrl-C in the terminal reaches
only the supervisor, which then ends the parts in the right order.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from onboarding.local.errors import LocalSetupError
from onboarding.local.files import last_lines

# Between two looks at something that is about to be ready.
POLL_SECONDS = 0.05
# A log larger than this is put aside at the next start; one older log is kept.
LOG_LIMIT_BYTES = 20_000_000
# Waits before the first, second, ... restart in a row; the last one repeats.
BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# A part that ran this long starts again at the first wait.
STABLE_SECONDS = 60.0


class Part(Protocol):
    """Something that runs beside this process. `Child`, `LocalPostgres` and `LocalTemporal` are parts."""

    @property
    def name(self) -> str:
        """A word for messages: `api`."""

    @property
    def pid(self) -> int | None:
        """Process id, or None while it does not run."""

    def start(self) -> None:
        """Start it and return when it is healthy.

        Raises:
            LocalSetupError: it does not get healthy; nothing of it is left running.
        """

    def is_running(self) -> bool:
        """Whether its process lives."""

    def stop(self) -> None:
        """End it if it runs, and wait until it has ended. Safe to call twice."""


def answers_ok(host: str, port: int, path: str) -> bool:
    """Whether `GET http://host:port/path` is answered with a 2xx status within two seconds."""
    # A bare connection: proxies named in the environment are not for this machine's own ports.
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status // 100 == 2  # noqa: PLR2004  the 2 of 2xx
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether this process could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: a port whose last user has just ended counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on. Another process may take it first: be ready to try again."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def command_line(pid: int) -> str:
    """Program and arguments of a process, joined by spaces; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        pass
    try:  # macOS has no such file system
        done = subprocess.run(  # noqa: S603  fixed arguments
            ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def end_process(process: subprocess.Popen[bytes], signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn and wait its seconds, until the process has ended; SIGKILL comes last.

    The whole process group gets the SIGKILL, so nothing the process started stays behind.
    """
    for number, seconds in signals:
        if process.poll() is not None:
            break
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def open_log(path: Path) -> int:
    """Open a log for appending and return its descriptor; a very large one is put aside first.

    Raises:
        LocalSetupError: the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
            path.replace(path.with_suffix(path.suffix + ".1"))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        msg = f"{path} cannot be written ({error.strerror}): make {path.parent} writable for you"
        raise LocalSetupError(msg) from error


@dataclass
class Child:
    """One process with a health check.

    Attributes:
        name: a word for messages.
        command: program and arguments; no shell is involved.
        is_healthy: asked again and again after the start, until it says True.
        log_file: where output and errors go, appended.
        environment: added to this process's own; a None takes a variable away.
        cwd: folder it runs in; None is this process's.
        deadline: seconds it has to get healthy.
        grace: seconds it has to end after SIGTERM, before SIGKILL.
    """

    name: str
    command: Sequence[str]
    is_healthy: Callable[[], bool]
    log_file: Path
    environment: Mapping[str, str | None] = field(default_factory=dict)
    cwd: Path | None = None
    deadline: float = 60.0
    grace: float = 15.0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _log_start: int = field(default=0, init=False, repr=False)

    @property
    def pid(self) -> int | None:
        """Process id, or None while it does not run."""
        return self._process.pid if self._process is not None and self.is_running() else None

    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Start the process and return at once; `wait_until_healthy` does the rest.

        Raises:
            LocalSetupError: the program does not exist or the log cannot be written.
        """
        if self.is_running():
            return
        environment = dict(os.environ)
        for key, value in self.environment.items():
            if value is None:
                environment.pop(key, None)
            else:
                environment[key] = value
        log = open_log(self.log_file)
        self._log_start = os.fstat(log).st_size
        try:
            self._process = subprocess.Popen(  # noqa: S603  the command is this package's own
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.cwd,
                start_new_session=True,
            )
        except OSError as error:
            msg = f"{self.name} cannot be started: {self.command[0]}: {error.strerror}"
            raise LocalSetupError(msg) from error
        finally:
            os.close(log)

    def wait_until_healthy(self) -> None:
        """Wait for the health check to pass.

        Raises:
            LocalSetupError: it ended or took too long; it is stopped then.
        """
        until = time.monotonic() + self.deadline
        while not self.is_healthy():
            process = self._process
            if process is None or process.poll() is not None:
                status = "" if process is None else f" with status {process.returncode}"
                self.stop()
                raise LocalSetupError(self._failure(f"ended{status} while starting"))
            if time.monotonic() > until:
                self.stop()
                raise LocalSetupError(self._failure(f"did not get ready within {self.deadline:.0f} s"))
            time.sleep(POLL_SECONDS)

    def start(self) -> None:
        """Start it and return when it is healthy.

        Raises:
            LocalSetupError: it does not get healthy; nothing of it is left running.
        """
        self.launch()
        self.wait_until_healthy()

    def stop(self) -> None:
        """End it if it runs: SIGTERM, then SIGKILL for its whole group after the grace."""
        process, self._process = self._process, None
        if process is not None:
            end_process(process, [(signal.SIGTERM, self.grace)])

    def last_words(self, count: int) -> str:
        """The last lines it wrote to its log since it was started last."""
        return last_lines(self.log_file, count, since=self._log_start)

    def _failure(self, what: str) -> str:
        tail = self.last_words(3)
        return f"{self.name} {what}; log {self.log_file}" + (f": {tail}" if tail else " says nothing")


@dataclass
class _Watched:
    part: Part
    healthy_since: float
    failures: int = 0
    restart_at: float | None = None
    launched_at: float | None = None


class Supervisor:
    """Keeps parts running and ends them in reverse order. Use it as a context manager.

    Args:
        say: gets one line whenever a part dies, comes back or does not.
        clock: monotonic seconds.
    """

    def __init__(self, say: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._watched: list[_Watched] = []

    @property
    def pids(self) -> dict[str, int]:
        """Process id of each part that runs, by name."""
        return {watched.part.name: pid for watched in self._watched if (pid := watched.part.pid) is not None}

    def start(self, *parts: Part) -> None:
        """Start parts; several at once get healthy side by side if they are `Child`ren.

        Raises:
            LocalSetupError: one does not get healthy. `stop` ends the others.
        """
        for part in parts:
            # Known before it is started: what fails halfway is ended too.
            self._watched.append(_Watched(part, self._clock()))
            if isinstance(part, Child):
                part.launch()
        for part in parts:
            if isinstance(part, Child):
                part.wait_until_healthy()
            else:
                part.start()
        now = self._clock()
        for watched in self._watched[-len(parts) :] if parts else []:
            watched.healthy_since = now

    def check(self) -> bool:
        """Look at each part once and restart what has died, each after its wait.

        Returns:
            Whether anything was restarted, so that process ids have changed.
        """
        changed = False
        for watched in self._watched:
            if watched.restart_at is not None:
                if self._clock() >= watched.restart_at:
                    changed |= self._restart(watched)
            elif not watched.part.is_running():
                self._plan_restart(watched)
            elif watched.launched_at is not None:
                self._look_after(watched, watched.launched_at)
        return changed

    def _look_after(self, watched: _Watched, launched_at: float) -> None:
        """See whether a restarted part is healthy. Nobody waits for it: what it needs may be dead as well."""
        part = watched.part
        if not isinstance(part, Child) or part.is_healthy():
            watched.launched_at, watched.healthy_since = None, self._clock()
            self._say(f"{part.name} is back")
        elif self._clock() - launched_at > part.deadline:
            self._say(f"{part.name} did not get ready within {part.deadline:.0f} s")
            self._plan_restart(watched)

    def _plan_restart(self, watched: _Watched) -> None:
        if self._clock() - watched.healthy_since > STABLE_SECONDS:
            watched.failures = 0
        wait = BACK_OFF_SECONDS[min(watched.failures, len(BACK_OFF_SECONDS) - 1)]
        watched.failures += 1
        watched.restart_at, watched.launched_at = self._clock() + wait, None
        self._say(f"{watched.part.name} has ended by itself; starting it again in {wait:g} s")

    def _restart(self, watched: _Watched) -> bool:
        watched.restart_at = None
        try:
            watched.part.stop()  # clears what a dead process left behind
            if isinstance(watched.part, Child):
                watched.part.launch()
            else:
                watched.part.start()
        except LocalSetupError as error:
            self._say(str(error))
            watched.healthy_since = self._clock()
            self._plan_restart(watched)
            return False
        watched.launched_at = self._clock()
        return True

    def stop(self) -> None:
        """End all parts, the last one started first. One that cannot be ended does not keep the others."""
        while self._watched:
            part = self._watched.pop().part
            try:
                part.stop()
            except (OSError, LocalSetupError) as error:
                self._say(f"{part.name} could not be ended: {error}")

    def __enter__(self) -> Self:
        """The supervisor itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End all parts."""
        self.stop()

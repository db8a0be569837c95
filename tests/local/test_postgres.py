import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from onboarding.local import LocalPostgres, LocalSetupError, find_postgres
from onboarding.local.postgres import GivenPostgres, Programs, available_programs

# What must never be read in a log.
MARKER = "marker-of-a-person"


@pytest.fixture(scope="module")
def programs() -> Programs:
    return available_programs()[0]


@pytest.fixture(scope="module")
def server(programs: Programs) -> Iterator[LocalPostgres]:
    # One for all tests here, since making a data folder is what takes long; each finds it running.
    folder = Path(tempfile.mkdtemp(prefix="onboarding-postgres-"))
    folder.chmod(0o755)
    yield (server := LocalPostgres(folder / "data", durable=False, programs=programs))
    server.discard()
    shutil.rmtree(folder)


@pytest.fixture
def postgres(server: LocalPostgres) -> LocalPostgres:
    server.start()
    return server


def kill(server: LocalPostgres) -> int:
    killed = server.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    while server.is_running():
        time.sleep(0.01)
    return killed


async def run(server: LocalPostgres, statement: str, *values: object) -> object:
    connection = await asyncpg.connect(server.url())
    try:
        return await connection.fetchval(statement, *values)
    finally:
        await connection.close()


async def test_data_survives_restart_and_kill(postgres: LocalPostgres) -> None:
    await run(postgres, "CREATE TABLE kept (word text)")
    await run(postgres, "INSERT INTO kept VALUES ('a')")
    postgres.stop()
    assert postgres.pid is None
    postgres.start()
    await run(postgres, "INSERT INTO kept VALUES ('b')")
    killed = kill(postgres)
    postgres.start()
    assert postgres.pid not in {None, killed}
    assert await run(postgres, "SELECT string_agg(word, '' ORDER BY word) FROM kept") == "ab"


async def test_statements_and_values_never_reach_the_log(postgres: LocalPostgres) -> None:
    await run(postgres, "CREATE TABLE unique_words (word text UNIQUE)")
    await run(postgres, "INSERT INTO unique_words VALUES ($1)", MARKER)
    with pytest.raises(asyncpg.UniqueViolationError, match=MARKER):
        await run(postgres, f"INSERT INTO unique_words VALUES ('{MARKER}')")  # noqa: S608  a constant
    with pytest.raises(asyncpg.InvalidTextRepresentationError, match=MARKER):
        await run(postgres, "SELECT $1::text::int", MARKER)
    with pytest.raises(asyncpg.UndefinedTableError):
        await run(postgres, f"SELECT '{MARKER}' FROM nowhere")  # noqa: S608  a constant
    assert postgres.log_file.read_text()
    assert MARKER not in postgres.log_file.read_text()


def test_data_in_use_is_refused(postgres: LocalPostgres) -> None:
    with pytest.raises(LocalSetupError, match=f"in use by process {os.getpid()}"):
        LocalPostgres(postgres.data_dir).start()


def test_server_left_by_a_killed_supervisor_is_replaced(postgres: LocalPostgres) -> None:
    left = postgres.pid
    assert postgres._lock is not None
    postgres._lock.close()  # as the system does when its holder is killed
    second = LocalPostgres(postgres.data_dir, durable=False)
    second.start()
    assert second.pid not in {None, left}
    assert not postgres.is_running()
    second.stop()


def test_stale_pid_file_with_a_recycled_number_is_cleared(postgres: LocalPostgres) -> None:
    postgres.stop()
    (postgres.data_dir / "postmaster.pid").write_text(f"{os.getpid()}\n")
    postgres.start()
    assert postgres.is_running()


def test_busy_port_is_named(open_folder: Path, programs: Programs) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        server = LocalPostgres(open_folder / "data", port=port, durable=False, programs=programs)
        with pytest.raises(LocalSetupError, match=f"port {port} .* is in use"):
            server.start()
    server.discard()


def test_data_of_another_version_is_refused(open_folder: Path) -> None:
    data = open_folder / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("9\n")
    if os.geteuid() == 0:
        os.chown(data, 65534, 65534)
    with pytest.raises(LocalSetupError, match=r"was made by PostgreSQL 9 .* ONBOARDING_POSTGRES_BIN"):
        LocalPostgres(data).start()


def test_folder_of_something_else_is_left_alone(open_folder: Path, programs: Programs) -> None:
    data = open_folder / "data"
    data.mkdir()
    (data / "letter").touch()
    with pytest.raises(LocalSetupError, match="no PostgreSQL data folder"):
        LocalPostgres(data, programs=programs).start()
    assert (data / "letter").exists()


def test_data_below_a_closed_folder_is_kept_elsewhere_for_another_user(open_folder: Path, programs: Programs) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    server = LocalPostgres(closed / "data", durable=False, programs=programs)
    server.start()
    place = server.data_dir.resolve()
    assert server.data_dir.is_symlink() is (os.geteuid() == 0)  # an ordinary user's server runs as that user
    assert closed.stat().st_mode & 0o777 == 0o700
    server.discard()
    assert not place.exists()
    assert not server.data_dir.is_symlink()


def test_given_server_is_used_as_it_is(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@elsewhere.example/book?sslmode=require")
    server = find_postgres(open_folder / "data")
    assert isinstance(server, GivenPostgres)
    server.start()
    assert server.url() == "postgresql://me@elsewhere.example/book?sslmode=require"
    assert server.url("other") == "postgresql://me@elsewhere.example/other?sslmode=require"
    assert not list(open_folder.iterdir())


def test_wrong_programs_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_POSTGRES_BIN", "/nowhere")
    with pytest.raises(LocalSetupError, match="ONBOARDING_POSTGRES_BIN names /nowhere"):
        available_programs()


def test_log_cannot_be_turned_on_by_configuration(postgres: LocalPostgres) -> None:
    with (postgres.data_dir / "postgresql.conf").open("a") as settings:
        settings.write("log_statement = 'all'\n")
    postgres.stop()
    postgres.start()
    psql = postgres._programs
    assert psql is not None
    shown = subprocess.run(  # noqa: S603  fixed arguments
        [psql / "psql", "-X", "-At", "-c", "SHOW log_statement", postgres.url()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "none"

import stat
from pathlib import Path

import pytest

from onboarding.local import LocalSetupError, LocalTemporal, find_temporal
from onboarding.local.processes import free_port
from onboarding.local.temporal_binary import CLI_VERSION, is_new_enough


def program(folder: Path, text: str, name: str = "temporal") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def says(version: str, server: str) -> str:
    return f'echo "temporal version {version} (Server {server}, UI 2.54.1)"'


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def nothing_here(tmp_path: Path) -> dict[str, str]:
    # A PATH with a shell and no temporal or go, an empty cache, and no attempt at the network.
    return {"PATH": "/bin", "HOME": str(tmp_path), "ONBOARDING_TEMPORAL_DOWNLOAD": "off"}


def test_named_program_wins(tmp_path: Path, said: list[str], nothing_here: dict[str, str]) -> None:
    named = program(tmp_path / "named", says("1.9.0", "1.32.0"))
    program(tmp_path / "path", says("1.9.1", "1.32.0"))
    environment = nothing_here | {"ONBOARDING_TEMPORAL_BINARY": str(named), "PATH": f"{tmp_path / 'path'}:/bin"}
    assert find_temporal(said.append, environment=environment) == named


def test_named_program_that_is_too_old_is_refused(
    tmp_path: Path, said: list[str], nothing_here: dict[str, str]
) -> None:
    named = program(tmp_path, says("1.5.1", "1.29.1"))
    with pytest.raises(LocalSetupError, match=r"server 1\.29, but 1\.31 or newer is needed"):
        find_temporal(said.append, environment=nothing_here | {"ONBOARDING_TEMPORAL_BINARY": str(named)})


def test_old_program_on_the_path_is_passed_over_for_the_cache(
    tmp_path: Path, said: list[str], nothing_here: dict[str, str]
) -> None:
    program(tmp_path / "path", says("1.5.1", "1.29.1"))
    cached = program(tmp_path / ".cache" / "onboarding" / f"temporal-{CLI_VERSION}", says("1.9.1", "1.32.0"))
    environment = nothing_here | {"PATH": f"{tmp_path / 'path'}:/bin"}
    assert find_temporal(said.append, environment=environment) == cached


def test_machine_without_go_is_told_what_to_install(
    said: list[str], nothing_here: dict[str, str], tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    with pytest.raises(LocalSetupError, match=r"Go 1\.26\.8 or newer is needed: install Go, or install the temporal"):
        find_temporal(said.append, environment=nothing_here | {"PATH": str(bare)})


def test_old_go_is_told(tmp_path: Path, said: list[str], nothing_here: dict[str, str]) -> None:
    program(tmp_path / "path", "echo go1.19.8", "go")
    with pytest.raises(LocalSetupError, match=r"Go 1\.19\.8 is too old"):
        find_temporal(said.append, environment=nothing_here | {"PATH": f"{tmp_path / 'path'}:/bin"})


def test_failed_build_tells_the_reason_and_leaves_nothing(
    tmp_path: Path, said: list[str], nothing_here: dict[str, str]
) -> None:
    text = 'if [ "$1" = env ]; then echo go1.26.8; else echo "dial tcp: no route to host" >&2; exit 1; fi'
    program(tmp_path / "path", text, "go")
    with pytest.raises(LocalSetupError, match=r"cannot be built with Go \(dial tcp: no route to host\)"):
        find_temporal(said.append, environment=nothing_here | {"PATH": f"{tmp_path / 'path'}:/bin"})
    kept = tmp_path / ".cache" / "onboarding" / f"temporal-{CLI_VERSION}"
    assert [file.name for file in kept.iterdir()] == ["lock"]


def test_build_fills_the_cache(tmp_path: Path, said: list[str], nothing_here: dict[str, str]) -> None:
    # Writes the program to the argument after -o, as the real one does.
    text = (
        'if [ "$1" = env ]; then echo go1.26.8; exit; fi\n'
        'while [ "$1" != -o ]; do shift; done\n'
        f"printf '%s\\n' '#!/bin/sh' '{says('1.9.1', '1.32.0')}' > \"$2\"\n"
        '/bin/chmod +x "$2"'
    )
    program(tmp_path / "path", text, "go")
    environment = nothing_here | {"PATH": f"{tmp_path / 'path'}:/bin"}
    found = find_temporal(said.append, environment=environment)
    assert is_new_enough(found)
    assert said[-1].startswith(f"built Temporal {CLI_VERSION} in ")
    (tmp_path / "path" / "go").unlink()
    assert find_temporal(said.append, environment=environment) == found


def test_database_file_that_does_not_open_is_moved_aside(tmp_path: Path, said: list[str]) -> None:
    # Stands in for the server: refuses the broken file as the real one does, and answers the other commands.
    file, calls = tmp_path / "temporal.db", tmp_path / "calls"
    binary = program(
        tmp_path,
        'case "$1 $2 $3" in\n'
        f'"server start-dev --ip") [ -e {file} ] || exec sleep 60\n'
        'echo "Error: file is not a database (26)"; exit 1;;\n'
        f'"operator cluster health") [ -e {file} ] || echo SERVING;;\n'
        """"operator search-attribute list") echo '{"customAttributes": {"Old": "INDEXED_VALUE_TYPE_INT"}}';;\n"""
        f'operator*) echo "$@" >> {calls};;\n'
        "esac",
    )
    file.write_text("broken")
    server = LocalTemporal(
        binary,
        port=free_port(),
        database_file=file,
        search_attributes={"Old": "Int", "Stage": "Keyword"},
        log_file=tmp_path / "temporal.log",
        progress=said.append,
    )
    server.start()
    server.stop()
    assert len(list(tmp_path.glob("temporal.db.broken-*"))) == 1
    assert "does not open (Error: file is not a database (26)): moved aside" in said[0]
    assert "namespace update --namespace default --retention 30d" in calls.read_text()
    assert "search-attribute create --name Stage --type Keyword" in calls.read_text()
    assert "--name Old" not in calls.read_text()

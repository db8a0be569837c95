import base64
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from onboarding.local import LocalSetupError
from onboarding.local.files import try_lock
from onboarding.local.processes import free_port
from onboarding.local.run import _end_leftovers, _root_keys, _without_password, main
from onboarding.local.settings import Settings

PORTS = ("API", "TEMPORAL", "TEMPORAL_UI", "POSTGRES", "WORKER_HEALTH")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("DATABASE_URL", "TEMPORAL_ADDRESS", "ONBOARDING_ROOT_KEYS", "ONBOARDING_API_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ONBOARDING_VAR", str(tmp_path))
    for name in PORTS:
        monkeypatch.setenv(f"ONBOARDING_{name}_PORT", str(free_port()))
    return monkeypatch


@pytest.mark.parametrize("name", PORTS)
def test_busy_port_gives_one_line_with_the_variable(
    name: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        environment.setenv(f"ONBOARDING_{name}_PORT", str(port))
        assert main(["--once"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"cannot start: port {port}, for ")
    assert f"set ONBOARDING_{name}_PORT" in said
    assert said.count("\n") == 1


def test_second_run_is_told_of_the_first(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del environment  # set up only
    (tmp_path / "run.json").write_text(json.dumps({"pids": {"run": 4321}}))
    lock = try_lock(tmp_path / "run.lock")
    assert lock is not None
    assert main([]) == 1
    lock.close()
    said = capsys.readouterr().err
    assert "it runs already, as process 4321" in said
    assert said.count("\n") == 1


def test_port_that_is_no_port_is_refused() -> None:
    with pytest.raises(LocalSetupError, match="ONBOARDING_API_PORT=70000 is not a port"):
        Settings.from_environment({"ONBOARDING_API_PORT": "70000"})


def test_given_servers_need_no_ports() -> None:
    given = {"DATABASE_URL": "postgresql://a@h/d", "TEMPORAL_ADDRESS": "h:7233"}
    assert [port.variable for port in Settings.from_environment(given).ports] == [
        "ONBOARDING_API_PORT",
        "ONBOARDING_WORKER_HEALTH_PORT",
        "ONBOARDING_SIMULATOR_PORT",
        "ONBOARDING_RECEIVER_PORT",
    ]
    given["ONBOARDING_STRIPE_IDENTITY_KEY"] = "rk_live_made_up"
    given["ONBOARDING_ACTIVATOR_URL"] = "https://ledger.example/capabilities"
    wanted = [port.variable for port in Settings.from_environment(given).ports]
    assert wanted == ["ONBOARDING_API_PORT", "ONBOARDING_WORKER_HEALTH_PORT"]


def test_root_key_is_made_once_and_private(tmp_path: Path) -> None:
    keys = _root_keys(tmp_path / "root_key")
    number, _, key = keys.partition(":")
    assert number == "1"
    assert len(base64.b64decode(key, validate=True)) == 32
    assert (tmp_path / "root_key").stat().st_mode & 0o777 == 0o600
    assert _root_keys(tmp_path / "root_key") == keys


def test_passwords_are_not_shown() -> None:
    assert _without_password("postgresql://a:secret@h:1/d") == "postgresql://a:***@h:1/d"
    assert _without_password("postgresql://a@h:1/d") == "postgresql://a@h:1/d"


def test_only_leftovers_of_ours_are_ended(environment: pytest.MonkeyPatch) -> None:
    settings = Settings.from_environment(os.environ)
    del environment
    ours = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "worker.py"])
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    said: list[str] = []
    _end_leftovers(settings, {"pids": {"worker": ours.pid, "api": other.pid, "run": other.pid}}, said.append)
    assert ours.wait(5) != 0
    assert other.poll() is None
    other.kill()
    other.wait()
    assert said == [f"ending worker, process {ours.pid}, left over from a run that was killed"]

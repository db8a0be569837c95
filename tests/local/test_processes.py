import os
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from onboarding.local import Child, LocalSetupError, Supervisor
from onboarding.local.files import try_lock
from onboarding.local.processes import BACK_OFF_SECONDS, answers_ok, command_line, free_port, is_alive, is_free

# Ignores SIGTERM and has a child of its own, as a badly behaved program might.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(60)
"""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def sleeper(folder: Path, name: str = "sleeper") -> Child:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    return Child(name=name, command=command, is_healthy=lambda: True, log_file=folder / f"{name}.log")


def test_failure_to_start_tells_the_last_words(tmp_path: Path) -> None:
    (tmp_path / "api.log").write_text("words of an earlier process\n")
    child = Child(
        name="api",
        command=[sys.executable, "-c", "import sys; print('no such setting'); sys.exit(3)"],
        is_healthy=lambda: False,
        log_file=tmp_path / "api.log",
    )
    with pytest.raises(LocalSetupError) as failure:
        child.start()
    assert str(failure.value) == (
        f"api ended with status 3 while starting; log {tmp_path / 'api.log'}: no such setting"
    )


def test_missing_program_is_named(tmp_path: Path) -> None:
    child = Child(name="api", command=["/no/program"], is_healthy=lambda: True, log_file=tmp_path / "api.log")
    with pytest.raises(LocalSetupError, match="api cannot be started: /no/program: No such file"):
        child.start()


def test_child_that_never_gets_healthy_is_ended(tmp_path: Path) -> None:
    child = sleeper(tmp_path)
    child.is_healthy = lambda: False
    child.deadline = 0.2
    with pytest.raises(LocalSetupError, match=r"did not get ready within 0 s; log .* says nothing"):
        child.start()
    assert child.pid is None


def test_stop_ends_the_whole_group_of_a_child_that_ignores_it(tmp_path: Path) -> None:
    note = tmp_path / "grandchild"
    child = Child(
        name="stubborn",
        command=[sys.executable, "-c", STUBBORN, str(note)],
        is_healthy=lambda: note.exists() and note.read_text() != "",
        log_file=tmp_path / "log",
        grace=0.2,
    )
    child.start()
    grandchild = int(note.read_text())
    assert is_alive(grandchild)
    child.stop()
    child.stop()
    until = time.monotonic() + 5
    while command_line(grandchild) and time.monotonic() < until:
        time.sleep(0.02)
    assert not command_line(grandchild)


def test_environment_can_be_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN", "1")
    child = Child(
        name="shows",
        command=[sys.executable, "-c", "import os; print(os.environ.get('GIVEN'), os.environ['MORE'])"],
        is_healthy=lambda: False,
        log_file=tmp_path / "log",
        environment={"GIVEN": None, "MORE": "2"},
    )
    with pytest.raises(LocalSetupError, match=r"None 2$"):
        child.start()


def test_dead_part_is_restarted_with_growing_waits(tmp_path: Path) -> None:
    said: list[str] = []
    clock = Clock()
    with Supervisor(said.append, clock=clock) as supervisor:
        child = sleeper(tmp_path)
        supervisor.start(child)
        for wait in BACK_OFF_SECONDS[:2]:
            before = child.pid
            assert before is not None
            assert supervisor.pids == {"sleeper": before}
            os.kill(before, signal.SIGKILL)
            while child.is_running():
                time.sleep(0.01)
            assert not supervisor.check()
            assert said[-1] == f"sleeper has ended by itself; starting it again in {wait:g} s"
            clock.now += wait - 0.01
            assert not supervisor.check()
            clock.now += 0.02
            assert supervisor.check()
            assert not supervisor.check()
            assert said[-1] == "sleeper is back"
            assert child.pid not in {None, before}
        last = child.pid
    assert last is not None
    assert not child.is_running()


def test_part_that_does_not_come_back_is_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    clock = Clock()
    with Supervisor(said.append, clock=clock) as supervisor:
        child = sleeper(tmp_path)
        supervisor.start(child)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        while child.is_running():
            time.sleep(0.01)
        child.command = ["/no/program"]
        for wait in BACK_OFF_SECONDS:
            supervisor.check()
            clock.now += wait
        assert not supervisor.check()
        assert sum("cannot be started" in line for line in said) == len(BACK_OFF_SECONDS)


def test_parts_end_in_reverse_order() -> None:
    ended: list[str] = []

    class Recorder:
        pid = 1

        def __init__(self, name: str) -> None:
            self.name = name

        def start(self) -> None:
            pass

        def is_running(self) -> bool:
            return True

        def stop(self) -> None:
            ended.append(self.name)

    with Supervisor(ended.append) as supervisor:
        supervisor.start(Recorder("first"))
        supervisor.start(Recorder("second"), Recorder("third"))
    assert ended == ["third", "second", "first"]


def test_lock_is_held_by_one() -> None:
    # Two open files of one process count as two holders.
    name = Path(f"/tmp/onboarding-lock-{os.getpid()}")  # noqa: S108  removed below
    first = try_lock(name)
    assert first is not None
    assert try_lock(name) is None
    first.close()
    again = try_lock(name)
    assert again is not None
    again.close()
    name.unlink()


def test_ports_and_answers() -> None:
    port = free_port()
    assert is_free(port)
    assert not answers_ok("127.0.0.1", port, "/health")
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)


def test_a_part_that_needs_another_dead_part_does_not_keep_it_from_coming_back(tmp_path: Path) -> None:
    said: list[str] = []
    clock = Clock()
    with Supervisor(said.append, clock=clock) as supervisor:
        base = sleeper(tmp_path)
        needy = replace(sleeper(tmp_path), name="needy", is_healthy=base.is_running)
        supervisor.start(base)
        supervisor.start(needy)
        for part in (needy, base):
            assert part.pid is not None
            os.kill(part.pid, signal.SIGKILL)
            while part.is_running():
                time.sleep(0.01)
        supervisor.check()
        clock.now += BACK_OFF_SECONDS[0] + 0.01

        for _ in range(3):
            supervisor.check()

        assert sorted(said[-2:]) == ["needy is back", "sleeper is back"]

"""One simulator and one receiver for all tests here: references keep them apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulators.identity import Receiver, Simulator


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Where the shared simulator sends its webhooks."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Simulator]:
    """The shared process."""
    options = ("--webhook-url", receiver.url, "--delay", "0.2")
    with Simulator(tmp_path_factory.mktemp("identity") / "state", *options) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Iterator[Simulator]:
    """The shared process, without faults."""
    yield running
    assert running.http.delete("/_control/faults").status_code == 200

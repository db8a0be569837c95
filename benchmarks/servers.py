"""Postgres and Temporal for the time of a benchmark, in a folder of their own."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onboarding.local import LocalPostgres, LocalTemporal, find_temporal
from onboarding.local.processes import Child, Supervisor, answers_ok, free_port
from onboarding.storage import migrate
from workflows import names

ROOT_KEYS = f"1:{base64.b64encode(bytes(range(32))).decode()}"


@dataclass(frozen=True, slots=True)
class Servers:
    """What runs.

    Attributes:
        folder: for logs and whatever else; gone afterwards.
        parts: ends what it starts.
        environment: by which a process finds the servers.
    """

    folder: Path
    parts: Supervisor
    environment: dict[str, str]

    def child(self, name: str, command: Sequence[str], port: int, path: str, environment: Mapping[str, str]) -> Child:
        """A process of the project that is healthy once ``path`` answers; not started yet."""
        return Child(
            name=name,
            command=command,
            is_healthy=lambda: answers_ok("127.0.0.1", port, path),
            log_file=self.folder / f"{name}.log",
            environment=environment,
        )


@contextmanager
def servers() -> Iterator[Servers]:
    """Start both, with an empty book."""
    with tempfile.TemporaryDirectory(prefix="onboarding-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        temporal = LocalTemporal(
            find_temporal(print),
            port=free_port(),
            search_attributes=names.SEARCH_ATTRIBUTES,
            log_file=folder / "temporal.log",
            database_file=folder / "temporal.db",
        )
        with LocalPostgres(folder / "postgres") as postgres, Supervisor(print) as parts:
            parts.start(temporal)
            migrate.upgrade(postgres.url())
            environment = {
                "DATABASE_URL": postgres.url(),
                "TEMPORAL_ADDRESS": temporal.address,
                "ONBOARDING_ROOT_KEYS": ROOT_KEYS,
                "ONBOARDING_RATE_LIMITS": "off",
            }
            yield Servers(folder, parts, environment)

"""The Temporal development server, with its state in a file."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from onboarding.local.errors import LocalSetupError
from onboarding.local.processes import Child, is_free

NAMESPACE = "default"
# The server's own default is a day, after which closed runs are gone for whoever looks for them.
RETENTION_DAYS = 30
# Ready in one or two seconds; the rest is for a machine that builds something at the same time.
DEADLINE_SECONDS = 60.0
# What the API answers for `--search-attribute` types, by its internal name.
_TYPE_OF = {
    "INDEXED_VALUE_TYPE_TEXT": "Text",
    "INDEXED_VALUE_TYPE_KEYWORD": "Keyword",
    "INDEXED_VALUE_TYPE_INT": "Int",
    "INDEXED_VALUE_TYPE_DOUBLE": "Double",
    "INDEXED_VALUE_TYPE_BOOL": "Bool",
    "INDEXED_VALUE_TYPE_DATETIME": "Datetime",
    "INDEXED_VALUE_TYPE_KEYWORD_LIST": "KeywordList",
}


class LocalTemporal:
    """`temporal server start-dev` on 127.0.0.1: a `Part`.

    Args:
        binary: the program, from `find_temporal`.
        port: port of the server.
        search_attributes: name to type, one of Text, Keyword, Int, Double, Bool, Datetime, KeywordList.
            Those an existing file lacks are added.
        log_file: where its output goes, warnings and worse only.
        database_file: where its state lives; None keeps it in memory.
        ui_port: port of the web page; None for none.
        dynamic_config: settings of the server, values as JSON text: `{"matching.enableFairness": "true"}`.
        progress: gets one line when a file had to be moved aside.
    """

    name = "temporal"

    def __init__(
        self,
        binary: Path,
        *,
        port: int,
        search_attributes: Mapping[str, str],
        log_file: Path,
        database_file: Path | None = None,
        ui_port: int | None = None,
        dynamic_config: Mapping[str, str] | None = None,
        progress: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.binary = binary
        self.port = port
        self.ui_port = ui_port
        self.search_attributes = dict(search_attributes)
        self.database_file = database_file
        self._progress = progress
        self._child = Child(
            name=self.name,
            command=self._command(dynamic_config or {}),
            is_healthy=self._is_serving,
            log_file=log_file,
            environment=_without_settings(),
            deadline=DEADLINE_SECONDS,
        )

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def ui_url(self) -> str | None:
        """Address of the web page, or None without one."""
        return None if self.ui_port is None else f"http://127.0.0.1:{self.ui_port}"

    @property
    def pid(self) -> int | None:
        """Process id, or None while it does not run."""
        return self._child.pid

    def is_running(self) -> bool:
        """Whether the server's process lives."""
        return self._child.is_running()

    def start(self) -> None:
        """Start it and return when it serves, with its search attributes and retention in place.

        A database file that does not open is moved aside, as `NAME.broken-TIME`, and a
        fresh one is begun: the product rebuilds from its record what was in it.

        Raises:
            LocalSetupError: it does not get healthy.
        """
        if self.is_running():
            return
        for port in (self.port, self.ui_port):
            # Asked first: whoever holds it may answer the health check in this server's place.
            if port is not None and not is_free(port):
                msg = f"port {port} (Temporal) is in use: end what holds it, or choose another port"
                raise LocalSetupError(msg)
        if self.database_file is not None:
            self.database_file.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._child.start()
        except LocalSetupError:
            if not self._move_aside():
                raise
            self._child.start()
        try:
            self._configure()
        except LocalSetupError:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server if it runs."""
        self._child.stop()

    def _command(self, dynamic_config: Mapping[str, str]) -> list[str]:
        command = [str(self.binary), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.port)]
        command += ["--log-level", "warn", "--ui-disable-news-fetch"]
        command += ["--headless"] if self.ui_port is None else ["--ui-port", str(self.ui_port)]
        if self.database_file is not None:
            # Write-ahead log, synced at checkpoints: survives a killed process, costs a fraction of a sync per commit.
            command += ["--db-filename", str(self.database_file)]
            command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=1"]
        for key, value in dynamic_config.items():
            command += ["--dynamic-config-value", f"{key}={value}"]
        for name, kind in self.search_attributes.items():  # these apply to a new file only
            command += ["--search-attribute", f"{name}={kind}"]
        return command

    def _is_serving(self) -> bool:
        return self._run("operator", "cluster", "health").stdout.strip() == "SERVING" and self.is_running()

    def _configure(self) -> None:
        self._must("operator", "namespace", "update", "--namespace", NAMESPACE, "--retention", f"{RETENTION_DAYS}d")
        listed = json.loads(self._must("operator", "search-attribute", "list", "--output", "json"))
        present = {name: _TYPE_OF.get(kind, kind) for name, kind in listed["customAttributes"].items()}
        for name, kind in self.search_attributes.items():
            if name not in present:
                self._must("operator", "search-attribute", "create", "--name", name, "--type", kind)
            elif present[name] != kind:
                msg = (
                    f"search attribute {name} is {present[name]} in {self.database_file}, not {kind}: "
                    f"move that file away, a new one is filled from the record"
                )
                raise LocalSetupError(msg)

    def _must(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode != 0:
            reason = done.stderr.strip().splitlines()[:1] or [f"status {done.returncode}"]
            msg = f"temporal {' '.join(arguments[:3])} failed: {reason[0]}"
            raise LocalSetupError(msg)
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # A profile of the user's could point these commands at another server.
        command = [str(self.binary), *arguments, "--address", self.address]
        command += ["--disable-config-file", "--disable-config-env"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("TEMPORAL_")}
        try:
            return subprocess.run(  # noqa: S603  fixed arguments
                command, env=environment, capture_output=True, text=True, timeout=20, check=False
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, signal.SIGALRM, "", "no answer within 20 s")

    def _move_aside(self) -> bool:
        """Rename a database file that could be why the server did not start; False if it cannot be."""
        if self.database_file is None or not self.database_file.exists():
            return False
        reason = self._child.last_words(1)
        if not any(word in reason.lower() for word in ("sqlite", "sql ", "database", "table", "malformed", "schema")):
            return False
        aside = self.database_file.with_name(f"{self.database_file.name}.broken-{time.strftime('%Y%m%dT%H%M%S')}")
        try:
            for suffix in ("", "-wal", "-shm"):
                part = Path(f"{self.database_file}{suffix}")
                if part.exists():
                    part.rename(f"{aside}{suffix}")
        except OSError:  # a folder that cannot be written to is the reason itself
            return False
        self._progress(f"{self.database_file} does not open ({reason}): moved aside to {aside.name}, starting afresh")
        return True


def _without_settings() -> dict[str, str | None]:
    """Settings meant for the product's clients, which the server would read as its own."""
    return {key: None for key in os.environ if key.startswith("TEMPORAL_")}

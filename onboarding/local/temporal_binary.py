"""Where the `temporal` program comes from.

In this order: the path in `ONBOARDING_TEMPORAL_BINARY`; `temporal` on the PATH, if
it is new enough; a copy in the user's cache; the Temporal SDK's own download; a
build from Go modules (`tools/temporal`). The last two fill the cache, so they
happen once for each version.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from onboarding.local.errors import LocalSetupError
from onboarding.local.files import last_lines, locked
from onboarding.local.processes import end_process

CLI_VERSION = "1.9.1"
# Standalone activities and the update semantics the workflows rely on came with this server.
MINIMUM_SERVER = (1, 31)
# The module of `tools/temporal` says so. From 1.21 on, Go can fetch the toolchain a module asks for by itself.
GO_WANTED = (1, 26, 8)
GO_FETCHES_TOOLCHAINS = (1, 21)
# A download that takes longer is given up, and Go is tried. A refusing network answers within seconds.
DOWNLOAD_SECONDS = 75.0
# Ten times what two cores need.
BUILD_SECONDS = 2400.0
PROGRESS_SECONDS = 10.0

_MODULE_FOLDER = Path(__file__).resolve().parents[2] / "tools" / "temporal"
_INSTALL = "install the temporal command line and put it on the PATH, or name it in ONBOARDING_TEMPORAL_BINARY"
# The SDK offers no call that only downloads, so a server is started for a moment. In a process of its own,
# because that start cannot be bounded or taken back from outside, and the SDK can crash at exit.
_DOWNLOAD_SCRIPT = """
import asyncio, sys
from temporalio.testing import WorkflowEnvironment

async def download(folder: str, version: str) -> None:
    environment = await WorkflowEnvironment.start_local(download_dest_dir=folder, dev_server_download_version=version)
    await environment.shutdown()

asyncio.run(download(sys.argv[1], sys.argv[2]))
"""


def find_temporal(
    progress: Callable[[str], None],
    *,
    environment: Mapping[str, str] | None = None,
    module_folder: Path = _MODULE_FOLDER,
) -> Path:
    """Find, download or build the `temporal` program.

    Args:
        progress: gets one line whenever something takes long, every few seconds during a build.
        environment: variables to read; this process's own by default.
        module_folder: the Go module that builds it.

    Returns:
        Path of a program whose development server is 1.31 or newer.

    Raises:
        LocalSetupError: there is none and none can be made; or the one that was named explicitly does not serve.
    """
    environment = os.environ if environment is None else environment
    if named := environment.get("ONBOARDING_TEMPORAL_BINARY"):
        return _check_named(Path(named).expanduser())
    on_path = shutil.which("temporal", path=environment.get("PATH"))
    if on_path and is_new_enough(Path(on_path)):
        return Path(on_path)
    folder = _cache_folder(environment)
    cached = folder / "temporal"
    if is_new_enough(cached):
        return cached
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(
            folder / "lock", waiting=lambda: progress(f"another process is getting Temporal {CLI_VERSION}, waiting")
        ):
            if not is_new_enough(cached):  # the other process may have got it
                _fill(cached, progress, environment, module_folder)
    except OSError as error:
        msg = f"Temporal cannot be kept in {folder} ({error.strerror}): set XDG_CACHE_HOME to a writable folder"
        raise LocalSetupError(msg) from error
    return cached


def is_new_enough(binary: Path) -> bool:
    """Whether `binary` runs here and its development server is new enough."""
    version = _server_version(binary)
    return version is not None and version >= MINIMUM_SERVER


def _server_version(binary: Path) -> tuple[int, int] | None:
    # Prints: temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)
    match = re.search(r"Server (\d+)\.(\d+)", _output([str(binary), "--version"]))
    return (int(match[1]), int(match[2])) if match else None


def _output(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(  # noqa: S603  fixed arguments
            command, capture_output=True, text=True, timeout=20, check=False, env=environment, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _check_named(binary: Path) -> Path:
    version = _server_version(binary)
    if version is None:
        msg = f"ONBOARDING_TEMPORAL_BINARY names {binary}, which does not run as the temporal command line: correct it"
        raise LocalSetupError(msg)
    if version < MINIMUM_SERVER:
        msg = (
            f"ONBOARDING_TEMPORAL_BINARY names {binary} with server {_dotted(version)}, "
            f"but {_dotted(MINIMUM_SERVER)} or newer is needed: update it, or unset the variable"
        )
        raise LocalSetupError(msg)
    return binary


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _cache_folder(environment: Mapping[str, str]) -> Path:
    base = environment.get("XDG_CACHE_HOME") or environment.get("HOME", "") + "/.cache"
    return Path(base).expanduser().absolute() / "onboarding" / f"temporal-{CLI_VERSION}"


def _fill(cached: Path, progress: Callable[[str], None], environment: Mapping[str, str], module_folder: Path) -> None:
    # Beside the target, so that the last step is a rename: a half-written program is never found.
    with tempfile.TemporaryDirectory(dir=cached.parent, prefix="new-") as temporary:
        fresh = None
        if environment.get("ONBOARDING_TEMPORAL_DOWNLOAD", "on") != "off":
            fresh = _download(Path(temporary), progress, environment)
        if fresh is None:
            fresh = _build(Path(temporary), progress, environment, module_folder)
        fresh.replace(cached)


def _download(folder: Path, progress: Callable[[str], None], environment: Mapping[str, str]) -> Path | None:
    progress(f"downloading Temporal {CLI_VERSION}")
    _run_with_progress(
        [sys.executable, "-c", _DOWNLOAD_SCRIPT, str(folder), f"v{CLI_VERSION}"],
        log_file=folder / "download.log",
        environment=environment,
        seconds=DOWNLOAD_SECONDS,
        tell=lambda seconds: progress(f"downloading Temporal {CLI_VERSION}, {seconds:.0f} s so far"),
    )
    # Judged by what is there: the SDK names the file as it likes and may crash after its work is done.
    for file in sorted(folder.iterdir()):
        if file.suffix != ".log" and is_new_enough(file):
            return file
    progress("Temporal cannot be downloaded here")
    return None


def _build(folder: Path, progress: Callable[[str], None], environment: Mapping[str, str], module_folder: Path) -> Path:
    if not (module_folder / "go.mod").is_file():
        msg = f"Temporal is not here and cannot be downloaded or built: {_INSTALL}"
        raise LocalSetupError(msg)
    go_environment = _go_environment(environment)
    binary, log_file = folder / "built", folder / "build.log"
    started = time.monotonic()
    status = _run_with_progress(
        [
            "go",
            "build",
            "-C",
            str(module_folder),
            "-mod=readonly",
            "-buildvcs=false",
            "-trimpath",
            "-ldflags",
            f"-s -w -X github.com/temporalio/cli/internal/temporalcli.Version={CLI_VERSION}",
            "-o",
            str(binary),
            "github.com/temporalio/cli/cmd/temporal",
        ],
        log_file=log_file,
        environment=go_environment,
        seconds=BUILD_SECONDS,
        tell=lambda seconds: progress(
            f"building Temporal {CLI_VERSION} with Go, {seconds:.0f} s so far, 4 to 8 minutes the first time"
        ),
    )
    if status == 0 and is_new_enough(binary):
        progress(f"built Temporal {CLI_VERSION} in {time.monotonic() - started:.0f} s")
        return binary
    reason = last_lines(log_file, 1) or "the program it made does not run"
    if status is None:
        reason = f"not done after {BUILD_SECONDS / 60:.0f} minutes"
    msg = f"Temporal cannot be built with Go ({reason}): {_INSTALL}"
    raise LocalSetupError(msg)


def _go_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables for the build, for a Go that is or can make itself new enough."""
    # No C compiler is needed; flags of the user's own could break what go.sum promises.
    result = {**environment, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    wanted = _dotted(GO_WANTED)
    if shutil.which("go", path=environment.get("PATH")) is None:
        msg = f"Temporal is not here, and to build it Go {wanted} or newer is needed: install Go, or {_INSTALL}"
        raise LocalSetupError(msg)
    found = _output(["go", "env", "GOVERSION"], result)
    match = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", found)
    version = (int(match[1]), int(match[2]), int(match[3] or 0)) if match else (0, 0, 0)
    if version >= GO_WANTED:
        return result
    if version[:2] < GO_FETCHES_TOOLCHAINS:
        msg = f"Temporal is not here, and Go {_dotted(version)} is too old for it: install Go {wanted}, or {_INSTALL}"
        raise LocalSetupError(msg)
    # Distributions set this to "local", which would refuse the module.
    result["GOTOOLCHAIN"] = "auto"
    return result


def _run_with_progress(
    command: Sequence[str],
    *,
    log_file: Path,
    environment: Mapping[str, str],
    seconds: float,
    tell: Callable[[float], None],
) -> int | None:
    """Run a command, tell how long it has taken every few seconds; its status, or None if it took too long."""
    started = time.monotonic()
    told = started
    with log_file.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  fixed arguments
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(environment), start_new_session=True
        )
        try:
            while process.poll() is None:
                now = time.monotonic()
                if now - started > seconds:
                    return None
                if now - told >= PROGRESS_SECONDS:
                    told = now
                    tell(now - started)
                time.sleep(0.1)
            return process.returncode
        finally:  # also when this process is asked to stop meanwhile
            end_process(process, [(signal.SIGTERM, 5.0)])

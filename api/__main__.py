"""``python -m api``: serve the API until SIGTERM or SIGINT."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import uvicorn

from api.app import create_app
from api.server import Protocol
from onboarding.process_exit import settle_before_exit
from onboarding.settings import Settings, SettingsError, load_settings
from onboarding.telemetry import setup_logging, setup_telemetry, shutdown_telemetry
from onboarding.temporal import export_metrics

GRACE_SECONDS = 10
"""How long requests under way may take once the process was told to end. Only an advance of a test clock takes longer,
and that is carried on with later."""

KEEP_ALIVE_SECONDS = 75
"""Longer than the idle time after which usual proxies and clients drop a connection themselves."""


def config(settings: Settings) -> uvicorn.Config:
    """The server's configuration. It has no access log: paths and queries of callers are nothing for a log."""
    return uvicorn.Config(
        create_app(settings),
        host=settings.api_host,
        port=settings.api_port,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        # Whoever accepts terms by a token does so from an address: behind a proxy, that of the header it writes.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def main() -> int:
    """Serve. The status is 0 after a signal, 2 for unusable settings; 3, the server's own, if the start failed."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- for the person at the terminal, before there are logs
        return 2
    setup_logging()
    setup_telemetry("onboarding-api")
    try:
        export_metrics("onboarding-api")
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- as above
        return 2
    server = uvicorn.Server(config(settings))
    # The server ends gracefully and then raises the signal again; by default that kills the process with its status.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        server.run()
    finally:
        shutdown_telemetry()
    return 0


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        settle_before_exit()

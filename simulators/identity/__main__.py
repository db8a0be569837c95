"""The command line: ``python -m simulators.identity --port 8091 --state DIR``.

``IDENTITY_SIMULATOR_KEY`` is the key that callers show, ``IDENTITY_SIMULATOR_WEBHOOK_SECRET`` what events are signed
with. Port 0 takes a free one; the line ``listening on http://…`` says which.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

from simulators.identity.app import Options, create_app
from simulators.identity.serving import serve
from simulators.identity.storage import StateUnreadableError
from simulators.identity.vendor import Manners

_KEY, _SECRET = "IDENTITY_SIMULATOR_KEY", "IDENTITY_SIMULATOR_WEBHOOK_SECRET"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.identity", description="A stand-in for Stripe Identity."
    )
    parser.add_argument("--port", type=int, required=True, help="where to listen; 0 takes a free port")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument("--state", type=Path, required=True, help="the folder that survives a restart")
    parser.add_argument("--webhook-url", help="where events go; without it none are sent")
    parser.add_argument("--delay", type=float, default=0.3, help="seconds that a check takes (default: %(default)s)")
    parser.add_argument("--public-url", help="where browsers find it, if not where it listens")
    parser.add_argument(
        "--sensitive-by-expand",
        action="store_true",
        help="show dates of birth and of expiry only where expand[] names them, as the vendor does",
    )
    return parser


def main() -> int:
    """Run until told to end; 1 where it can't start, with a line on stderr that says why."""
    arguments = _parser().parse_args()
    key, secret = (os.environ.get(name, "") for name in (_KEY, _SECRET))
    for name, value in ((_KEY, key), (_SECRET, secret)):
        if not value:
            return _fail(f"{name} is not set")
    try:
        listening = socket.create_server((arguments.host, arguments.port))
    except (OSError, OverflowError) as error:
        return _fail(f"cannot listen on {arguments.host}:{arguments.port}: {getattr(error, 'strerror', None) or error}")
    url = f"http://{arguments.host}:{listening.getsockname()[1]}"
    manners = Manners(
        public_url=(arguments.public_url or url).rstrip("/"),
        delay=max(0.0, arguments.delay),
        sensitive_by_expand=arguments.sensitive_by_expand,
    )
    try:
        app = create_app(Options(arguments.state, key, secret, arguments.webhook_url, manners))
    except StateUnreadableError as error:
        return _fail(str(error))
    serve(app, listening, url)
    return 0


def _fail(message: str) -> int:
    sys.stderr.write(f"identity simulator: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""The command line: ``python -m simulators.receiver --port 8092 --state DIR``.

``RECEIVER_SIMULATOR_SECRET`` is what callers sign with. Port 0 takes a free one; the line ``listening on http://…``
says which.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

from simulators.identity.serving import serve
from simulators.identity.storage import StateUnreadableError
from simulators.receiver.app import Options, create_app

_SECRET = "RECEIVER_SIMULATOR_SECRET"  # noqa: S105 -- the variable's name


def main() -> int:
    """Run until told to end; 1 where it can't start, with a line on stderr that says why."""
    parser = argparse.ArgumentParser(prog="python -m simulators.receiver", description="A switchboard of features.")
    parser.add_argument("--port", type=int, required=True, help="where to listen; 0 takes a free port")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument("--state", type=Path, required=True, help="the folder that survives a restart")
    arguments = parser.parse_args()
    secret = os.environ.get(_SECRET, "")
    if not secret:
        return _fail(f"{_SECRET} is not set")
    try:
        listening = socket.create_server((arguments.host, arguments.port))
    except (OSError, OverflowError) as error:
        return _fail(f"cannot listen on {arguments.host}:{arguments.port}: {getattr(error, 'strerror', None) or error}")
    try:
        app = create_app(Options(arguments.state, secret))
    except StateUnreadableError as error:
        return _fail(str(error))
    serve(app, listening, f"http://{arguments.host}:{listening.getsockname()[1]}")
    return 0


def _fail(message: str) -> int:
    sys.stderr.write(f"receiver simulator: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

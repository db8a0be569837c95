"""What the commands about imports do: they speak to the API, as the platform's own client would."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from onboarding.cli.operations import CommandFailed
from onboarding.imports import LONGEST, MOST_AT_ONCE
from onboarding.storage.imports import UNDER_WAY, ImportState

IMPORTS = "/v2/verification/imports"

PART_BYTES = 900_000
"""Of one request: a little less than the API takes."""

CALL_SECONDS = 60.0
TRIES = 8
"""Of a call that the API could not answer: with the pauses between them, for two minutes."""

LONGEST_PAUSE = 30.0
LOOK_SECONDS = 1.0
"""Between two looks at an import that is waited for."""

_AGAIN = (429, 502, 503, 504)

Document = dict[str, Any]
Progress = Callable[[int, int], None]


class Remote:
    """The API under one platform's key.

    Every method raises CommandFailed for what it refuses, and when it does not answer.
    """

    def __init__(self, api: str, key: str) -> None:
        if not key:
            raise CommandFailed("no key: give --key, or set ONBOARDING_API_KEY")
        self._api = api
        try:
            self._http = httpx.Client(
                base_url=api, headers={"Authorization": f"Bearer {key}"}, timeout=CALL_SECONDS, follow_redirects=False
            )
        except (httpx.InvalidURL, UnicodeEncodeError):
            raise CommandFailed("the address or the key can't be used as they are") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def create(self, pace: float) -> str:
        """The id of a new import."""
        made: str = self._ask("POST", IMPORTS, json={"accounts_per_second": pace})["id"]
        return made

    def get(self, import_id: str) -> Document:
        """An import, as the API tells of it."""
        return self._ask("GET", f"{IMPORTS}/{import_id}")

    def newest(self) -> list[Document]:
        """The newest imports."""
        found: list[Document] = self._ask("GET", IMPORTS, params={"limit": "100"})["data"]
        return found

    def change(self, import_id: str, verb: str, body: Document | None = None) -> Document:
        """Start, pause or resume an import."""
        return self._ask("POST", f"{IMPORTS}/{import_id}/{verb}", json=body or {})

    def send(self, import_id: str, book: Path, *, is_dry_run: bool) -> None:
        """Send a file's lines and start the import, or resume it; one that is under way is left as it is.

        Raises CommandFailed, and changes nothing, where a dry run that has begun is to be none, or the reverse.
        """
        found = self.get(import_id)
        state = found["status"]
        if state in (*UNDER_WAY, ImportState.PAUSED) and found["dry_run"] is not is_dry_run:
            if is_dry_run:
                raise CommandFailed(f"{import_id} makes accounts and is {state}: go on with it without --dry-run")
            raise CommandFailed(f"{import_id} is a dry run and is {state}: go on with --dry-run until it is checked")
        if state in UNDER_WAY:
            return
        try:
            with book.open("rb") as lines:
                for first, part in parts(lines):
                    path = f"{IMPORTS}/{import_id}/lines"
                    headers = {"Content-Type": "application/x-ndjson"}
                    self._ask("POST", path, params={"first_line": str(first)}, content=part, headers=headers)
        except OSError as error:
            raise CommandFailed(f"{book} can't be read: {error.strerror}") from None
        if state == ImportState.PAUSED:
            self.change(import_id, "resume")
        else:
            self.change(import_id, "start", {"dry_run": is_dry_run})

    def watch(self, import_id: str, progress: Progress) -> Document:
        """Look at an import until it stands still."""
        while True:
            found = self.get(import_id)
            received, waiting = found["lines"]["received"], found["lines"]["pending"]
            progress(received - waiting, received)
            if found["status"] not in UNDER_WAY:
                return found
            time.sleep(LOOK_SECONDS)

    def refused(self, import_id: str, most: int) -> list[Document]:
        """The first lines that were refused, and why."""
        found: list[Document] = []
        path: str | None = f"{IMPORTS}/{import_id}/lines?status=refused&limit=100"
        while path is not None and len(found) < most:
            page = self._ask("GET", path)
            found += page["data"]
            path = page["next_page_url"]
        return found[:most]

    def _ask(self, method: str, path: str, **options: Any) -> Document:
        headers = {"Idempotency-Key": str(uuid.uuid4()), **options.pop("headers", {})}
        for number in range(TRIES):
            try:
                answer = self._http.request(method, path, headers=headers, **options)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code not in _AGAIN:
                break
            if number < TRIES - 1:
                time.sleep(min(2.0**number / 2, LONGEST_PAUSE))
        else:
            raise CommandFailed(f"the API at {self._api} does not answer")
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise CommandFailed(f"what is at {self._api} is not the API")
        if not answer.is_success:
            error = found.get("error", {})
            where = f"{error['param']}: " if error.get("param") else ""
            raise CommandFailed(f"{where}{error.get('message', answer.status_code)}")
        return found


def parts(lines: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """Parts of a file that one request may hold, with the number of the first line of each.

    Of a line that is too long, only so much is sent that the API can tell so.
    """
    first, held, size = 1, list[bytes](), 0
    for number, line in enumerate(lines, start=1):
        sent = line if len(line) <= LONGEST + 1 else line[:LONGEST] + b" \n"
        if held and (len(held) >= MOST_AT_ONCE or size + len(sent) > PART_BYTES):
            yield first, b"".join(held)
            first, held, size = number, [], 0
        held.append(sent if sent.endswith(b"\n") else sent + b"\n")
        size += len(sent)
    if held:
        yield first, b"".join(held)

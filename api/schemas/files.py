"""Parameters of ``/v1/files``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from api.schemas.bank_accounts import FormMetadata, FormParameters, FormText
from api.schemas.fields import Text, refusal
from api.schemas.parse import INVALID_REQUEST, path_of
from api.schemas.queries import QueryItems
from onboarding.domain.errors import Refusal
from onboarding.files.purposes import NOT_UPLOADED, UPLOADED

DEFAULT_LIMIT = 10
MAX_LIMIT = 100

PURPOSES = frozenset(UPLOADED) | NOT_UPLOADED

_EXPAND = re.compile(r"expand(\[[0-9]{0,4}\])?")
_CREATED = re.compile(r"created(?:\[(gt|gte|lt|lte)\])?")
_FILE_ID = re.compile(r"file_[A-Za-z0-9_]{1,100}")
_SECONDS = re.compile(r"[0-9]{1,12}")


def _uploaded(purpose: str) -> str:
    if purpose in UPLOADED:
        return purpose
    if purpose in NOT_UPLOADED:
        raise refusal("parameter_invalid", "Files of this purpose can't be uploaded here.")
    raise refusal("parameter_invalid", f"Must be one of {', '.join(sorted(UPLOADED))}.")


def _no_link(create: str) -> str:
    if create == "true":
        raise refusal("parameter_invalid", "File links are not offered; download the file with the API key.")
    return create


class FileLinkData(FormParameters):
    """What a link to the new file would be; there are none."""

    create: Annotated[
        Literal["true", "false"], AfterValidator(_no_link), WithJsonSchema({"type": "string", "const": "false"})
    ]
    expires_at: FormText = None
    metadata: FormMetadata = None


class FileCreate(FormParameters):
    """``POST /v1/files``, without the file itself."""

    expand: list[Text] = Field(default_factory=list, max_length=20)
    file_link_data: FileLinkData | None = None
    purpose: Annotated[str, AfterValidator(_uploaded), WithJsonSchema({"type": "string", "enum": sorted(UPLOADED)})]


@dataclass(frozen=True, slots=True)
class FilesPage:
    """Which part of the files is wanted; made ``since`` and ``before``."""

    limit: int = DEFAULT_LIMIT
    starting_after: str | None = None
    ending_before: str | None = None
    purpose: str | None = None
    since: datetime | None = None
    before: datetime | None = None


def expand_only(query_items: QueryItems) -> None:
    """The query of one file: ``expand``, of which nothing comes, since nothing is left out.

    Raises:
        Refusal: ``parameter_unknown``.
    """
    for key, _ in query_items:
        if _EXPAND.fullmatch(key) is None:
            raise _unknown(key)


def files_page(query_items: QueryItems) -> FilesPage:
    """The query of the list of files.

    Raises:
        Refusal: ``parameter_unknown`` or ``parameter_invalid``.
    """
    query: dict[str, str] = {}
    since: datetime | None = None
    before: datetime | None = None
    for key, value in query_items:
        if (created := _CREATED.fullmatch(key)) is not None:
            low, high = _bounds(created[1], key, value)
            since = max(filter(None, (since, low)), default=None)
            before = min(filter(None, (before, high)), default=None)
        elif key in _CHECKS:
            if not _CHECKS[key](value):
                raise _invalid(key, _MESSAGES[key])
            query[key] = value
        elif _EXPAND.fullmatch(key) is None:
            raise _unknown(key)
    if "starting_after" in query and "ending_before" in query:
        raise _invalid("ending_before", "Must not be sent together with starting_after.")
    return FilesPage(
        limit=int(query.get("limit", DEFAULT_LIMIT)),
        starting_after=query.get("starting_after"),
        ending_before=query.get("ending_before"),
        purpose=query.get("purpose"),
        since=since,
        before=before,
    )


def _bounds(bound: str | None, key: str, value: str) -> tuple[datetime | None, datetime | None]:
    """From when on, and until before when: a file is made in a whole second, as its ``created`` says."""
    if _SECONDS.fullmatch(value) is None:
        raise _invalid(key, "Must be a time in seconds since 1970.")
    second = int(value)
    low = {None: second, "gte": second, "gt": second + 1}.get(bound)
    high = {None: second + 1, "lt": second, "lte": second + 1}.get(bound)
    try:
        return tuple(None if at is None else datetime.fromtimestamp(at, UTC) for at in (low, high))  # type: ignore[return-value]
    except (ValueError, OverflowError, OSError):
        raise _invalid(key, "Must be a time in seconds since 1970.") from None


def _is_limit(value: str) -> bool:
    return re.fullmatch(r"[0-9]{1,4}", value) is not None and 1 <= int(value) <= MAX_LIMIT


def _is_id(value: str) -> bool:
    return _FILE_ID.fullmatch(value) is not None


_CHECKS: dict[str, Callable[[str], bool]] = {
    "ending_before": _is_id,
    "limit": _is_limit,
    "purpose": PURPOSES.__contains__,
    "starting_after": _is_id,
}
_MESSAGES = {
    "ending_before": "There is no such file.",
    "limit": f"Must be a number from 1 to {MAX_LIMIT}.",
    "purpose": f"Must be one of {', '.join(sorted(PURPOSES))}.",
    "starting_after": "There is no such file.",
}


def _unknown(key: str) -> Refusal:
    return Refusal("parameter_unknown", "There is no such parameter.", param=path_of([key]), type=INVALID_REQUEST)


def _invalid(param: str, message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type=INVALID_REQUEST)

"""What a route says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

_ATTRIBUTE = "__described__"

Shape = Literal["object", "page", "v1_list"]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of the query.

    Attributes:
        name: as it is written, without brackets.
        schema: JSON Schema of its value.
        description: in Markdown.
        required: whether the request is refused without it.
        style: ``form``, also for lists (``include=a&include=b``), or ``deepObject`` (``created[gt]=``).
    """

    name: str
    schema: Mapping[str, Any]
    description: str
    required: bool = False
    style: Literal["form", "deepObject"] = "form"


@dataclass(frozen=True, slots=True)
class Described:
    """What a route answers and takes.

    Attributes:
        answer: the name of a component; None where every request is refused, or a file is answered.
        shape: whether the answer is such an object or a list of them.
        body: parses the body; None where no body is read.
        raw_body: media type and schema of a body that no model parses.
        upload: the name of the file in a ``multipart/form-data`` that has the body's model beside it.
        files: media types of a file that is answered.
        query: what the query may say.
        refused: codes by status, beyond those that follow from the rest.
        public: whether it is served without an API key.
        keyed: whether it takes an Idempotency-Key.
        missing: whether the query or the body names an object that may not exist; the path always does.
        beside: properties of a list beside its data.
    """

    answer: str | None
    shape: Shape = "object"
    body: type[BaseModel] | None = None
    raw_body: tuple[str, Mapping[str, Any]] | None = None
    upload: str | None = None
    files: Sequence[str] = ()
    query: Sequence[Query] = ()
    refused: Mapping[int, Sequence[str]] | None = None
    public: bool = False
    keyed: bool = True
    missing: bool = False
    beside: Mapping[str, Any] | None = None


def described(  # noqa: PLR0913 -- the attributes of Described
    answer: str | None,
    *,
    shape: Shape = "object",
    body: type[BaseModel] | None = None,
    raw_body: tuple[str, Mapping[str, Any]] | None = None,
    upload: str | None = None,
    files: Sequence[str] = (),
    query: Sequence[Query] = (),
    refused: Mapping[int, Sequence[str]] | None = None,
    public: bool = False,
    keyed: bool = True,
    missing: bool = False,
    beside: Mapping[str, Any] | None = None,
) -> Callable[[Endpoint], Endpoint]:
    """Describe the route whose function follows; see the package and :class:`Described`."""
    said = Described(
        answer=answer,
        shape=shape,
        body=body,
        raw_body=raw_body,
        upload=upload,
        files=files,
        query=query,
        refused=refused,
        public=public,
        keyed=keyed,
        missing=missing,
        beside=beside,
    )

    def describe(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _ATTRIBUTE, said)
        return endpoint

    return describe


def description_of(endpoint: Callable[..., Any]) -> Described | None:
    """What a route's function says of itself; None if it says nothing."""
    found: Described | None = getattr(endpoint, _ATTRIBUTE, None)
    return found

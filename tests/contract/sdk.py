"""The wire contract as the official SDK's own package states it: leaves of parameters and answers, and operations."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Union, get_args, get_origin, get_type_hints

import stripe
from stripe import RequestOptions
from stripe.params.v2.core import AccountCreateParams, AccountUpdateParams
from stripe.params.v2.core.accounts import PersonCreateParams, PersonUpdateParams
from typing_extensions import is_typeddict

PARAMETERS: dict[str, Any] = {
    "account create": AccountCreateParams,
    "account update": AccountUpdateParams,
    "person create": PersonCreateParams,
    "person update": PersonUpdateParams,
}
ANSWERS: dict[str, Any] = {
    "account": stripe.v2.core.Account,
    "person": stripe.v2.core.AccountPerson,
}
SERVICES = (
    "stripe.v2.core._account_service",
    "stripe.v2.core._account_link_service",
    "stripe.v2.core._account_token_service",
    "stripe.v2.core._event_service",
    "stripe.v2.core._event_destination_service",
    "stripe.v2.core.accounts._person_service",
    "stripe.v2.core.accounts._person_token_service",
    "stripe.v2.core.vault._gb_bank_account_service",
    "stripe.v2.core.vault._us_bank_account_service",
    "stripe._account_service",
    "stripe._account_capability_service",
    "stripe._account_external_account_service",
    "stripe._account_link_service",
    "stripe._account_login_link_service",
    "stripe._account_person_service",
    "stripe._account_session_service",
    "stripe._country_spec_service",
    "stripe._event_service",
    "stripe._file_link_service",
    "stripe._file_service",
    "stripe._token_service",
    "stripe._webhook_endpoint_service",
)
"""Of the SDK, those that are about accounts: their onboarding, their documents and what is told about them."""

_LEFT_TO_TYPE_CHECKERS = {"StripeContext": stripe.StripeContext, "Mapping": Mapping, "HTTPClient": stripe.HTTPClient}
"""Names that options of v1's requests use and don't import."""

_REQUEST = re.compile(r'self\._request\(\s*"(?P<method>get|post|delete)",\s*"(?P<path>/[^"]+)"', re.DOTALL)
_PARAMETERS = re.compile(r'params: (?:Optional\[)?"(?P<name>\w+)"')


@dataclass(frozen=True, slots=True)
class Leaf:
    """One parameter that holds no others. ``[]`` in its path is a place in a list."""

    path: str
    hint: Any

    @property
    def name(self) -> str:
        """The last name in the path."""
        return self.path.rpartition(".")[2].removesuffix("[]")


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the SDK. ``parameters`` is the typed dict of what it may say."""

    method: str
    path: str
    parameters: Any

    @property
    def name(self) -> str:
        """``POST /v2/core/accounts/{}``: what the path's parameters are called is nobody's business."""
        return f"{self.method} {anonymous(self.path)}"


def anonymous(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def parameter_leaves(hint: Any, path: str = "") -> Iterator[Leaf]:
    """All leaves of a typed dict. Maps are leaves: their keys are the caller's own."""
    if is_typeddict(hint):
        for name, inner in get_type_hints(hint, localns=_LEFT_TO_TYPE_CHECKERS).items():
            # v1's parameters may carry the options of a request: headers, not parameters.
            if path or name not in RequestOptions.__annotations__:
                yield from parameter_leaves(inner, f"{path}.{name}" if path else name)
    elif get_origin(hint) in {Union, types.UnionType}:
        # An SDK object may stand for a dict, ``str`` for a word that is not known yet, "" for null: the first form is
        # the one that is meant.
        yield from parameter_leaves(get_args(hint)[0], path)
    elif get_origin(hint) is list:
        yield from parameter_leaves(get_args(hint)[0], f"{path}[]")
    else:
        yield Leaf(path, hint)


def answer_leaves(cls: Any, path: str = "") -> Iterator[str]:
    """All paths of an answer's class: those of objects, too, since each must be there or null."""
    for name, hint in cls.__annotations__.items():
        if str(hint).startswith("typing.ClassVar") or name.startswith("_"):
            continue
        inner = f"{path}.{name}" if path else name
        yield inner
        found, inner = _object_in(hint, inner)
        if found is not None:
            yield from answer_leaves(found, inner)


def object_class(cls: Any, name: str) -> Any:
    """The class of the objects that stand at a name of an answer's class; None where there is no object."""
    return _object_in(cls.__annotations__[name], "")[0]


def _object_in(hint: Any, path: str) -> tuple[Any, str]:
    """The class of the object that a hint is about, behind options and lists."""
    if get_origin(hint) is Union:
        return _object_in(get_args(hint)[0], path)
    if get_origin(hint) is list:
        return _object_in(get_args(hint)[0], f"{path}[]")
    # The SDK's own base is a map whose keys are the caller's.
    is_object = isinstance(hint, type) and issubclass(hint, stripe.StripeObject)
    return (hint if is_object and hint.__module__ != "stripe._stripe_object" else None), path


def operations() -> list[Operation]:
    """Every call of the services, in their order; read from their source, which names method and path."""
    found = {}
    for name in SERVICES:
        module = import_module(name)
        for part in re.split(r"\n    (?=async def |def )", inspect.getsource(module)):
            request = _REQUEST.search(part)
            if request is None:
                continue
            operation = Operation(request["method"].upper(), request["path"], _parameters_of(module, part))
            found[operation.name] = operation
    return list(found.values())


def _parameters_of(module: types.ModuleType, source: str) -> Any:
    named = _PARAMETERS.search(source)
    if named is None:
        return None
    # Services import their parameters for type checkers only; the import says where they are.
    place = re.search(rf"from (stripe\.params[\w.]+) import \(?\s*{named['name']}\b", inspect.getsource(module))
    return getattr(import_module(place[1]), named["name"]) if place else None

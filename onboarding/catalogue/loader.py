"""From YAML packs to a compiled policy."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import ValidationError

from onboarding.catalogue.compiler import Compiler
from onboarding.catalogue.problems import CatalogueError, Problem
from onboarding.catalogue.schema import Pack
from onboarding.catalogue.sources import read_packs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onboarding.domain.policy import Policy

BUILTIN_NAME = "builtin"
BUILTIN_VERSION = 1
BUILTIN_PACKS = ("base", "us", "ca", "eu", "gb", "de", "fr", "es", "it", "nl", "ie", "risk")


def lint_packs(texts: Mapping[str, str]) -> list[Problem]:
    """Everything that is wrong with the YAML packs ``{name: text}`` taken together, each with its file and line."""
    return _checked(texts)[1]


def load_packs(texts: Mapping[str, str]) -> dict[str, Any]:
    """Merge the YAML packs ``{name: text}`` into one document.

    Raises:
        CatalogueError: all that :func:`lint_packs` finds.
    """
    document, problems = _checked(texts)
    if problems:
        raise CatalogueError(problems)
    return document


def _checked(texts: Mapping[str, str]) -> tuple[dict[str, Any], list[Problem]]:
    """The packs as one document, worth something only without problems."""
    sources = read_packs(texts)
    if sources.problems:
        return sources.document, sources.problems
    compiler = Compiler(Pack.model_validate(sources.document))
    compiler.policy("", 0, "")
    return sources.document, [sources.placed(problem) for problem in compiler.problems]


def policy_bytes(name: str, version: int, document: Mapping[str, Any], platform_id: str | None = None) -> bytes:
    """Canonical bytes of a policy version: what is stored, and what its hash is of.

    ``platform_id`` is of the platform whose own it is: two platforms may say the same under the same name.
    """
    owner = {} if platform_id is None else {"platform": platform_id}
    return orjson.dumps(
        {"name": name, "version": version, "document": document, **owner},
        option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS,
    )


def policy_hash(stored: bytes) -> str:
    """What a policy version is found by: 64 hex digits."""
    return hashlib.sha256(stored).hexdigest()


def compile_policy(stored: bytes) -> Policy:
    """The typed policy of canonical bytes.

    Raises:
        CatalogueError: the document does not follow the schema, or names something that it does not define.
    """
    raw = orjson.loads(stored)
    try:
        pack = Pack.model_validate(raw["document"])
    except ValidationError as error:
        raise CatalogueError(
            [Problem(one["loc"], "", one["msg"]) for one in error.errors(include_input=False, include_url=False)]
        ) from error
    compiler = Compiler(pack)
    policy = compiler.policy(raw["name"], raw["version"], policy_hash(stored))
    if compiler.problems:
        raise CatalogueError(compiler.problems)
    return policy


def builtin_packs() -> dict[str, str]:
    """The YAML packs that ship with the package, by name."""
    folder = resources.files("onboarding.catalogue") / "packs"
    return {name: (folder / f"{name}.yaml").read_text(encoding="utf-8") for name in BUILTIN_PACKS}


@cache
def builtin_bytes() -> bytes:
    """The policy that ships with the package."""
    return policy_bytes(BUILTIN_NAME, BUILTIN_VERSION, read_packs(builtin_packs(), are_ours=True).document)


@cache
def builtin_policy() -> Policy:
    """The compiled policy that ships with the package."""
    return compile_policy(builtin_bytes())

"""The YAML packs of a policy: read together with what ships, with everything that is wrong in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from onboarding.catalogue import load_packs
from onboarding.catalogue.loader import builtin_packs
from onboarding.catalogue.problems import CatalogueError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\.ya?ml)?")


def read(packs: Mapping[str, str], *, with_builtin: bool = False, may_replace: bool = True) -> dict[str, Any]:
    """The packs ``{name: YAML}`` as one document. Takes a second with those that ship: call it in a thread.

    Args:
        packs: whose names may end in ``.yaml``.
        with_builtin: put them together with the packs that ship.
        may_replace: a pack that is called like one that ships takes its place; otherwise it is refused.

    Raises:
        CatalogueError: with every problem, each with its file and line.
    """
    problems = [
        Problem((), "", "a pack is named with 1 to 64 letters, digits, - and _", file=name[:64])
        for name in packs
        if _PACK_NAME.fullmatch(name) is None
    ]
    own = {re.sub(r"\.ya?ml$", "", name): text for name, text in packs.items()}
    shipped = builtin_packs() if with_builtin else {}
    if not packs:
        problems.append(Problem((), "", "a policy is made of one pack at least"))
    elif len(own) < len(packs):
        problems.append(Problem((), "", "two packs have the same name"))
    if not may_replace:
        message = "a pack of this name ships: give yours another one"
        problems += [Problem((), "", message, file=f"{name}.yaml") for name in own if name in shipped]
    if problems:
        raise CatalogueError(problems)
    return load_packs({**shipped, **own})

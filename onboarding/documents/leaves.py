"""Every leaf that an account or a person can have: paths as :mod:`onboarding.shape` makes them.

Derived from the documents' own templates, with what is write-only beside them: numbers of public registers, and the
external account, which is an object of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onboarding.documents.accounts import ACCOUNT
from onboarding.documents.configurations import CONFIGURATIONS
from onboarding.documents.persons import PERSON
from onboarding.documents.templates import Each
from onboarding.validation.id_numbers import BUSINESS_TYPES, PERSON_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onboarding.documents.templates import Template

EXTERNAL_ACCOUNT = "external_account"
"""The contract's leaf for "some bank account is there"."""


def _leaves(template: Template, prefix: str, types: Iterable[str]) -> Iterator[str]:
    for name, inner in template.items():
        path = f"{prefix}{name}"
        if name == "id_numbers":
            for number in types:
                yield f"{path}.{number}"
                yield f"{path}.{number}.registrar"
        elif name == "documents" and not isinstance(inner, Each | None):
            yield from (f"{path}.{kind}" for kind in inner)
        elif inner is None or isinstance(inner, Each):
            yield path
        else:
            yield from _leaves(inner, f"{path}.", types)


ACCOUNT_LEAVES = frozenset(
    (
        *_leaves(ACCOUNT, "", BUSINESS_TYPES),
        *(leaf for name, own, _ in CONFIGURATIONS for leaf in _leaves(own, f"configuration.{name}.", ())),
        EXTERNAL_ACCOUNT,
    )
)
PERSON_LEAVES = frozenset(_leaves(PERSON, "", PERSON_TYPES))

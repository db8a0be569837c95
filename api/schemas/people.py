"""The query of requirements for people, an interface of this engine in the style of Accounts v2."""

from __future__ import annotations

import re
from dataclasses import dataclass

from api.schemas.parse import INVALID_REQUEST
from api.schemas.queries import QueryItems, no_query
from onboarding.catalogue.texts import DEFAULT_LOCALE, LOCALES, Locale
from onboarding.domain.errors import Refusal
from onboarding.people import Audience

_CHOSEN = ("locale", "audience")
_LOCALE = re.compile(r"(?P<language>[A-Za-z]{2})([-_][A-Za-z0-9]{2,8}){0,3}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """In which language, and for whom."""

    locale: Locale
    audience: Audience


def people_query(query_items: QueryItems) -> Wanted:
    """The query of requirements for people: ``locale``, of which the language counts, and ``audience``.

    Raises:
        Refusal: ``parameter_unknown`` or ``parameter_invalid``.
    """
    items = list(query_items)
    no_query([(name, value) for name, value in items if name not in _CHOSEN])
    chosen = {name: value for name, value in items if name in _CHOSEN}
    audience = chosen.get("audience", Audience.END_USER.value)
    if audience not in set(Audience):
        raise _invalid("audience", f"Must be one of {', '.join(Audience)}.")
    return Wanted(_locale(chosen.get("locale", DEFAULT_LOCALE)), Audience(audience))


def _locale(text: str) -> Locale:
    """``de-AT`` is told in German."""
    match = _LOCALE.fullmatch(text)
    language = match["language"].lower() if match else ""
    for locale in LOCALES:
        if locale == language:
            return locale
    raise _invalid("locale", f"Must be one of {', '.join(LOCALES)}, or a locale of one of these languages.")


def _invalid(param: str, message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param=param, type=INVALID_REQUEST)

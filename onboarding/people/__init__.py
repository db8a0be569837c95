"""Requirements for people: what is needed, why, by when and how to give it, in words and in one's own language.

A view of what the wire says, in the groups in which people think; nothing is decided here. Entries that are one
question (a date of birth, an address) are one item. End users read problems, which can be made only from a closed list
(:mod:`onboarding.catalogue.texts`); what else is known about reasons is added for operators alone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from onboarding.catalogue.texts import Locale, operator_texts, texts_of
from onboarding.people.page import OperatorPage, Page

if TYPE_CHECKING:
    from onboarding.door.callers import Caller
    from onboarding.reading import Reader, View

REQUIREMENTS_TYPE = "v2.verification.requirements"


class Audience(StrEnum):
    """Who reads it. An operator sees beside it what reasons mean, and why each capability is off."""

    END_USER = "end_user"
    OPERATOR = "operator"


class People:
    """Reads the requirements of a caller's own accounts for people."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def requirements(self, caller: Caller, account_id: str, locale: Locale, audience: Audience) -> dict[str, Any]:
        """The requirements of an account, as :func:`requirements_for_people` tells them.

        Raises:
            Refusal: ``not_found``.
        """
        return requirements_for_people(await self._reader.account(caller, account_id), locale, audience)


def requirements_for_people(view: View, locale: Locale, audience: Audience) -> dict[str, Any]:
    """What people read of an account's requirements.

    Returns:
        ``{object, account, locale, audience, as_of, summary, groups, announced}``: ``summary`` is ``{status, due_now,
        next_deadline, text}``; each of ``groups`` ``{group, title, person, items}``; each of ``announced`` an item with
        its ``group`` and ``person``, and ``from`` when on it is required.
    """
    texts = texts_of(locale)
    page = OperatorPage(view, texts, operator_texts()) if audience is Audience.OPERATOR else Page(view, texts)
    return {
        "object": REQUIREMENTS_TYPE,
        "account": view.account["id"],
        "locale": locale,
        "audience": audience.value,
        **page.document(),
    }

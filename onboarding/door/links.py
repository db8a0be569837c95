"""Account links: what happens to an account's record when one is made, and when its bearer comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from onboarding.documents.events import LINK_RETURNED
from onboarding.domain.errors import Refusal
from onboarding.domain.events import Event
from onboarding.domain.instants import whole_milliseconds
from onboarding.door.changes import refuse_closed
from onboarding.shape import applied_configurations
from onboarding.storage import tables
from onboarding.validation import requirements_collector

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from onboarding.door.draft import Draft

LINK = "account_link"
"""Field group of what a link holds sealed; its subject is the link's id."""

UPDATE = "account_update"


@dataclass(frozen=True, slots=True)
class CreateLink:
    """Make a link. ``content`` is what is sealed in it; ``param`` is where the request names the use case."""

    link_id: str
    digest: str
    use_case: str
    content: Mapping[str, Any] = field(repr=False)
    lifetime: timedelta
    param: str
    cause: str = "account_link.created"

    def apply(self, draft: Draft) -> datetime:
        """When it was made. Raises Refusal for a closed account, and for an update of what others collect."""
        refuse_closed(draft)
        if self.use_case == UPDATE and requirements_collector(draft.account.values) != "application":
            raise Refusal(
                "parameter_invalid",
                "Only an account whose requirements the platform collects can be given a link of this type.",
                param=self.param,
                type="invalid_request_error",
            )
        created = created_at(draft)
        draft.batch.insert(
            tables.AccountLink,
            id=self.link_id,
            account_id=draft.account_id,
            digest=self.digest,
            use_case=self.use_case,
            created_at=created,
            expires_at=created + self.lifetime,
            sealed=draft.seal(self.link_id, LINK, 1, orjson.dumps(self.content)),
        )
        return created


def created_at(draft: Draft) -> datetime:
    """When a link is made: in the database's time, on a test clock too, for whoever holds it lives by no test clock."""
    return whole_milliseconds(draft.database_now)


@dataclass(frozen=True, slots=True)
class ReturnFromLink:
    """The bearer of a link has come to the end of what it was for. ``configurations`` None: all that are applied."""

    link_id: str
    use_case: str
    configurations: list[str] | None = None
    cause: str = "account_link.returned"

    def apply(self, draft: Draft) -> None:
        """Tell the platform; no document shows it."""
        configurations = self.configurations
        if configurations is None:
            configurations = applied_configurations(draft.account.values)
        data = {"account_id": draft.account_id, "configurations": configurations, "use_case": self.use_case}
        draft.told.append(Event(LINK_RETURNED, None, None, data, None, None))
        draft.batch.update(tables.AccountLink, {"id": self.link_id}, returned_at=draft.database_now)

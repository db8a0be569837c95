"""The timeline of an account: everything that happened to it, in words.

Made of the audit trail, the stored versions, the checks and their answers: nothing is written for it, and it can be
read of an erased account too. It tells codes and names of fields, never a value.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.domain.instants import rfc3339
from onboarding.domain.state import ACCOUNT, CheckState, OrderKind
from onboarding.door.callers import WORKER, shown_actor
from onboarding.paging import Page, decoded, instant_of, window
from onboarding.storage import listing, timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from onboarding.door.callers import Caller
    from onboarding.storage.database import Database
    from onboarding.storage.timeline import Asked, Moments, Said, Standing

MOMENT_TYPE = "v2.verification.timeline_moment"

ACTIONS = {
    "account.abandoned": "The onboarding was abandoned: its user has done nothing for 30 days",
    "account.attached_to_clock": "The account was put on a test clock",
    "account.closed": "The account was closed",
    "account.created": "The account was created",
    "account.imported": "The account was imported",
    "account.reminded": "The user is silent; the platform was told",
    "account.resumed": "The onboarding was resumed",
    "account.updated": "The account was updated",
    "account_link.created": "An account link was made",
    "account_link.returned": "The end user came back from an account link",
    "activity.reported": "Its turnover was reported",
    "external_account.created": "An external account was added",
    "person.created": "A person was added",
    "person.deleted": "A person was removed",
    "person.updated": "A person was updated",
    "review.assigned": "A review was assigned",
    "review.claimed": "A reviewer took a review",
    "review.decided": "A reviewer decided about a review",
    "review.escalated": "A review was late, and came to the front of its queue",
    "review.information_requested": "A reviewer asked the user for more",
    "review.noted": "A reviewer noted something",
    "review.released": "A reviewer gave a review back",
}
"""What people did. What the engine does by itself is told by what came of it."""

STATES = {
    CheckState.CONCLUDED: "ended",
    CheckState.SUPERSEDED: "is not needed any more",
    CheckState.CANCELED: "was canceled",
}

DUE = {"past_due": "is past due", "currently_due": "is due now", "eventually_due": "will be due"}

ORDERS = {
    OrderKind.HOLD: ("A hold was placed", "The hold was released"),
    OrderKind.REJECT: ("The account was rejected", "The rejection was undone"),
    OrderKind.RECHECK: ("A new check was ordered", "The order to check again ended"),
    OrderKind.EXTEND_DEADLINE: ("A deadline was extended", "The extension of a deadline was undone"),
    OrderKind.OVERRIDE_CAPABILITY: ("Demands were lifted for a while", "The lifting of demands was undone"),
    OrderKind.SET_RISK_CLASS: ("A risk class was set", "The setting of a risk class was undone"),
    OrderKind.REQUEST_INFORMATION: ("Something was asked of the user", "What was asked of the user is settled"),
}

Change = dict[str, Any]


class Timeline:
    """Reads timelines of a caller's own accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, caller: Caller, account_id: str, *, limit: int = 20, cursor: str | None = None) -> Page:
        """A page of moments, newest first.

        Each is ``{object, id, account, at, actors, changes: [{type, text, ...}]}``.

        Raises:
            Refusal: ``not_found``; ``parameter_invalid`` for a cursor of another list.
        """
        backwards, place = decoded(cursor, str)
        bound = instant_of(place[0]) if place is not None else None
        page = listing.Page(limit=limit + 1, after=None if backwards else cursor, before=cursor if backwards else None)
        before, after = (None, bound) if backwards else (bound, None)
        async with self._database.reading() as r:
            if await listing.find_owned(r, listing.Scope(caller.platform_id, caller.livemode, account_id)) is None:
                raise Refusal("not_found", "No such account.", kind=RefusalKind.NOT_FOUND)
            found = await timeline.instants(r, account_id, limit=limit + 1, before=before, after=after)
            kept, following, previous = window([(at, [at.isoformat()]) for at in found], page, limit)
            happened = await timeline.moments(r, account_id, kept)
        return Page(_documents(account_id, kept, happened), following, previous)


def _documents(account_id: str, instants: Iterable[datetime], happened: Moments) -> list[dict[str, Any]]:
    changes: defaultdict[datetime, list[Change]] = defaultdict(list)
    actors: defaultdict[datetime, list[str]] = defaultdict(list)
    for action in happened.actions:
        actor = shown_actor(action.actor)
        if action.actor != WORKER and actor not in actors[action.at]:
            actors[action.at].append(actor)
        text = ACTIONS.get(action.action)
        if text is not None:
            changes[action.at].append({"type": action.action, "text": text, "actor": actor})
    for asked in happened.asked:
        changes[asked.at].append(_asked(asked))
    for said in happened.said:
        changes[said.at].append(_said(said))
    for standing in happened.standings:
        changes[standing.at].extend(_decided(standing))
    return [
        {
            "id": f"moment_{account_id.partition('_')[2]}_{int(at.timestamp() * 1000)}",
            "object": MOMENT_TYPE,
            "account": account_id,
            "at": rfc3339(at),
            "actors": actors[at],
            "changes": changes[at],
        }
        for at in instants
        if changes[at]
    ]


def _asked(asked: Asked) -> Change:
    what = STATES.get(CheckState(asked.state), "ended") if asked.state else "began"
    return {
        "type": "check.ended" if asked.state else "check.opened",
        "text": f"The check {_words(asked.kind)} of {_whom(asked.subject)} {what}",
        "check": asked.check_id,
        "kind": asked.kind,
        "subject": asked.subject,
    }


def _said(said: Said) -> Change:
    aside = ", against what was said before: a person decides" if said.contested else ""
    return {
        "type": "evidence.recorded",
        "text": f"{said.verifier} said {said.outcome} to {_words(said.kind)} of {_whom(said.subject)}{aside}",
        "evidence": said.evidence_id,
        "kind": said.kind,
        "outcome": said.outcome,
        "subject": said.subject,
        "verifier": said.verifier,
    }


def _decided(standing: Standing) -> Iterator[Change]:
    before, after = standing.before or {}, standing.evaluation
    yield from _capabilities(before.get("capabilities", {}), after["capabilities"])
    yield from _reviews(before.get("risk") or {}, after.get("risk") or {})
    yield from _requirements(_dues(before.get("requirements")), _dues(after["requirements"]))
    yield from _orders(standing.inputs_before or {}, standing.inputs)
    yield from _policies(standing, before)


def _capabilities(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        old, new = _status(before.get(name)), _status(after.get(name))
        if old == new:
            continue
        code = next((detail["code"] for detail in (after.get(name) or {}).get("status_details", ())), None)
        because = f" ({_words(code)})" if code else ""
        text = f"{name} became {new}{because}" if new else f"{name} is not asked for any more"
        yield {"type": "capability.changed", "text": text, "capability": name, "from": old, "to": new, "code": code}


def _reviews(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """The risk class, and the periodic reviews. Who is not reviewed any more loses the class without a word."""
    if not after:
        return
    if before.get("class") != after["class"]:
        text = f"Its risk class is {_words(after['class'])}"
        yield {"type": "risk.changed", "text": text, "from": before.get("class"), "to": after["class"]}
    number, was_open = before.get("review", after["review"]), before.get("review_open", False)
    if number < after["review"] and was_open:
        yield {"type": "periodic_review.completed", "text": "The periodic review was completed"}
    if after["review_open"] and not (was_open and number == after["review"]):
        yield {"type": "periodic_review.due", "text": "The periodic review came due"}


def _requirements(before: Mapping[tuple[str, str], str], after: Mapping[tuple[str, str], str]) -> Iterator[Change]:
    for (description, reference), status in after.items():
        if before.get((description, reference)) != status:
            text = f"{description} {DUE[status]}"
            yield _requirement("requirement.due", text, description, reference, status)
    for description, reference in before:
        if (description, reference) not in after:
            yield _requirement("requirement.met", f"{description} is settled", description, reference, None)


def _requirement(kind: str, text: str, description: str, person: str, status: str | None) -> Change:
    whose = f" (of {person})" if person else ""
    return {
        "type": kind,
        "text": f"{text}{whose}",
        "requirement": description,
        "person": person or None,
        "status": status,
    }


def _dues(requirements: Mapping[str, Any] | None) -> dict[tuple[str, str], str]:
    entries = (requirements or {}).get("entries", ())
    return {
        (entry["description"], (entry["reference"] or {}).get("resource") or ""): entry["minimum_deadline"]["status"]
        for entry in entries
    }


def _orders(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Orders by their kind alone: why somebody ordered something may be nobody else's to know."""
    old = {order[0]: OrderKind(order[1]) for order in before.get("orders", ())}
    new = {order[0]: OrderKind(order[1]) for order in after.get("orders", ())}
    for order_id, kind in new.items():
        if order_id not in old:
            yield {"type": "order.placed", "text": ORDERS[kind][0], "order": order_id, "kind": kind.value}
    for order_id, kind in old.items():
        if order_id not in new:
            yield {"type": "order.undone", "text": ORDERS[kind][1], "order": order_id, "kind": kind.value}


def _policies(standing: Standing, before: Mapping[str, Any]) -> Iterator[Change]:
    old, new = before.get("policy"), standing.evaluation["policy"]
    if old != new:
        text = "Another policy is in force" if old else "A policy was assigned"
        yield {"type": "policy.changed", "text": text, "from": old, "to": new}
    announced, announced_before = standing.inputs.get("announced"), (standing.inputs_before or {}).get("announced")
    if announced and announced != announced_before:
        policy, at = announced
        when = rfc3339(datetime.fromisoformat(at))
        yield {"type": "policy.announced", "text": f"Another policy was announced for {when}", "to": policy, "at": when}
    elif announced_before and not announced and announced_before[0] != new:
        text = "The announced policy was withdrawn"
        yield {"type": "policy.withdrawn", "text": text, "from": announced_before[0]}


def _status(capability: Mapping[str, Any] | None) -> str | None:
    return capability["status"] if capability else None


def _words(code: str) -> str:
    return code.replace("_", " ")


def _whom(subject: str) -> str:
    return "the account" if subject == ACCOUNT else subject

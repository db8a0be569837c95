"""Explanations of accounts that live: since when, at an instant of the past, and while nobody looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from onboarding.documents import rfc3339
from onboarding.domain import settle
from onboarding.domain.errors import Refusal
from onboarding.domain.state import OrderKind
from onboarding.door.callers import Caller
from onboarding.door.policies import PolicyShelf
from onboarding.engine import Engine
from onboarding.storage import versions
from tests.explanation.lives import SECOND_BYTES, SECOND_POLICY, Ordered
from tests.stories.telling import (
    CARD,
    CARD_PAYOUTS,
    DAY,
    HOUR,
    SECOND,
    START,
    TRANSFERS,
    Life,
    individual,
    new_caller,
)

MCC = ("us.mcc", "configuration.merchant.mcc")
BANK = ("us.external_account", "external_account")


@pytest.fixture
async def life(engine: Engine) -> Life:
    """Somebody who takes cards at once, is paid out from the second day on, and on the third forgets what they sell."""
    life = await Life.begin(engine)
    await life.put(individual())
    await life.comes(2 * DAY)
    await life.pays_into()
    await life.comes(3 * DAY)
    await life.supply(configuration__merchant__mcc=None)
    return life


async def explained(life: Life, at: datetime | None = None, **options: Any) -> dict[str, Any]:
    caller: Caller = options.pop("caller", life.caller)
    document: dict[str, Any] = await life.engine.explanations.explain(caller, life.id, at=at, **options)
    return document


def of(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = {f"{one['configuration']}.{one['capability']}": one for one in document["capabilities"]}
    one = found[name]
    assert isinstance(one, dict)
    return one


def node(capability: dict[str, Any], among: str, rule: str, path: str) -> dict[str, Any]:
    [one] = [one for one in capability[among] if (one["rule"], one["need"].get("path")) == (rule, path)]
    assert isinstance(one, dict)
    return one


def since(part: dict[str, Any]) -> Any:
    return datetime.fromisoformat(part["since"]["time"]) - START


async def test_everything_says_since_when_it_stands(life: Life) -> None:
    document = await explained(life)

    card, payouts = of(document, CARD), of(document, CARD_PAYOUTS)
    assert (card["status"], since(card)) == ("active", 0 * DAY)
    assert (payouts["status"], since(payouts)) == ("active", 2 * DAY)
    assert since(node(payouts, "satisfied", *BANK)) == 2 * DAY
    lost = node(card, "at_risk", *MCC)
    assert (lost["cause"], since(lost), lost["deadline"]) == ("missing", 3 * DAY, rfc3339(START + 33 * DAY))
    assert lost["since"]["before"] is False
    assert document["as_of"] == document["at"] == rfc3339(START + 3 * DAY)
    assert document["reproduction"] == {"result": "reproduced", "differences": []}
    assert (document["object"], document["account"]) == ("v2.verification.explanation", life.id)


async def test_what_stood_longer_than_is_read_says_so(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = (await life.row())["version"]
    monkeypatch.setattr(versions, "READ", 1)

    card = of(await explained(life), CARD)

    assert (card["since"], since(node(card, "at_risk", *MCC))) == (
        {"time": rfc3339(START + 3 * DAY), "before": True},
        3 * DAY,
    )
    monkeypatch.setattr(versions, "READ", newest)
    assert of(await explained(life), CARD)["since"] == {"time": rfc3339(START), "before": False}


async def test_an_instant_of_the_past_is_explained_as_it_was(life: Life) -> None:
    document = await explained(life, START + DAY)

    payouts = of(document, CARD_PAYOUTS)
    assert (payouts["status"], since(payouts)) == ("restricted", 0 * DAY)
    assert node(payouts, "blocked_by", *BANK)["status"] == "past_due"
    assert node(of(document, CARD), "satisfied", *MCC)["by"] == [{"type": "field", "path": MCC[1]}]
    assert (document["at"], document["as_of"]) == (rfc3339(START + DAY), rfc3339(START))
    assert document["reproduction"]["result"] == "reproduced"
    assert document["version"] < (await explained(life))["version"]
    assert len(document["capabilities"]) == 4
    [alone] = (await explained(life, START + DAY, capability=CARD_PAYOUTS))["capabilities"]
    assert alone == payouts


async def test_time_that_nobody_recorded_is_played(life: Life) -> None:
    await life.passes(40 * DAY)
    before = await life.written()

    played = await explained(life)

    card = of(played, CARD)
    assert (played["version"], played["reproduction"], played["as_of"]) == (None, None, rfc3339(START + 33 * DAY))
    assert (card["status"], since(card)) == ("restricted", 33 * DAY)
    lost = node(card, "blocked_by", *MCC)
    assert (lost["blocks"], lost["status"], since(lost)) == (True, "past_due", 3 * DAY)
    assert since(of(played, TRANSFERS)) == 0 * DAY
    assert (await explained(life, START + 34 * DAY))["capabilities"] == played["capabilities"]
    still = await explained(life, START + 32 * DAY)
    assert (of(still, CARD)["status"], still["as_of"]) == ("active", rfc3339(START + 3 * DAY))
    assert await life.written() == before

    await life.look()
    recorded = await explained(life)
    assert recorded["version"] == (await life.row())["version"]
    assert {**recorded, "version": None, "reproduction": None} == played


async def test_an_answer_that_was_only_played_has_no_id_yet(engine: Engine) -> None:
    life = await Life.begin(engine)
    await life.put(individual(address__line1="12 Ordinary Road"))
    await life.passes(HOUR)

    def answers(document: dict[str, Any]) -> list[Any]:
        nodes = of(document, CARD)["satisfied"]
        return [one["id"] for one in nodes if one["rule"] == "us.individual.address" for one in one["by"]]

    assert answers(await explained(life)) == [None]
    await life.look()
    assert answers(await explained(life)) != [None]


async def test_while_the_engine_cannot_decide_a_passed_deadline_counts(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise ZeroDivisionError

    await life.passes(40 * DAY)
    monkeypatch.setattr(settle, "evaluate", stumble)

    document = await explained(life)

    card = of(document, CARD)
    assert (card["status"], card["status_details"][0]["code"]) == ("restricted", "requirements_past_due")
    assert node(card, "blocked_by", *MCC)["deadline"] == rfc3339(START + 33 * DAY)
    assert document["version"] == (await life.row())["version"]


async def test_instants_that_are_none_of_the_accounts_are_refused(life: Life) -> None:
    for at in (START + 3 * DAY + SECOND, datetime.fromisoformat("2001-01-01T00:00:00Z")):
        with pytest.raises(Refusal) as refused:
            await explained(life, at)
        assert (refused.value.code, refused.value.param) == ("parameter_invalid", "at")
    with pytest.raises(Refusal) as refused:
        await explained(life, capability="merchant.card")
    assert (refused.value.code, refused.value.param) == ("parameter_invalid", "capability")
    stranger = await new_caller(life.engine)
    for caller in (stranger, replace(life.caller, livemode=True)):
        with pytest.raises(Refusal, match="not_found"):
            await explained(life, caller=caller)


async def test_a_hold_is_named_and_its_reason_is_an_operators(life: Life) -> None:
    await life.engine.door.revise(life.id, Ordered(OrderKind.HOLD, "sanctions_review", CARD, 5 * DAY))

    platform = of(await explained(life), CARD)
    operator = of(await explained(life, caller=replace(life.caller, actor="operator:ada")), CARD)

    [order] = platform["orders"]
    assert (order["kind"], order["code"], order["reason"]) == ("hold", "restricted_other", None)
    assert (order["placed_by"], order["ends_at"]) == ("operator", rfc3339(START + 8 * DAY))
    assert "sanctions_review" not in str(platform)
    assert operator["orders"] == [{**order, "reason": "sanctions_review", "placed_by": "ops"}]
    assert of(await explained(life), TRANSFERS)["orders"] == []


async def test_the_policies_that_bound_it_are_named(life: Life) -> None:
    await PolicyShelf(life.engine.database, SECOND_POLICY, SECOND_BYTES).publish()
    transition = START + 20 * DAY
    await life.rows(
        "UPDATE accounts SET announced_hash = $2, transition_at = $3 WHERE id = $1",
        life.id, SECOND_POLICY.hash, transition,
    )  # fmt: skip
    await life.look()

    policy = (await explained(life))["policy"]

    current = life.engine.policies.current
    assert policy == {
        "id": f"pol_{current.hash[:24]}",
        "hash": current.hash,
        "name": "builtin",
        "version": f"1+{current.hash[:12]}",
        "announced": {
            "id": f"pol_{SECOND_POLICY.hash[:24]}",
            "hash": SECOND_POLICY.hash,
            "name": "stories",
            "version": f"62+{SECOND_POLICY.hash[:12]}",
            "transition_at": rfc3339(transition),
        },
    }
    await life.comes(21 * DAY)
    after = await explained(life)
    assert (after["policy"]["hash"], after["policy"]["announced"]) == (SECOND_POLICY.hash, None)
    assert node(of(after, CARD), "at_risk", "lives.product", "defaults.profile.product_description")["deadline"]
    assert after["reproduction"]["result"] == "reproduced"

"""What people order, through time: which order wins, when it ends, and how operators place them."""

from __future__ import annotations

import getpass
import re
from datetime import datetime
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from onboarding.cli import app
from onboarding.domain.errors import Refusal
from onboarding.domain.state import OrderKind
from onboarding.door.callers import Caller, RequestKey
from onboarding.door.orders import REJECTIONS, TOPICS, Audience
from onboarding.engine import Engine
from onboarding.inspection import inspect
from onboarding.local.processes import free_port
from onboarding.settings import Settings
from tests.privacy.markers import CORE
from tests.stories import telling
from tests.stories.telling import (
    ACTIVE,
    CARD,
    CARD_PAYOUTS,
    DAY,
    DETERMINING,
    PAST_DUE,
    SECOND,
    START,
    TRANSFERS,
    Life,
    individual,
)

HOLD, REJECT = OrderKind.HOLD, OrderKind.REJECT
HELD = "restricted/restricted_other"
UNSET_MCC: Any = {"configuration": {"merchant": {"mcc": None}}}
HIT: Any = {"day": 1, "month": 1, "year": 1900}


@pytest.fixture
async def life(engine: Engine) -> Life:
    made = await Life.begin(engine)
    await made.put(individual())
    await made.pays_into()
    assert set((await made.statuses()).values()) == {ACTIVE}
    return made


async def place(life: Life, kind: OrderKind, reason: str, *, by: Caller | None = None, **changes: Any) -> Any:
    caller = by or life.caller
    return await life.engine.orders.place(caller, life.id, None, kind=kind, reason=reason, **changes)


async def undo(life: Life, order: Any, *, by: Caller | None = None, key: RequestKey | None = None) -> Any:
    return await life.engine.orders.undo(by or life.caller, life.id, order["id"], key)


async def operator(life: Life) -> Caller:
    return await life.engine.orders.operator(life.id, "ann")


async def card(life: Life) -> str:
    return (await life.statuses())[CARD]


async def test_a_hold_ends_when_its_time_comes(life: Life) -> None:
    told = len(await life.events())
    await life.comes(DAY)
    placed = await place(life, HOLD, "credit_review", capability=CARD, ends_at=START + 10 * DAY)
    assert await life.statuses() == {**dict.fromkeys(await life.statuses(), ACTIVE), CARD: HELD}
    assert (await life.row())["wake_at"] == START + 10 * DAY

    await life.comes(10 * DAY - SECOND)
    assert await card(life) == HELD
    await life.passes(10 * DAY)  # nobody looked, and whoever reads sees it all the same
    assert await card(life) == ACTIVE
    await life.look()

    found = await life.engine.orders.get(life.caller, life.id, placed["id"])
    assert found == {**placed, "status": "ended"}
    assert await life.story(told) == [
        (f"{CARD} {HELD}", "1 day, 0:00:00"),
        (f"{CARD} active", "10 days, 0:00:00"),
    ]
    assert (await life.account())["requirements"]["summary"]["minimum_deadline"] is None


async def test_it_is_the_same_life_however_often_somebody_looks(engine: Engine) -> None:
    lives = [await Life.begin(engine) for _ in range(2)]
    for life in lives:
        await life.put(individual())
        await life.pays_into()
        await place(life, HOLD, "credit_review", ends_at=START + 10 * DAY)
    for days in range(1, 13):
        await lives[0].comes(days * DAY)
    await lives[1].comes(12 * DAY)

    # An inquiry is named after its order, so its name is another one in each life.
    told = [re.sub("interv_[0-9a-z]+", "interv", str(await telling.lived(life))) for life in lives]
    assert told[0] == told[1]


async def test_one_order_wins_over_what_is_weaker(life: Life) -> None:
    """Closed, rejected, unsupported, hold, missed deadline, pending; each is undone in turn."""
    await life.supply(identity__individual__date_of_birth=HIT)
    assert await card(life) == DETERMINING
    await life.put(UNSET_MCC)
    await life.comes(30 * DAY)
    assert await card(life) == PAST_DUE
    held = await place(life, HOLD, "credit_review")
    assert await card(life) == HELD
    # The entry that is past due stays beside the inquiry, and says how urgent it is.
    requirements = (await life.account())["requirements"]
    assert requirements["summary"]["minimum_deadline"]["status"] == "past_due"
    assert [bool(one["reference"]) for one in requirements["entries"]] == [False, True]
    rejected = await place(life, REJECT, "platform_other", capability=CARD)
    assert await card(life) == "rejected/rejected_platform_other"
    assert (await life.statuses())[CARD_PAYOUTS] == HELD

    await undo(life, rejected)
    assert await card(life) == HELD
    await undo(life, held)
    assert await card(life) == PAST_DUE

    await place(life, REJECT, "platform_other")
    await life.engine.accounts.close(life.caller, life.id, None, None)
    assert set((await life.statuses()).values()) == {HELD}  # closed has the code of a hold, and no resolution
    assert (await life.account())["configuration"]["merchant"]["capabilities"]["card_payments"]["status_details"] == [
        {"code": "restricted_other", "resolution": "no_resolution"}
    ]


async def test_what_is_unsupported_is_rejected_but_not_held(engine: Engine) -> None:
    life = await Life.begin(engine)
    identity = {"country": "FR", "entity_type": "government_entity"}
    await life.put({**telling.company(), "identity": identity})
    assert await card(life) == "unsupported/unsupported_entity_type"

    await place(life, HOLD, "credit_review")
    assert await card(life) == "unsupported/unsupported_entity_type"
    assert not [one for one in (await life.account())["requirements"]["entries"] if one["reference"]]
    rejected = await place(life, REJECT, "platform_fraud")
    assert await card(life) == "rejected/rejected_platform_fraud"
    await undo(life, rejected)
    assert await card(life) == "unsupported/unsupported_entity_type"


async def test_a_hold_stops_no_clock(life: Life) -> None:
    await life.put(UNSET_MCC)
    held = await place(life, HOLD, "credit_review")

    await life.comes(31 * DAY)
    await undo(life, held)

    assert await card(life) == PAST_DUE


async def test_operators_may_give_every_reason(life: Life) -> None:
    ann = await operator(life)
    for reason in REJECTIONS:
        rejected = await place(life, REJECT, reason, by=ann)
        assert await card(life) == f"rejected/rejected_{reason}"
        await undo(life, rejected, by=ann)
    for topic in TOPICS:
        held = await place(life, HOLD, topic, by=ann, audience=Audience.USER, capability=TRANSFERS)
        [entry] = (await life.account())["requirements"]["entries"]
        assert entry["description"].split(".")[1:] == [topic, "support"]
        with pytest.raises(Refusal) as refused:
            await undo(life, held)
        assert refused.value.code == "order_not_yours"
        await undo(life, held, by=ann)
    assert await card(life) == ACTIVE

    actors = await life.rows("SELECT actor, action FROM audit_log WHERE account_id = $1 ORDER BY position", life.id)
    by_ann = [row["action"] for row in actors if row["actor"] == "operator:ann"]
    assert by_ann == ["order.placed", "order.undone"] * (len(REJECTIONS) + len(TOPICS))


async def test_undoing_twice_is_undoing_once(life: Life) -> None:
    held = await place(life, HOLD, "credit_review")
    first = await undo(life, held)
    await life.comes(DAY)
    before = await life.written()

    again = await undo(life, held, by=await operator(life))

    assert {**again, "undone_by": first["undone_by"]} == first
    assert again["undone_by"] == life.caller.actor  # who undid it, not who tried again
    assert await life.written() == before
    found = await inspect(life.engine.database, life.engine.ring, account_id=life.id, is_opening=True)
    assert found.findings == ()


async def test_an_order_of_one_account_is_none_of_another(life: Life) -> None:
    held = await place(life, HOLD, "credit_review")
    other = await Life.begin(life.engine, life.caller)

    with pytest.raises(Refusal) as refused:
        await undo(other, held)

    assert refused.value.code == "not_found"
    assert await card(life) == HELD


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {
        "DATABASE_URL": settings.database_url,
        "ONBOARDING_ROOT_KEYS": settings.root_keys.get_secret_value(),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["orders", *arguments])

    return run


async def test_operators_use_the_command_line(life: Life, command: Any) -> None:
    ends_at = f"{START + 5 * DAY:%Y-%m-%dT%H:%M:%S}"

    placed = command(
        "place", life.id, "hold", "sanctions_review", "--ends-at", ends_at, "--ticket", CORE, "--capability", CARD
    )

    assert placed.exit_code == 0, placed.exception
    assert await card(life) == HELD
    [order] = (await life.engine.orders.list(life.caller, life.id)).data
    assert (order["placed_by"], order["reason"], order["ticket"]) == ("operator", None, None)
    assert datetime.fromisoformat(order["ends_at"]) == START + 5 * DAY
    listed, me = command("list", life.id).stdout, f"operator:{getpass.getuser()}"
    assert listed == placed.stdout
    for told in (order["id"], "sanctions_review", me, CORE, "in_force", CARD):
        assert told in listed

    for _ in range(2):
        undone = command("undo", life.id, order["id"])
        assert (undone.exit_code, undone.stdout.count(f"undone by {me}")) == (0, 1)
    assert await card(life) == ACTIVE
    [row] = await life.rows("SELECT actor, undone_by FROM orders WHERE account_id = $1", life.id)
    assert tuple(row) == (me, me)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("place", "ACCOUNT", "pause", "fraud"), "pause is not one of hold, reject"),
        (("place", "ACCOUNT", "recheck", "fraud"), "recheck is not one of hold, reject"),
        (("place", "ACCOUNT", "hold", "fraud"), "reason: Must be one of address_verification"),
        (("place", "ACCOUNT", "reject", "listed", "--audience", "internal"), "audience: A rejection's reason is"),
        (("place", "ACCOUNT", "hold", "legal_hold", "--audience", "me"), "me is not one of internal, user"),
        (("place", "ACCOUNT", "hold", "legal_hold", "--ends-at", "2026-01-01"), "ends_at: Must be later"),
        (("place", "acct_none", "hold", "legal_hold"), "No such account."),
        (("undo", "ACCOUNT", "ord_none"), "No such order."),
        (("list", "acct_none"), "No such account."),
    ],
)
async def test_a_wrong_command_says_why_and_does_nothing(
    life: Life, command: Any, arguments: tuple[str, ...], says: str
) -> None:
    before = await life.written()

    done = command(*(life.id if one == "ACCOUNT" else one for one in arguments))

    assert done.exit_code == 1
    assert str(done.exception).startswith(says)
    assert await life.written() == before

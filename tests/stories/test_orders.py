"""What people order, through time: which order wins, when it ends, and how operators place them."""

from __future__ import annotations

import copy
import getpass
import re
import time
from datetime import UTC, datetime, timezone
from functools import partial
from typing import Any

import pytest

from onboarding.domain.errors import Refusal
from onboarding.domain.state import OrderKind
from onboarding.door.callers import Caller, RequestKey
from onboarding.door.orders import Audience
from onboarding.engine import Engine
from onboarding.inspection import inspect
from onboarding.order_rules import REJECTIONS, TOPICS
from tests.privacy.markers import CORE
from tests.stories import telling
from tests.stories.telling import (
    ACTIVE,
    CARD,
    CARD_PAYOUTS,
    DAY,
    DETERMINING,
    HOUR,
    PAST_DUE,
    SECOND,
    START,
    TRANSFERS,
    Life,
    fetch,
    individual,
    new_caller,
)

HOLD, REJECT = OrderKind.HOLD, OrderKind.REJECT
RECHECK, EXTEND, OVERRIDE = OrderKind.RECHECK, OrderKind.EXTEND_DEADLINE, OrderKind.OVERRIDE_CAPABILITY
HELD = "restricted/restricted_other"
SOON = f"{START + 5 * DAY:%Y-%m-%d}"
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


@pytest.mark.parametrize(
    ("kind", "reason", "parts"),
    [
        (HOLD, "credit_review", {}),
        (EXTEND, "other", {}),
        (OVERRIDE, "other", {"capability": CARD}),
        (OrderKind.SET_RISK_CLASS, "other", {"target": "high"}),
    ],
)
async def test_no_order_ends_beyond_every_calendar(life: Life, kind: OrderKind, reason: str, parts: Any) -> None:
    ann = await operator(life)
    await life.put(UNSET_MCC)  # a deadline runs
    behind, ahead = timezone(-14 * HOUR), timezone(14 * HOUR)
    for ends_at in (
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=behind),
        datetime(2199, 12, 31, 23, tzinfo=behind),
        datetime(2200, 1, 1, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=ahead),
    ):
        with pytest.raises(Refusal) as refused:
            await place(life, kind, reason, by=ann, ends_at=ends_at, **parts)
        assert (refused.value.code, refused.value.param) == ("parameter_invalid", "ends_at")
        assert refused.value.message == "Must be in the years 1970 to 2199, in UTC."

    placed = await place(life, kind, reason, by=ann, ends_at=(START + 31 * DAY).astimezone(ahead), **parts)

    assert datetime.fromisoformat(placed["ends_at"]) == START + 31 * DAY
    assert (await life.engine.orders.list(life.caller, life.id)).data[0]["ends_at"] == placed["ends_at"]


async def test_a_hold_may_last_a_lifetime(life: Life) -> None:
    placed = await place(life, HOLD, "credit_review", ends_at=datetime(2200, 1, 1, tzinfo=timezone(HOUR)))

    assert (placed["ends_at"], placed["status"]) == ("2199-12-31T23:00:00.000Z", "in_force")
    assert await card(life) == HELD
    await life.comes(400 * DAY)
    assert await card(life) == HELD


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


# --- deadlines that are moved, demands that are lifted, questions that are asked again ------------------------------


async def orders_told(life: Life, capability: str) -> list[tuple[str, str | None]]:
    """Kinds and codes of the orders that the explanation of a capability names."""
    told = await life.engine.explanations.explain(life.caller, life.id, capability=capability)
    return [(order["kind"], order["code"]) for order in told["capabilities"][0]["orders"]]


async def test_a_deadline_is_moved_before_and_after_it_was_missed(life: Life) -> None:
    told = len(await life.events())
    await life.put(UNSET_MCC)
    assert (await life.row())["wake_at"] == START + 30 * DAY
    await life.comes(20 * DAY)
    ann = await operator(life)
    with pytest.raises(Refusal) as early:
        await place(life, EXTEND, "other", by=ann, ends_at=START + 30 * DAY)
    assert (early.value.param, "Must be later than the present deadline" in early.value.message) == ("ends_at", True)

    moved = await place(
        life,
        EXTEND,
        "user_unable",
        by=ann,
        ends_at=START + 40 * DAY,
        target="us.mcc/configuration.merchant.mcc",
    )

    assert (await life.account())["requirements"]["summary"]["minimum_deadline"] == {
        "status": "currently_due",
        "time": moved["ends_at"],
    }
    assert await orders_told(life, CARD) == [("extend_deadline", None)]
    await life.comes(40 * DAY - SECOND)
    assert await card(life) == ACTIVE
    await life.comes(45 * DAY)
    assert await card(life) == PAST_DUE
    assert (await life.engine.orders.get(life.caller, life.id, moved["id"]))["status"] == "ended"

    again = await place(life, EXTEND, "other", by=ann, ends_at=START + 60 * DAY)  # of all that runs
    assert await card(life) == ACTIVE
    await life.comes(50 * DAY)
    await undo(life, again, by=ann)
    assert await card(life) == PAST_DUE
    assert [moment for moment in await life.story(told) if moment[0].startswith(CARD)] == [
        (f"{CARD} {PAST_DUE}", "40 days, 0:00:00"),
        (f"{CARD} active", "45 days, 0:00:00"),
        (f"{CARD} {PAST_DUE}", "50 days, 0:00:00"),
    ]
    assert await life.marks() == dict.fromkeys(await life.marks(), START + 30 * DAY)  # what the rule gave stays known


async def test_a_deadline_that_is_set_after_the_order_is_nobodys(life: Life) -> None:
    await life.put(UNSET_MCC)
    await place(life, EXTEND, "other", by=await operator(life), ends_at=START + 100 * DAY)
    await life.comes(10 * DAY)
    await life.supply(identity__individual__email=None)

    told = (await life.row())["evaluation"]["entry_deadlines"].values()

    assert sorted({deadline for by_capability in told for deadline in by_capability.values()}) == [
        f"{START + 40 * DAY:%Y-%m-%dT%H:%M:%S.000Z}",
        f"{START + 100 * DAY:%Y-%m-%dT%H:%M:%S.000Z}",
    ]


async def test_an_override_switches_on_until_it_ends_and_leaves_no_grace(engine: Engine) -> None:
    life = await Life.begin(engine)
    patch = copy.deepcopy(individual())
    del patch["configuration"]["merchant"]["mcc"]
    await life.put(patch)
    assert await card(life) == PAST_DUE  # it never was active
    ann = await operator(life)
    told = len(await life.events())

    lifted = await place(life, OVERRIDE, "verified_elsewhere", by=ann, capability=CARD, ends_at=START + 20 * DAY)

    assert (await life.statuses())[CARD] == ACTIVE
    assert await orders_told(life, CARD) == [("override_capability", None)]
    assert (await life.row())["evaluation"]["deadlines"][CARD] == lifted["ends_at"]
    held = await place(life, HOLD, "credit_review", capability=CARD)
    assert await card(life) == HELD  # stronger
    await undo(life, held)
    rejected = await place(life, REJECT, "platform_other", capability=CARD)
    assert await card(life) == "rejected/rejected_platform_other"
    await undo(life, rejected)

    await life.comes(20 * DAY)
    assert await card(life) == PAST_DUE
    await life.put({"configuration": {"merchant": {"mcc": "5734"}}})
    assert await card(life) == ACTIVE
    await life.put(UNSET_MCC)
    assert await card(life) == ACTIVE  # only now it was active, and has its days of grace
    assert [what for what, at in await life.story(told) if at == "20 days, 0:00:00"] == [
        f"{CARD} {PAST_DUE}",
        f"{CARD} active",
    ]


async def test_an_override_lifts_no_hit_of_a_list(life: Life) -> None:
    await life.supply(identity__individual__date_of_birth=HIT)
    assert await card(life) == DETERMINING

    await place(life, OVERRIDE, "other", by=await operator(life), capability=CARD, ends_at=START + 20 * DAY)

    assert await card(life) == DETERMINING


async def test_a_recheck_asks_a_dormant_account_again_and_takes_nothing(life: Life) -> None:
    await life.comes(100 * DAY)
    before = len(await life.checks("screening"))

    # The clock stands still: nothing has happened since the answers, so the question comes with its next step.
    placed = await place(life, RECHECK, "list_changed", by=await operator(life), target="screening")

    assert len(await life.checks("screening")) == before + 1
    assert (await life.engine.orders.get(life.caller, life.id, placed["id"]))["status"] == "ended"
    again = await place(life, RECHECK, "periodic_review")
    assert (await life.engine.orders.get(life.caller, life.id, again["id"]))["status"] == "in_force"
    assert len(await life.checks("screening")) == before + 1
    await life.comes(100 * DAY + SECOND)
    assert len(await life.checks("screening")) == before + 2
    assert len(await life.checks("keyed_identity")) == 2
    assert set((await life.statuses()).values()) == {ACTIVE}
    found = await inspect(life.engine.database, life.engine.ring, account_id=life.id, is_opening=True)
    assert found.findings == ()


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.fixture
def command(operators: Any) -> Any:
    return partial(operators, "orders")


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
        (("place", "ACCOUNT", "recheck", "fraud"), "reason: Must be one of data_doubted"),
        (("place", "ACCOUNT", "recheck", "other", "--target", "none"), "target: The account's policy asks no such"),
        (("place", "ACCOUNT", "recheck", "other", "--ends-at", "2099-01-01"), "ends_at: An order of this kind has no"),
        (("place", "ACCOUNT", "extend_deadline", "other"), "ends_at: Is required."),
        (("place", "ACCOUNT", "extend_deadline", "other", "--ends-at", SOON), "target: No deadline of this runs"),
        (("place", "ACCOUNT", "override_capability", "other", "--ends-at", SOON), "capability: Is required."),
        (("place", "ACCOUNT", "hold", "fraud"), "reason: Must be one of address_verification"),
        (("place", "ACCOUNT", "reject", "listed", "--audience", "internal"), "audience: A rejection's reason is"),
        (("place", "ACCOUNT", "hold", "legal_hold", "--audience", "me"), "me is not one of internal, user"),
        (("place", "ACCOUNT", "hold", "legal_hold", "--ends-at", "2026-01-01"), "ends_at: Must be later"),
        (
            ("place", "ACCOUNT", "hold", "legal_hold", "--ends-at", "9999-12-31"),
            "ends_at: Must be in the years 1970 to",
        ),
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


async def test_a_book_is_asked_again_once_whoever_starts_it_how_often(engine: Engine, command: Any) -> None:
    caller = await new_caller(engine)
    lives = [await Life.now(engine, individual(), caller) for _ in range(3)]
    nothing = await Life.now(engine, {"display_name": "nobody asked"}, caller)
    closed = await Life.now(engine, individual(), caller)
    await engine.accounts.close(caller, closed.id, None, None)
    options = ("--kind", "screening", "--platform", caller.platform_id, "--mode", "test", "--campaign", "lists-2026-11")

    async def asked() -> list[int]:
        return [len(await life.checks("screening")) for life in (*lives, nothing, closed)]

    tried = command("recheck", *options, "--dry-run")
    assert tried.stdout == "campaign lists-2026-11: 3 accounts to ask again, 0 were before\n"
    assert await asked() == [1, 1, 1, 0, 1]
    assert "0 accounts" in command("recheck", *options, "--country", "DE", "--dry-run").stdout
    assert "0 accounts" in command("recheck", *options[:-4], "--mode", "live", "--dry-run").stdout

    # It was interrupted after the first, which was taken back since.
    first = await engine.orders.place(
        await engine.orders.operator(lives[0].id, "ann"), lives[0].id, None,
        kind=RECHECK, reason="list_changed", target="screening", campaign="lists-2026-11",
    )  # fmt: skip
    await engine.orders.undo(await engine.orders.operator(lives[0].id, "ann"), lives[0].id, first["id"], None)
    before = time.monotonic()
    done = command("recheck", *options, "--reason", "list_changed", "--pace", "4/s")
    assert time.monotonic() - before > 2 / 4
    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        ["campaign lists-2026-11: 2 accounts to ask again, 1 were before", "ordered: 2"],
    )
    assert await asked() == [2, 2, 2, 0, 1]
    assert command("recheck", *options).stdout.splitlines()[1] == "ordered: 0"
    assert await asked() == [2, 2, 2, 0, 1]
    rows = await fetch(engine, "SELECT actor, reason FROM orders WHERE campaign = 'lists-2026-11' ORDER BY id")
    assert [tuple(row) for row in rows[1:]] == [(f"operator:{getpass.getuser()}", "list_changed")] * 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--pace", "fast"), "fast is no pace"),
        (("--pace", "0/s"), "0/s is no pace"),
        (("--mode", "both"), "both is none of all, live, test"),
        (("--country", "Germany"), "a country is two letters"),
        (("--campaign", "For Jenny"), "campaign: Must be lower-case"),
        (("--reason", "because"), "reason: Must be one of data_doubted"),
    ],
)
def test_a_wrong_campaign_says_why(command: Any, options: tuple[str, ...], says: str) -> None:
    done = command("recheck", "--kind", "screening", *options)

    assert (done.exit_code, str(done.exception)[: len(says)]) == (1, says)

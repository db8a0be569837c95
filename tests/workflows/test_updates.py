"""Orders from Temporal's own UI: updates and the query of AccountWorkflow, on the real engine and a real server."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowHistory,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.messages import OrderAsked
from activities.orders import OrderActivities
from onboarding.domain.errors import EngineFault
from onboarding.door.callers import UNVERIFIED, Caller
from onboarding.engine import Engine
from onboarding.ids import new_id
from onboarding.settings import Settings
from tests.support.samples import RECIPIENT_DETAILS, patched
from tests.support.temporal import Bench, bench, event_names, eventually
from tests.workflows.recording import record, recorded, replay
from workflows import names

TRANSFERS, PAYOUTS = "recipient.stripe_balance.stripe_transfers", "recipient.stripe_balance.payouts"
MCC = "us.mcc/configuration.merchant.mcc"
TASK_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
UNHANDLED_COMMAND = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
MARKER = "Zelmira Quastenberger"
SOON = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def collecting(made: Bench) -> tuple[str, WorkflowHandle[Any, Any]]:
    """An account whose run waits for its user."""
    account_id = await made.account(await made.platform())
    handle = made.client.get_workflow_handle(names.account_workflow_id(account_id))

    async def waits() -> bool:
        try:
            return bool((await handle.query(names.STATUS))["planned_at"])
        except RPCError:
            return False

    await eventually(waits)
    return account_id, handle


async def lacking_a_bank_account(made: Bench) -> tuple[Caller, str, WorkflowHandle[Any, Any]]:
    """An account with answers and an active capability, whose run waits for its user all the same."""
    caller = await made.platform()
    account_id = await made.account(caller)
    await made.engine.accounts.update(caller, account_id, patched(RECIPIENT_DETAILS), None)
    handle = made.client.get_workflow_handle(names.account_workflow_id(account_id))

    async def waits() -> bool:
        [row] = await made.fetch("SELECT evaluation FROM accounts WHERE id = $1", account_id)
        is_active = row["evaluation"]["capabilities"][TRANSFERS]["status"] == "active"
        return is_active and await made.status(handle.id) is WorkflowExecutionStatus.RUNNING

    await eventually(waits)
    return caller, account_id, handle


async def update(handle: WorkflowHandle[Any, Any], name: str, *payloads: Any) -> Any:
    return await handle.execute_update(name, args=list(payloads))


async def refused(handle: WorkflowHandle[Any, Any], name: str, *payloads: Any) -> tuple[str, str | None]:
    """Message and type of the error that an update fails with."""
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await update(handle, name, *payloads)
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    return cause.message, cause.type


async def orders(made: Bench, account_id: str) -> list[dict[str, Any]]:
    rows = await made.fetch("SELECT * FROM orders WHERE account_id = $1 ORDER BY id", account_id)
    return [dict(row) for row in rows]


def failures(history: WorkflowHistory) -> list[str]:
    """Why workflow tasks failed, but for a nudge that came while the run was closing: the server's own way."""
    failed = [
        event.workflow_task_failed_event_attributes for event in history.events if event.event_type == TASK_FAILED
    ]
    return [str(one) for one in failed if one.cause != UNHANDLED_COMMAND]


async def test_orders_are_given_and_undone_on_an_open_run(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client) as made:
        account_id, handle = await collecting(made)
        first_look = (await handle.query(names.STATUS))["planned_at"]

        asked = {"reason": "credit_review", "capability": PAYOUTS, "ends_at": SOON, "ticket": "CASE-7"}
        held = await update(handle, names.HOLD, asked)
        again = await update(handle, names.RELEASE, {"order": held["order"]})
        assert await update(handle, names.RELEASE, {"order": held["order"]}) == again
        lifted = await update(
            handle, names.OVERRIDE_CAPABILITY, {"reason": "other", "capability": TRANSFERS, "ends_at": SOON}
        )

        assert (held["status"], again["status"], lifted["status"]) == ("in_force", "undone", "in_force")
        assert [(row["id"], row["kind"], row["actor"]) for row in await orders(made, account_id)] == [
            (held["order"], "hold", UNVERIFIED),
            (lifted["order"], "override_capability", UNVERIFIED),
        ]
        assert (await orders(made, account_id))[0]["undone_by"] == UNVERIFIED
        actors = await made.fetch("SELECT actor, action FROM audit_log WHERE account_id = $1", account_id)
        assert [row["action"] for row in actors if row["actor"] == UNVERIFIED] == [
            "order.placed",
            "order.undone",
            "order.placed",
        ]

        async def looked_again() -> bool:
            return bool((await handle.query(names.STATUS))["planned_at"] != first_look)

        await eventually(looked_again)
        [row] = await made.fetch("SELECT evaluation, stage FROM accounts WHERE id = $1", account_id)
        assert row["evaluation"]["capabilities"][TRANSFERS]["status"] == "active"
        assert row["stage"] == "collecting"  # payouts still want a bank account, and the run goes on
        [platform] = await made.fetch("SELECT platform_id FROM accounts WHERE id = $1", account_id)
        await made.supply(Caller(platform["platform_id"], livemode=False, actor="key_test"), account_id)
        await made.ended(account_id)
        history = await made.history(names.account_workflow_id(account_id))
        assert failures(history) == []
        await record("account_ordered", history)


HELD: Any = {"reason": "credit_review"}
DOUBTED: Any = {"reason": "other"}
MOVED: Any = {"reason": "other", "ends_at": SOON}
LIFTED: Any = {"reason": "other", "capability": TRANSFERS, "ends_at": SOON}
A_TICKET, A_TIME = "ticket: Must be the number of a ticket", "ends_at: Must be a time"
A_CAPABILITY, A_PERSON = "capability: Must be a capability of the policy", "person: Must be the id of a person"
NO_CENTURY = "ends_at: Must be in the years 1970 to 2199"
LONG = MARKER * 5000

WRONG: list[tuple[str, tuple[Any, ...], str]] = [
    # No object at all, or of other fields.
    *[
        (name, payloads, 'payload: Must be one object: {"')
        for name in (names.HOLD, names.RECHECK, names.EXTEND_DEADLINE, names.OVERRIDE_CAPABILITY, names.RELEASE)
        for payloads in ((), (None,), (MARKER,), ([MARKER],), ([HELD],), (7,), (1.5,), (True,), (False,))
    ],
    (names.HOLD, ({**HELD, "note": MARKER},), 'payload: Must be one object: {"reason", "capability"?, "ends_at"?'),
    (names.HOLD, ({**HELD, MARKER: "x"},), "payload: Must be one object"),
    (names.HOLD, ({**HELD, LONG: LONG},), "payload: Must be one object"),
    (names.HOLD, ({**HELD, "kind": "hold"},), "payload: Must be one object"),
    (names.HOLD, ({**HELD, "audience": "user"},), "payload: Must be one object"),
    (names.RECHECK, ({**DOUBTED, "capability": TRANSFERS},), 'payload: Must be one object: {"reason", "target"?'),
    (names.RELEASE, ({"order": new_id("ord_"), "reason": MARKER},), 'payload: Must be one object: {"order"}.'),
    # What is needed is missing.
    (names.HOLD, ({},), "reason: Is required"),
    (names.HOLD, ({"reason": None},), "reason: Is required"),
    (names.EXTEND_DEADLINE, (DOUBTED,), "ends_at: Is required"),
    (names.OVERRIDE_CAPABILITY, (MOVED,), "capability: Is required"),
    (names.RELEASE, ({"order": None},), "order: Is required"),
    # Wrong types.
    *[
        (name, ({**right, field: value},), f"{field}: Must be a string")
        for name, right, fields in (
            (names.HOLD, HELD, ("reason", "capability", "ends_at", "ticket")),
            (names.RECHECK, DOUBTED, ("target", "person")),
            (names.RELEASE, {}, ("order",)),
        )
        for field in fields
        for value in (7, 1.5, True, False, [MARKER], {MARKER: MARKER})
    ],
    # Codes that are none.
    (names.HOLD, ({"reason": "verified_elsewhere"},), "reason: Must be one of address_verification"),
    (names.HOLD, ({"reason": MARKER},), "reason: Must be one of address_verification"),
    (names.HOLD, ({"reason": "zelmira_quastenberger"},), "reason: Must be one of address_verification"),
    (names.HOLD, ({"reason": LONG},), "reason: Must be one of address_verification"),
    *[
        (name, ({**right, "capability": value},), A_CAPABILITY)
        for name, right in ((names.HOLD, HELD), (names.EXTEND_DEADLINE, MOVED), (names.OVERRIDE_CAPABILITY, LIFTED))
        for value in (MARKER, "zelmira.quastenberger", "stripe_balance.payouts", TRANSFERS.upper(), f"{PAYOUTS}\n", "")
    ],
    *[
        (names.RECHECK, ({**DOUBTED, "target": value},), "target: Must be a kind of check of the policy")
        for value in (MARKER, "zelmira.quastenberger", MCC, LONG, "")
    ],
    *[
        (names.EXTEND_DEADLINE, ({**MOVED, "target": value},), "target: Must be rule/need of the policy")
        for value in (MARKER, "zelmira/quastenberger", "us.mcc", "us.mcc/quastenberger", "screening", LONG)
    ],
    # Ids that this engine never made.
    *[
        (names.RECHECK, ({**DOUBTED, "person": value},), A_PERSON)
        for value in (MARKER, "person_0", "person_zelmiraquastenberger", new_id("acct_"), f"{new_id('person_')}0", LONG)
    ],
    *[
        (names.RELEASE, ({"order": value},), "order: Must be the id of an order")
        for value in (MARKER, "ord_0", "ord_zelmiraquastenberger", new_id("person_"), new_id("ord_").upper(), LONG)
    ],
    # Tickets that could say who somebody is.
    *[
        (names.HOLD, ({**HELD, "ticket": value},), A_TICKET)
        for value in (
            MARKER, "Quastenberger-19800412", "QUASTENBERGER-7", "MUELLER-19800412", "quasten-7", "222222222",
            "+491711234567", "0171-1234567", "19800412", "-7", "OPS-", "OPS7", "OPS-7 Zelmira", "OPS-7\n",
            "OPS-\u0667", LONG, "",
        )
    ],
    # Times that there are not, and such as nobody could store.
    *[
        (names.HOLD, ({**HELD, "ends_at": value},), A_TIME)
        for value in (
            MARKER, "tomorrow", "2027-02-31T00:00:00Z", "2027-01-31", "2027-01-31T00:00:00", "2027-01-31T24:00:01Z",
            "2027-01-31T00:00:00+99:00", "10000-01-01T00:00:00Z", "\u0662027-01-31T00:00:00Z", LONG,
        )
    ],
    *[
        (name, ({**right, "ends_at": value},), NO_CENTURY)
        for name, right in ((names.HOLD, HELD), (names.EXTEND_DEADLINE, MOVED), (names.OVERRIDE_CAPABILITY, LIFTED))
        for value in (
            "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999Z", "2200-01-01T00:00:00Z",
            "2199-12-31T23:00:00-01:00", "0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00+00:01",
        )
    ],
]  # fmt: skip


async def test_a_wrong_payload_is_refused_and_nothing_of_it_is_kept(
    temporal_settings: Settings, client: Client
) -> None:
    async with bench(temporal_settings, client) as made:
        account_id, handle = await collecting(made)
        before = len((await made.history(handle.id)).events)

        for name, payloads, says in WRONG:
            message, kind = await refused(handle, name, *payloads)
            assert message.startswith(says), (name, payloads)
            assert kind == ("parameter_missing" if says.endswith("Is required") else "parameter_invalid")
            assert "quastenberger" not in message.lower()

        assert await orders(made, account_id) == []
        history = await made.history(handle.id)
        assert failures(history) == []
        assert len(history.events) == before, event_names(history)
        assert await made.status(handle.id) is WorkflowExecutionStatus.RUNNING
        assert (await update(handle, names.HOLD, HELD))["status"] == "in_force"


async def test_a_time_of_another_zone_is_stored_as_the_instant_that_it_is(
    temporal_settings: Settings, client: Client
) -> None:
    async with bench(temporal_settings, client) as made:
        account_id, handle = await collecting(made)
        named = {
            "2199-12-31T23:59:59.999999Z": datetime(2199, 12, 31, 23, 59, 59, 999000, UTC),
            "2190-02-01T00:00:00+14:00": datetime(2190, 1, 31, 10, tzinfo=UTC),
            "2190-01-31T23:30-14:00": datetime(2190, 2, 1, 13, 30, tzinfo=UTC),
        }

        for text in named:
            await update(handle, names.HOLD, {**HELD, "capability": PAYOUTS, "ends_at": text})

        assert [row["ends_at"] for row in await orders(made, account_id)] == list(named.values())
        [platform] = await made.fetch("SELECT platform_id FROM accounts WHERE id = $1", account_id)
        caller = Caller(platform["platform_id"], livemode=False, actor="key_test")
        told = (await made.engine.orders.list(caller, account_id)).data
        assert [order["ends_at"] for order in told] == [
            "2190-02-01T13:30:00.000Z",
            "2190-01-31T10:00:00.000Z",
            "2199-12-31T23:59:59.999Z",
        ]


async def test_a_recheck_asks_again_what_was_answered(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client) as made:
        caller, account_id, handle = await lacking_a_bank_account(made)

        async def answers() -> list[tuple[datetime, str]]:
            rows = await made.fetch(
                "SELECT recorded_at, subject FROM evidence WHERE account_id = $1 AND kind = $2 ORDER BY 1",
                account_id,
                "keyed_identity",
            )
            return [tuple(row) for row in rows]

        [(first, person)] = await answers()
        asked = {"reason": "data_doubted", "target": "keyed_identity", "person": person, "ticket": "OPS-1234567"}

        placed = await update(handle, names.RECHECK, asked)

        async def is_answered() -> bool:
            order = await made.engine.orders.get(caller, account_id, placed["order"])
            return bool(order["status"] == "ended") and len(await answers()) == 2

        await eventually(is_answered)
        operator = await made.engine.orders.operator(account_id, "ann")
        order = await made.engine.orders.get(operator, account_id, placed["order"])
        parts = ("kind", "reason", "target", "person", "ticket", "placed_by")
        assert [order[part] for part in parts] == ["recheck", *asked.values(), UNVERIFIED]
        (_, (second, again)) = await answers()
        assert (again, first < datetime.fromisoformat(order["created"]) <= second) == (person, True)
        assert failures(await made.history(handle.id)) == []


async def test_a_deadline_that_runs_is_moved(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client) as made:
        caller, account_id, handle = await lacking_a_bank_account(made)
        await made.engine.accounts.update(caller, account_id, {"identity": {"individual": {"phone": None}}}, None)

        async def deadlines() -> list[datetime]:
            [row] = await made.fetch("SELECT evaluation FROM accounts WHERE id = $1", account_id)
            told = row["evaluation"]["entry_deadlines"].values()
            return [datetime.fromisoformat(given[TRANSFERS]) for given in told if TRANSFERS in given]

        [given] = await deadlines()
        later = given + timedelta(days=10)
        asked = {
            "reason": "user_unable",
            "target": "us.individual.person/phone",
            "capability": TRANSFERS,
            "ends_at": later.astimezone(timezone(timedelta(hours=14))).isoformat(),
        }

        placed = await update(handle, names.EXTEND_DEADLINE, asked)

        assert placed["status"] == "in_force"
        [row] = await orders(made, account_id)
        assert [row[part] for part in ("id", "kind", "reason", "target", "capability", "ends_at")] == [
            placed["order"], "extend_deadline", "user_unable", "us.individual.person/phone", TRANSFERS, later,
        ]  # fmt: skip
        assert await deadlines() == [later]
        await update(handle, names.RELEASE, {"order": placed["order"]})
        assert await deadlines() == [given]
        assert failures(await made.history(handle.id)) == []


async def test_an_update_that_is_sent_twice_under_one_id_is_one_order(
    temporal_settings: Settings, client: Client
) -> None:
    async with bench(temporal_settings, client) as made:
        account_id, handle = await collecting(made)
        right = {**HELD, "capability": PAYOUTS}  # so that the run goes on

        async def hold(update_id: str, payload: Any) -> Any:
            return await handle.execute_update(names.HOLD, payload, id=update_id)

        sent = [await hold("again", right) for _ in range(2)]
        sent += await asyncio.gather(*(hold("at once", right) for _ in range(3)))

        assert [row["id"] for row in await orders(made, account_id)] == [sent[0]["order"], sent[2]["order"]]
        assert (sent[1], sent[3:]) == (sent[0], [sent[2]] * 2)
        # One that was refused is no order, and its id is free.
        with pytest.raises(WorkflowUpdateFailedError):
            await hold("mended", {"reason": MARKER})
        mended = await hold("mended", right)
        assert [row["id"] for row in await orders(made, account_id)][2:] == [mended["order"]]


async def test_what_other_rules_let_in_is_replayed() -> None:
    """An open run may hold an update that is refused today: whoever replays it does what was done."""
    history = recorded()["account_ordered"]
    asked = {**HELD, "capability": "merchant.of_their_own", "ends_at": "9999-12-31T23:59:59-14:00", "ticket": "Case7"}
    [event] = [
        one
        for one in history.events
        if one.workflow_execution_update_accepted_event_attributes.accepted_request.input.name == names.HOLD
    ]
    accepted = event.workflow_execution_update_accepted_event_attributes.accepted_request
    accepted.input.args.payloads[0].data = json.dumps(asked).encode()

    await replay(history)


async def test_what_the_door_refuses_fails_the_update_and_not_the_run(
    temporal_settings: Settings, client: Client
) -> None:
    async with bench(temporal_settings, client) as made:
        account_id, handle = await collecting(made)
        card = "merchant.card_payments"

        for name, payload, says in (
            (names.OVERRIDE_CAPABILITY, {"capability": card, "ends_at": SOON}, "parameter_invalid: capability"),
            (names.OVERRIDE_CAPABILITY, {"capability": TRANSFERS, "ends_at": "2099-01-01T00:00Z"}, "parameter_invalid"),
            (names.EXTEND_DEADLINE, {"ends_at": SOON}, "parameter_invalid: target"),
            (names.RECHECK, {"target": "screening"}, "parameter_invalid: target"),
            (names.RECHECK, {"person": new_id("person_")}, "parameter_invalid: person"),
            (names.HOLD, {"reason": "legal_hold", "ends_at": "2026-01-01T00:00Z"}, "parameter_invalid: ends_at"),
        ):
            message, kind = await refused(handle, name, {**DOUBTED, **payload})
            assert (message.partition(": ")[0], kind) == ("parameter_invalid", "parameter_invalid")
            assert message.startswith(says)
        assert await refused(handle, names.RELEASE, {"order": new_id("ord_")}) == ("not_found", "not_found")

        assert await orders(made, account_id) == []
        assert await made.status(names.account_workflow_id(account_id)) is WorkflowExecutionStatus.RUNNING
        assert failures(await made.history(names.account_workflow_id(account_id))) == []


async def test_no_order_reaches_a_run_that_has_ended(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        await made.ended(account_id)
        handle = client.get_workflow_handle(names.account_workflow_id(account_id))

        with pytest.raises(RPCError) as gone:
            await update(handle, names.HOLD, {"reason": "credit_review"})

        assert gone.value.status is RPCStatusCode.NOT_FOUND
        assert await orders(made, account_id) == []
        status = await handle.query(names.STATUS)  # which Temporal answers of ended runs too
        assert (status["stage"], status["waiting_for"], status["done"]) == ("active", "nobody", True)


async def test_an_order_carried_out_twice_is_one_order(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client, working=False) as made:
        account_id = await made.account(await made.platform())
        asked = OrderAsked(account_id, "account/1/run/update", "hold", "credit_review", ticket="CASE-7")

        first, second = [await OrderActivities(made.engine.orders).place_order(asked) for _ in range(2)]

        assert first == second
        assert [row["id"] for row in await orders(made, account_id)] == [first.order_id]


async def test_the_query_says_what_the_account_waits_for(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client) as made:
        account_id, handle = await collecting(made)
        [row] = await made.fetch("SELECT waiting_since, remind_at FROM accounts WHERE id = $1", account_id)

        status = await handle.query(names.STATUS)

        assert (status["stage"], status["waiting_for"], status["stuck"]) == ("collecting", "user", False)
        assert datetime.fromisoformat(status["since"]) == row["waiting_since"]
        looked, next_look = (datetime.fromisoformat(status[name]) for name in ("planned_at", "next_look"))
        assert next_look - looked == timedelta(days=1)  # the daily look comes before the first reminder
        assert row["remind_at"] - row["waiting_since"] == timedelta(days=3)
        assert (status["open_checks"], status["last_plan"], status["done"]) == ([], [], False)


async def test_an_update_of_an_account_that_the_engine_cannot_decide_says_so(
    temporal_settings: Settings, client: Client
) -> None:
    class Undecided:
        """Orders that the engine can't decide about."""

        def __init__(self, engine: Engine) -> None:
            self._orders = engine.orders

        async def unverified(self, account_id: str) -> Any:
            return await self._orders.unverified(account_id)

        async def place(self, *_: Any, **__: Any) -> Any:
            raise EngineFault("engine_KeyError")

    async with bench(temporal_settings, client, orders=Undecided) as made:
        account_id, handle = await collecting(made)
        assert await refused(handle, names.HOLD, {"reason": "credit_review"}) == ("engine_fault", "engine_fault")
        assert await made.status(names.account_workflow_id(account_id)) is WorkflowExecutionStatus.RUNNING

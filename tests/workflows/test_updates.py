"""Orders from Temporal's own UI: updates and the query of AccountWorkflow, on the real engine and a real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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
from onboarding.settings import Settings
from tests.support.temporal import Bench, bench, event_names, eventually
from tests.workflows.recording import record
from workflows import names
from workflows.order_payloads import PAYLOAD_REFUSED

TRANSFERS, PAYOUTS = "recipient.stripe_balance.stripe_transfers", "recipient.stripe_balance.payouts"
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


WRONG: list[tuple[str, tuple[Any, ...], str]] = [
    (names.HOLD, ({"reason": "credit_review", "note": MARKER},), "payload: has only reason"),
    (names.HOLD, ({"reason": "credit_review", MARKER: "x"},), "payload: has only reason"),
    (names.HOLD, ({"reason": 7},), "reason: must be a code"),
    (names.HOLD, ({"reason": ["credit_review"]},), "reason: must be a code"),
    (names.HOLD, ({"reason": "verified_elsewhere"},), "reason: must be one of address_verification"),
    (names.HOLD, ({"reason": MARKER},), "reason: must be a code"),
    (names.HOLD, ({"reason": "credit_review", "ticket": MARKER},), "ticket: must be a ticket number"),
    (names.HOLD, ({"reason": "credit_review", "ends_at": "tomorrow"},), "ends_at: must be a time"),
    (names.HOLD, ({"reason": "credit_review", "ends_at": "2027-02-31T00:00:00Z"},), "ends_at: is no time"),
    (names.HOLD, ({},), "reason: is required"),
    (names.RECHECK, ({"reason": "other", "person": MARKER},), "person: must be person_"),
    (names.RECHECK, ({"reason": "other", "capability": TRANSFERS},), "payload: has only reason, target"),
    (names.EXTEND_DEADLINE, ({"reason": "other"},), "ends_at: is required"),
    (names.OVERRIDE_CAPABILITY, ({"reason": "other", "ends_at": SOON},), "capability: is required"),
    (names.RELEASE, ({"order": MARKER},), "order: must be ord_"),
    (names.RELEASE, ({"order": None},), "order: is required"),
    (names.HOLD, (MARKER,), ""),
    (names.HOLD, ([1],), ""),
    (names.HOLD, (), ""),
]


async def test_a_wrong_payload_is_refused_and_nothing_of_it_is_kept(
    temporal_settings: Settings, client: Client
) -> None:
    async with bench(temporal_settings, client) as made:
        account_id, handle = await collecting(made)

        for name, payloads, says in WRONG:
            message, kind = await refused(handle, name, *payloads)
            assert message.startswith(says), (name, payloads)
            assert not says or (kind, MARKER in message) == (PAYLOAD_REFUSED, False)

        assert await orders(made, account_id) == []
        history = await made.history(names.account_workflow_id(account_id))
        assert failures(history) == []
        assert not [name for name in event_names(history) if "UPDATE_ACCEPTED" in name]
        assert MARKER not in history.to_json()
        assert await made.status(names.account_workflow_id(account_id)) is WorkflowExecutionStatus.RUNNING
        assert (await update(handle, names.HOLD, {"reason": "credit_review"}))["status"] == "in_force"


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
            (names.RECHECK, {"target": "no_such_check"}, "parameter_invalid: target"),
            (names.RECHECK, {"person": "person_0"}, "parameter_invalid: person"),
        ):
            message, kind = await refused(handle, name, {"reason": "other", **payload})
            assert (message.partition(": ")[0], kind) == ("parameter_invalid", "parameter_invalid")
            assert message.startswith(says)
        assert await refused(handle, names.RELEASE, {"order": "ord_0"}) == ("not_found", "not_found")

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

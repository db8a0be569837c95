"""ActivationWorkflow, from the account that nothing blocks to what a process of its own was told, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from onboarding.activators.port import Activator, Answer, Downstream
from onboarding.domain.activations import Instruction
from onboarding.domain.state import OrderKind
from onboarding.settings import Settings
from tests.support.http_vendor import Crashed
from tests.support.receiver import QUICK, Receiver
from tests.support.temporal import Bench, bench, event_names, eventually
from tests.workflows.recording import record
from workflows import names
from workflows.messages import ActivationInput

TRANSFERS = "recipient.stripe_balance.stripe_transfers"
STEPS = ("limits", "enable")

MOST_EVENTS = 11
"""Of a run whose calls are all answered: its start 5, the activity 3, and the workflow task that ends it 3."""

PATIENT = replace(QUICK, first=timedelta(minutes=5), longest=timedelta(minutes=5))
"""So long between two calls that only a nudge can have made the second one."""


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with Receiver(tmp_path_factory.mktemp("receiver") / "state") as receiver:
        yield receiver


@pytest.fixture
def receiver(process: Receiver) -> Receiver:
    assert process.http.delete("/_control/faults").status_code == 200
    return process


async def has_stage(made: Bench, account_id: str, stage: str) -> None:
    async def is_so() -> bool:
        [row] = await made.fetch("SELECT stage FROM accounts WHERE id = $1", account_id)
        return bool(row["stage"] == stage)

    await eventually(is_so)


async def row_of(made: Bench, account_id: str) -> Any:
    rows = await made.fetch(
        "SELECT * FROM activations WHERE account_id = $1 AND capability = $2", account_id, TRANSFERS
    )
    return rows[0] if rows else None


async def run_has_ended(made: Bench, account_id: str) -> str:
    run = names.activation_workflow_id(account_id, TRANSFERS)

    async def is_so() -> bool:
        return await made.status(run) is WorkflowExecutionStatus.COMPLETED

    await eventually(is_so)
    return run


@pytest.mark.parametrize("cached", [1000, 0])
async def test_account_becomes_active_when_the_receiver_was_told(
    temporal_settings: Settings, client: Client, receiver: Receiver, cached: int
) -> None:
    downstream = receiver.downstream(*STEPS)
    async with bench(
        temporal_settings, client, downstream=downstream, rhythm=QUICK, max_cached_workflows=cached
    ) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        await made.ended(account_id, within=60)  # without a cache every task replays its run
        [row] = await made.fetch("SELECT stage, look_at > now() + '1000 days' FROM accounts WHERE id = $1", account_id)
        assert tuple(row) == ("active", True)  # nothing but its first review
        assert receiver.switches(account_id)[TRANSFERS]["parts"] == list(STEPS)
        history = await made.history(await run_has_ended(made, account_id))
        await record("activation_told", history)
        assert len(history.events) <= MOST_EVENTS, event_names(history)
        await record("account_with_activations", await made.history(names.account_workflow_id(account_id)))


async def test_off_while_on_waits_for_its_next_call_is_told_at_once_and_so_is_on_again(
    temporal_settings: Settings, client: Client, receiver: Receiver
) -> None:
    async with bench(temporal_settings, client, downstream=receiver.downstream(*STEPS), rhythm=PATIENT) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        receiver.script({"do": "error", "part": "enable", "feature": TRANSFERS, "merchant": account_id})
        await made.supply(caller, account_id)

        async def waits() -> bool:
            row = await row_of(made, account_id)
            return row is not None and row["error_code"] == "vendor_error"

        await eventually(waits)
        orders = made.engine.orders
        operator = await orders.operator(account_id, "ann")
        kind, reason = OrderKind.HOLD, "credit_review"
        held = await orders.place(operator, account_id, None, kind=kind, reason=reason, capability=TRANSFERS)
        run = await run_has_ended(made, account_id)
        row = await row_of(made, account_id)
        assert (row["state"], row["desired"], row["acknowledged"]) == ("settled", False, False)
        assert receiver.switches(account_id)[TRANSFERS]["parts"] == []
        history = await made.history(run)
        assert event_names(history).count("WORKFLOW_EXECUTION_SIGNALED") == 1
        await record("activation_outranked", history)
        await orders.undo(operator, account_id, held["id"], None)
        await has_stage(made, account_id, "active")
        assert receiver.switches(account_id)[TRANSFERS]["parts"] == list(STEPS)


class Dying:
    """An activator whose process dies after the first call, before anybody has heard the answer."""

    def __init__(self, inner: Activator) -> None:
        self._inner = inner
        self.died = 0

    async def tell(self, account_id: str, instruction: Instruction, *, livemode: bool) -> Answer:
        answer = await self._inner.tell(account_id, instruction, livemode=livemode)
        if not self.died and instruction.capability == TRANSFERS:
            self.died += 1
            raise Crashed
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_worker_that_dies_after_the_call_has_it_done_once(
    temporal_settings: Settings, client: Client, receiver: Receiver
) -> None:
    given = receiver.downstream(*STEPS)
    assert given.activator is not None
    dying = Dying(given.activator)
    downstream = Downstream(dying, STEPS, serve_sandbox=True)
    async with bench(temporal_settings, client, downstream=downstream, rhythm=QUICK) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        await made.supply(caller, account_id)
        await made.ended(account_id)
        assert dying.died == 1
        switch = receiver.switches(account_id)[TRANSFERS]
        assert (switch["parts"], switch["version"]) == (list(STEPS), 1)
        done = [one for one in receiver.http.get("/_control/done").json() if one["merchant"] == account_id]
        assert [one["part"] for one in done if one["feature"] == TRANSFERS] == list(STEPS)


async def test_operators_find_what_was_refused_until_it_is_carried_out(
    temporal_settings: Settings, client: Client, receiver: Receiver
) -> None:
    rhythm = replace(QUICK, refused=timedelta(hours=1), refused_longest=timedelta(hours=1))
    async with bench(temporal_settings, client, downstream=receiver.downstream(*STEPS), rhythm=rhythm) as made:
        caller = await made.platform()
        account_id = await made.account(caller)
        receiver.script({"do": "refuse", "code": "over_limit", "part": "enable", "merchant": account_id})
        await made.supply(caller, account_id)
        account = client.get_workflow_handle(names.account_workflow_id(account_id))

        async def shown() -> dict[str, object]:
            attributes = (await account.describe()).typed_search_attributes
            return {pair.key.name: pair.value for pair in attributes if pair.key.name.startswith("Onb")}

        async def is_shown() -> bool:
            return (await shown()).get("OnbStuck") is True

        await eventually(is_shown)
        assert ((await shown())["OnbStage"], (await shown())["OnbWaitingFor"]) == ("verifying", "activation")
        [refused] = await made.fetch(
            "SELECT capability, error_code FROM activations WHERE account_id = $1 AND refusals > 0", account_id
        )
        assert refused["error_code"] == "over_limit"
        await made.engine.activations.tell_again(account_id, refused["capability"])
        await made.ended(account_id)
        await has_stage(made, account_id, "active")
        run = names.activation_workflow_id(account_id, refused["capability"])
        await record("activation_refused", await made.history(run))


async def test_run_about_nothing_ends_at_once(temporal_settings: Settings, client: Client, receiver: Receiver) -> None:
    async with bench(temporal_settings, client, downstream=receiver.downstream(), rhythm=QUICK) as made:
        stands = await client.execute_workflow(
            names.ACTIVATION_WORKFLOW,
            ActivationInput("acct_none", TRANSFERS),
            id=names.activation_workflow_id("acct_none", TRANSFERS),
            task_queue=made.task_queue,
            result_type=str,
        )
        assert stands == "settled"

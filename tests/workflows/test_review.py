"""ReviewWorkflow, from the account whose check goes to a person to the decision, on a real server."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.common import SearchAttributeKey, TypedSearchAttributes
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.messages import ReviewDecision
from activities.reviews import ReviewActivities
from onboarding.catalogue.loader import builtin_bytes, compile_policy, policy_bytes
from onboarding.domain.errors import Refusal
from onboarding.domain.policy import Policy
from onboarding.door.callers import UNVERIFIED, Caller
from onboarding.engine import Engine, open_engine
from onboarding.reviews import Decision
from onboarding.settings import Settings
from tests.support.samples import BANK_ACCOUNT, RECIPIENT, RECIPIENT_DETAILS, patched
from tests.support.temporal import Bench, bench, event_names, eventually, failed_tasks
from tests.workflows.recording import record
from workflows import names

HIT = {"day": 1, "month": 1, "year": 1900}
MARKER = "Zelmira Quastenberger"

MOST_EVENTS = 25
"""20, and five for a nudge that comes while the run looks."""

REVIEWER = "reviewer-7Q"


async def hit(engine: Engine, caller: Caller) -> tuple[str, str]:
    """An individual, complete but for a screening that found something: account and review."""
    view = await engine.accounts.create(caller, patched(RECIPIENT, identity__country="US"), None)
    account_id = str(view.account["id"])
    details = patched(RECIPIENT_DETAILS, identity__individual__date_of_birth=HIT)
    await engine.accounts.update(caller, account_id, details, None)
    await engine.accounts.create_bank_account(caller, account_id, {"external_account": BANK_ACCOUNT}, None)
    [review] = (await engine.reader.reviews(caller, account_id=account_id)).data
    return account_id, str(review["id"])


async def shown(handle: Any, key: SearchAttributeKey[str]) -> str | None:
    """A search attribute of a run."""
    attributes: TypedSearchAttributes = (await handle.describe()).typed_search_attributes
    return attributes.get(key)


async def runs(made: Bench, review_id: str) -> Any:
    """Wait until the review's run has looked; its handle."""
    handle = made.client.get_workflow_handle(names.review_workflow_id(review_id))

    async def is_shown() -> bool:
        if await made.status(handle.id) is not WorkflowExecutionStatus.RUNNING:
            return False
        return await shown(handle, names.REVIEW_QUEUE) is not None

    await eventually(is_shown)
    return handle


async def ends(made: Bench, review_id: str) -> str:
    """Wait until the review's run has ended; its result."""
    run = names.review_workflow_id(review_id)

    async def has_ended() -> bool:
        return await made.status(run) is WorkflowExecutionStatus.COMPLETED

    await eventually(has_ended)
    return str(await made.client.get_workflow_handle(run).result())


async def refused(handle: Any, *decision: Any) -> str:
    """The type of the error with which an update is refused."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update(names.DECIDE, args=list(decision))
    assert isinstance(caught.value.cause, ApplicationError)
    return str(caught.value.cause.type)


@pytest.mark.parametrize("cached", [1000, 0])
async def test_a_decision_through_the_api_ends_the_run(
    temporal_settings: Settings, client: Client, cached: int
) -> None:
    async with bench(temporal_settings, client, max_cached_workflows=cached) as made:
        caller = await made.platform()
        account_id, review_id = await hit(made.engine, caller)
        handle = await runs(made, review_id)
        attributes = (await handle.describe()).typed_search_attributes
        assert {key: attributes.get(key) for key in (names.REVIEW_QUEUE, names.STAGE, names.PLATFORM)} == {
            names.REVIEW_QUEUE: "screening",
            names.STAGE: "open",
            names.PLATFORM: caller.platform_id,
        }
        [row] = await made.fetch("SELECT * FROM reviews WHERE id = $1", review_id)
        due = attributes.get(names.NEXT_DUE)
        assert due is not None
        assert abs((due - row["sla_at"]).total_seconds()) < 0.001
        metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        assert metadata.current_details.startswith("**open** in queue `screening`: waits for **a reviewer**")
        assert account_id in metadata.current_details

        await made.engine.reviews.claim(caller, review_id, None, reviewer=REVIEWER)

        async def is_claimed() -> bool:
            return await shown(handle, names.STAGE) == "claimed"

        await eventually(is_claimed)
        await made.engine.reviews.add_note(caller, review_id, MARKER, None)
        await made.engine.reviews.decide(caller, review_id, Decision.PASSED, (), None, reviewer=REVIEWER)

        assert await ends(made, review_id) == "decided"
        history = await made.history(handle.id)
        assert len(history.events) <= MOST_EVENTS, event_names(history)
        await record("review_decided", history)
        assert REVIEWER not in str(history.events)
        assert MARKER not in str(history.events)
        await made.ended(account_id)
        [account] = await made.fetch("SELECT stage FROM accounts WHERE id = $1", account_id)
        assert account["stage"] == "active"


async def test_somebody_at_the_temporal_ui_decides(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client) as made:
        caller = await made.platform()
        account_id, review_id = await hit(made.engine, caller)
        handle = await runs(made, review_id)
        wrong: list[list[Any]] = [
            [],
            [{"decision": "passed"}, {"note": MARKER}],
            ["passed"],
            [None],
            [[MARKER]],
            [{}],
            [{"decision": MARKER}],
            [{"decision": ["passed"]}],
            [{"decision": "passed", "note": MARKER}],
            [{"decision": "failed", "reasons": MARKER}],
            [{"decision": "failed", "reasons": [MARKER]}],
            [{"decision": "failed", "reasons": [7]}],
        ]
        before = len((await made.history(handle.id)).events)
        for decision in wrong:
            # More than one argument is refused before anything of ours is asked.
            code = "TypeError" if len(decision) > 1 else "parameter_invalid"
            assert await refused(handle, *decision) == code, decision
        assert len((await made.history(handle.id)).events) == before  # nothing is kept of them
        # Of a screening nothing may be told: the engine refuses what the words alone do not show.
        reasons = ["verification_failed_other"]
        assert await refused(handle, {"decision": "passed", "reasons": reasons}) == "parameter_invalid"
        assert await refused(handle, {"decision": "failed", "reasons": reasons}) == "parameter_invalid"
        assert await made.status(handle.id) is WorkflowExecutionStatus.RUNNING

        assert await handle.execute_update(names.DECIDE, {"decision": "passed"}) == "passed"

        assert await ends(made, review_id) == "decided"
        history = await made.history(handle.id)
        assert MARKER not in str(history.events)
        assert "WORKFLOW_TASK_FAILED" not in event_names(history)
        await record("review_decided_here", history)
        [row] = await made.fetch(
            "SELECT * FROM audit_log WHERE account_id = $1 AND action = 'review.decided'", account_id
        )
        assert row["actor"] == UNVERIFIED
        decided = await made.engine.reader.review(caller, review_id)
        assert (decided["decided_by"], decided["reviewer"]) == (UNVERIFIED, None)
        with pytest.raises(RPCError) as gone:
            await handle.execute_update(names.DECIDE, {"decision": "passed"})
        assert gone.value.status is RPCStatusCode.NOT_FOUND


async def test_a_decision_that_is_carried_out_twice_is_made_once(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client, working=False) as made:
        account_id, review_id = await hit(made.engine, await made.platform())
        decide = ReviewActivities(made.engine.reviews).decide_review
        asked = ReviewDecision(account_id, review_id, "passed", key="review/1/run/update")
        assert [await decide(asked), await decide(asked)] == ["passed", "passed"]
        with pytest.raises(Refusal) as other:
            await decide(replace(asked, key="review/1/run/another"))
        assert other.value.code == "review_decided"


async def test_a_claim_and_a_decision_made_elsewhere_are_kept(temporal_settings: Settings, client: Client) -> None:
    async with bench(temporal_settings, client) as made:
        caller = await made.platform()
        _, review_id = await hit(made.engine, caller)
        handle = await runs(made, review_id)
        await made.engine.reviews.claim(caller, review_id, None)
        assert await refused(handle, {"decision": "passed"}) == "review_claimed"
        await made.nudger.close()  # the run is not told of the decision
        await made.engine.reviews.decide(caller, review_id, Decision.FAILED, (), None)

        assert await refused(handle, {"decision": "passed"}) == "review_decided"

        decided = await made.engine.reader.review(caller, review_id)
        assert (decided["decision"], decided["decided_by"]) == ("failed", "key_test")
        assert failed_tasks(await made.history(handle.id)) == set()


async def test_a_review_becomes_late_on_time_and_one_without_run_is_found(
    temporal_settings: Settings, client: Client
) -> None:
    async with bench(temporal_settings, client) as made:
        caller = await made.platform()
        account_id, review_id = await hit(made.engine, caller)
        handle = await runs(made, review_id)
        # Both the account's next look and the review's are hours away: the review's own timer is shown to ring.
        await made.fetch(
            "UPDATE reviews SET sla_at = clock_timestamp() + interval '1.5 seconds' WHERE id = $1", review_id
        )
        await handle.signal(names.REVIEW_CHANGED)

        async def is_late() -> bool:
            [row] = await made.fetch("SELECT priority, escalated_at FROM reviews WHERE id = $1", review_id)
            return row["escalated_at"] is not None and row["priority"] == 0

        await eventually(is_late)
        [event] = await made.fetch("SELECT * FROM events WHERE account_id = $1 AND type LIKE '%escalated'", account_id)
        assert (event["related_id"], event["data"]["queue"]) == (review_id, "screening")

        async def is_told() -> bool:
            metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
            return "**late** since" in metadata.current_details

        await eventually(is_told)
        await record("review_late", await made.history(handle.id))
        await handle.terminate("its storage is lost")
        await made.fetch("UPDATE reviews SET look_at = clock_timestamp() WHERE id = $1", review_id)
        await made.sweep()
        await runs(made, review_id)
        await made.engine.reviews.decide(caller, review_id, Decision.PASSED, (), None)
        assert await ends(made, review_id) == "decided"


def careful() -> tuple[Policy, bytes]:
    """A policy where two persons decide about screenings."""
    document = json.loads(builtin_bytes())["document"]
    document["reviews"]["screening"] = {"sla_hours": 8, "four_eyes": True}
    packed = policy_bytes("careful", 1, document)
    return compile_policy(packed), packed


async def test_two_persons_are_never_somebody_at_the_temporal_ui(temporal_settings: Settings, client: Client) -> None:
    policy, packed = careful()
    other = await open_engine(temporal_settings, policy=policy, policy_bytes=packed)
    try:
        async with bench(temporal_settings, client) as made:
            caller = await made.platform()
            account_id, review_id = await hit(other, caller)
            await made.nudger.nudge_all([account_id])
            handle = await runs(made, review_id)
            assert await refused(handle, {"decision": "passed"}) == "review_four_eyes"
            await made.engine.reviews.decide(caller, review_id, Decision.PASSED, (), None, reviewer="ada")

            async def is_proposed() -> bool:
                return await shown(handle, names.STAGE) == "proposed"

            await eventually(is_proposed)
            assert await refused(handle, {"decision": "passed"}) == "review_four_eyes"
            await made.engine.reviews.decide(caller, review_id, Decision.PASSED, (), None, reviewer="ben")
            assert await ends(made, review_id) == "decided"
    finally:
        await other.close()

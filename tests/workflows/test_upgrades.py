"""A new worker version beside the old one: runs that live long move over, and nothing runs twice or stands still."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from functools import partial
from typing import Any

from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowHandle
from temporalio.service import RPCError

from onboarding.settings import Settings
from tests.support.http_vendor import HttpVendor, HttpVerifier
from tests.support.temporal import bench, eventually, made_worker
from tests.workflows.test_check import KINDS, all_started, asking
from tests.workflows.test_review import hit, runs
from workflows import names


async def make_current(client: Client, deployment: str, build: str) -> None:
    """What ``temporal worker deployment set-current-version`` does, once the server knows the version."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace, deployment_name=deployment, build_id=build, identity="tests"
    )

    async def is_set() -> bool:
        with suppress(RPCError):
            await client.workflow_service.set_worker_deployment_current_version(request)
            return True
        return False

    await eventually(is_set, within=60)


def build_of(described: WorkflowExecutionDescription) -> str:
    """The build of the version on which a run is."""
    versioning = described.raw_description.workflow_execution_info.versioning_info
    return versioning.deployment_version.build_id or versioning.version.rpartition(".")[2]


async def moves(run: WorkflowHandle[Any, Any], signal: str) -> bool:
    """Have a run look; whether it is on the second build then."""
    await run.signal(signal)
    await asyncio.sleep(1)
    return build_of(await run.describe()) == "two"


async def test_an_open_account_moves_to_the_current_version_and_goes_on(
    temporal_settings: Settings, client: Client
) -> None:
    deployment = f"onboarding-{uuid.uuid4().hex[:8]}"
    async with bench(temporal_settings, client, version=f"{deployment}.one") as made:
        await make_current(client, deployment, "one")
        caller = await made.platform()
        account_id = await made.account(caller)
        run = client.get_workflow_handle(names.account_workflow_id(account_id))

        async def is_on(build: str) -> bool:
            with suppress(RPCError):
                return build_of(await run.describe()) == build
            return False

        await eventually(lambda: is_on("one"), within=60)
        first = (await run.describe()).run_id
        async with made_worker(made, version=f"{deployment}.two"):
            await make_current(client, deployment, "two")

            async def has_moved() -> bool:
                # A look at the account, as there is one a day: the first may come before the server tells runs of it.
                made.engine.door._nudge(account_id)
                await asyncio.sleep(1)
                return await is_on("two")

            await eventually(has_moved, within=60)
            assert (await run.describe()).run_id != first
            await made.supply(caller, account_id)
            await made.ended(account_id, within=60)
            assert await is_on("two")
        account = (await made.engine.reader.account(caller, account_id)).account
    transfers = account["configuration"]["recipient"]["capabilities"]["stripe_balance"]["stripe_transfers"]
    assert transfers["status"] == "active"


async def test_an_open_review_moves_to_the_current_version(temporal_settings: Settings, client: Client) -> None:
    deployment = f"onboarding-{uuid.uuid4().hex[:8]}"
    async with bench(temporal_settings, client, version=f"{deployment}.one") as made:
        await make_current(client, deployment, "one")
        caller = await made.platform()
        account_id, review_id = await hit(made.engine, caller)
        run = await runs(made, review_id)
        assert build_of(await run.describe()) == "one"
        async with made_worker(made, version=f"{deployment}.two"):
            await make_current(client, deployment, "two")

            await eventually(partial(moves, run, names.REVIEW_CHANGED), within=60)
            decided = await run.execute_update(names.DECIDE, {"decision": "passed"})
            assert decided == "passed"
            await made.ended(account_id, within=60)


async def test_a_check_that_waits_moves_when_it_is_signalled(temporal_settings: Settings, client: Client) -> None:
    deployment = f"onboarding-{uuid.uuid4().hex[:8]}"
    with HttpVendor() as vendor:
        vendor.reports_after = None
        verifiers = asking(HttpVerifier(vendor, KINDS))
        async with bench(temporal_settings, client, verifiers, version=f"{deployment}.one") as made:
            await make_current(client, deployment, "one")
            caller = await made.platform()
            account_id = await made.account(caller)
            await made.supply(caller, account_id)
            check_id, *_ = await all_started(made, account_id)
            run = client.get_workflow_handle(names.check_workflow_id(check_id))
            assert build_of(await run.describe()) == "one"
            async with made_worker(made, version=f"{deployment}.two"):
                await make_current(client, deployment, "two")

                await eventually(partial(moves, run, names.CHECK_CHANGED), within=60)
                vendor.result, vendor.reports_after = "clear", 0
                await made.ended(account_id, within=60)
                assert vendor.charges == len(KINDS)


async def test_a_version_that_is_not_current_is_given_nothing(temporal_settings: Settings, client: Client) -> None:
    deployment = f"onboarding-{uuid.uuid4().hex[:8]}"
    async with bench(temporal_settings, client, version=f"{deployment}.one") as made:
        await make_current(client, deployment, "one")
        caller = await made.platform()
        async with made_worker(made, version=f"{deployment}.two"):
            account_id = await made.account(caller)
            run = client.get_workflow_handle(names.account_workflow_id(account_id))

            async def has_begun() -> bool:
                with suppress(RPCError):
                    return bool(build_of(await run.describe()))
                return False

            await eventually(has_begun, within=60)
            assert build_of(await run.describe()) == "one"

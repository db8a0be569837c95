"""``/v2/verification/policies`` and ``/v2/verification/rollouts``: rules of one's own on their way to accounts."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.responses import JSON, page_of
from api.schemas.policies import (
    PolicyDryRun,
    PolicyPublish,
    PolicyRollOut,
    RolloutChange,
    against,
    instant_of,
    waves_of,
)
from api.schemas.queries import no_query, page
from onboarding.policies.documents import diff_document
from onboarding.scopes import Resource
from onboarding.storage.rollouts import RolloutScope

POLICIES = "/v2/verification/policies"
ROLLOUTS = "/v2/verification/rollouts"

router = APIRouter(dependencies=[about(Resource.POLICIES)])


@router.post(POLICIES)
async def publish_policy(call: Authenticated) -> JSON:
    """Publish the next version of a policy of the platform's own."""
    no_query(call.query)
    parameters = await call.json(PolicyPublish)
    published = await call.engine.policy_book.publish(
        parameters["packs"],
        parameters["name"],
        call.caller.platform_id,
        # A platform adds to what ships, and takes nothing away from it.
        with_builtin=True,
        may_replace=False,
        caller=call.caller,
        key=call.key(parameters),
    )
    return JSON(await call.engine.policy_book.get(call.caller, published.id))


@router.get(POLICIES)
async def list_policies(call: Authenticated) -> JSON:
    """List what is for all and what is the platform's own, without rules."""
    wanted = page(call.query)
    found = await call.engine.policy_book.list(call.caller, wanted.limit, wanted.page)
    return page_of(call.path, found.data, limit=wanted.limit, next_page=found.next, previous_page=found.previous)


@router.get(f"{POLICIES}/{{policy_id}}")
async def retrieve_policy(call: Authenticated, policy_id: str) -> JSON:
    """Retrieve a policy with its rules."""
    no_query(call.query)
    return JSON(await call.engine.policy_book.get(call.caller, policy_id))


@router.get(f"{POLICIES}/{{policy_id}}/diff")
async def diff_policy(call: Authenticated, policy_id: str) -> JSON:
    """Tell what is otherwise in a policy than in another one."""
    old, new, found = await call.engine.policy_book.diff(call.caller, against(call.query), policy_id)
    return JSON(diff_document(old, new, found))


@router.post(f"{POLICIES}/{{policy_id}}/dry_run")
async def dry_run_policy(call: Authenticated, policy_id: str) -> JSON:
    """Tell what a policy would change for the platform's accounts; changes nothing."""
    no_query(call.query)
    parameters = await call.json(PolicyDryRun)
    at, until = instant_of(parameters, "at"), instant_of(parameters, "until")
    return JSON(await call.engine.policy_book.dry_run(call.caller, policy_id, at, until))


@router.post(f"{POLICIES}/{{policy_id}}/roll_out")
async def roll_out_policy(call: Authenticated, policy_id: str) -> JSON:
    """Roll a policy out to the platform's accounts, in waves."""
    no_query(call.query)
    parameters = await call.json(PolicyRollOut)
    made = await call.engine.rollouts.create(
        call.caller,
        policy_id,
        RolloutScope(call.caller.platform_id, call.caller.livemode, parameters.get("from_name")),
        waves_of(parameters),
        allow_restricting=parameters.get("allow_restricting", False),
        key=call.key(parameters),
    )
    return JSON(made)


@router.get(ROLLOUTS)
async def list_rollouts(call: Authenticated) -> JSON:
    """List roll-outs of the platform's accounts."""
    wanted = page(call.query)
    found = await call.engine.rollouts.list(call.caller, wanted.limit, wanted.page)
    return page_of(call.path, found.data, limit=wanted.limit, next_page=found.next, previous_page=found.previous)


@router.get(f"{ROLLOUTS}/{{rollout_id}}")
async def retrieve_rollout(call: Authenticated, rollout_id: str) -> JSON:
    """Retrieve a roll-out: where it stands, with its numbers of accounts."""
    no_query(call.query)
    return JSON(await call.engine.rollouts.get(call.caller, rollout_id))


@router.post(f"{ROLLOUTS}/{{rollout_id}}/pause")
async def pause_rollout(call: Authenticated, rollout_id: str) -> JSON:
    """Tell no further account."""
    no_query(call.query)
    key = call.key(await call.json(RolloutChange))
    return JSON(await call.engine.rollouts.pause(call.caller, rollout_id, key))


@router.post(f"{ROLLOUTS}/{{rollout_id}}/resume")
async def resume_rollout(call: Authenticated, rollout_id: str) -> JSON:
    """Go on where it was paused."""
    no_query(call.query)
    key = call.key(await call.json(RolloutChange))
    return JSON(await call.engine.rollouts.resume(call.caller, rollout_id, key))


@router.post(f"{ROLLOUTS}/{{rollout_id}}/roll_back")
async def roll_back_rollout(call: Authenticated, rollout_id: str) -> JSON:
    """Take it back, from everybody who was told or moved."""
    no_query(call.query)
    key = call.key(await call.json(RolloutChange))
    return JSON(await call.engine.rollouts.roll_back(call.caller, rollout_id, key))

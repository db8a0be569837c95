"""``/v2/verification/policies`` and ``/v2/verification/rollouts``: rules of one's own on their way to accounts."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import about
from api.dependencies import Authenticated
from api.openapi.described import described
from api.openapi.queries import AGAINST, PAGING
from api.openapi.refusals import ROLLOUT_CHANGE
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

router = APIRouter(tags=["Policies"], dependencies=[about(Resource.POLICIES)])


@router.post(POLICIES)
@described("Policy", body=PolicyPublish, refused={400: ("policy_invalid",)})
async def publish_policy(call: Authenticated) -> JSON:
    """Publish the next version of a policy of your own.

    ``packs`` add rules to those that ship, and take nothing away. Nothing changes for any account until it is rolled
    out.
    """
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
@described("PolicySummary", shape="page", query=PAGING)
async def list_policies(call: Authenticated) -> JSON:
    """List policies, those that ship and your own, without their rules."""
    wanted = page(call.query)
    found = await call.engine.policy_book.list(call.caller, wanted.limit, wanted.page)
    return page_of(call.path, found.data, limit=wanted.limit, next_page=found.next, previous_page=found.previous)


@router.get(f"{POLICIES}/{{policy_id}}")
@described("Policy")
async def retrieve_policy(call: Authenticated, policy_id: str) -> JSON:
    """Retrieve a policy with its rules."""
    no_query(call.query)
    return JSON(await call.engine.policy_book.get(call.caller, policy_id))


@router.get(f"{POLICIES}/{{policy_id}}/diff")
@described("PolicyDiff", query=(AGAINST,))
async def diff_policy(call: Authenticated, policy_id: str) -> JSON:
    """Tell what is otherwise in a policy than in another one."""
    old, new, found = await call.engine.policy_book.diff(call.caller, against(call.query), policy_id)
    return JSON(diff_document(old, new, found))


@router.post(f"{POLICIES}/{{policy_id}}/dry_run")
@described("PolicyDryRun", body=PolicyDryRun, refused={400: ("book_too_large",)}, keyed=False)
async def dry_run_policy(call: Authenticated, policy_id: str) -> JSON:
    """Tell what a policy would change for your accounts.

    Decides every account anew under it, in a transaction that only reads.
    """
    no_query(call.query)
    parameters = await call.json(PolicyDryRun)
    at, until = instant_of(parameters, "at"), instant_of(parameters, "until")
    return JSON(await call.engine.policy_book.dry_run(call.caller, policy_id, at, until))


@router.post(f"{POLICIES}/{{policy_id}}/roll_out")
@described(
    "Rollout", body=PolicyRollOut, refused={400: ("book_too_large", "rollout_restricts"), 409: ("rollout_under_way",)}
)
async def roll_out_policy(call: Authenticated, policy_id: str) -> JSON:
    """Roll a policy out to your accounts, in waves.

    Each wave is told at ``starts_at`` what will be asked (``future_requirements``), and is decided by the policy from
    ``transition_at`` on. Refused if too many accounts would lose an active capability, unless ``allow_restricting``.
    """
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
@described("Rollout", shape="page", query=PAGING)
async def list_rollouts(call: Authenticated) -> JSON:
    """List roll-outs of your accounts, newest first."""
    wanted = page(call.query)
    found = await call.engine.rollouts.list(call.caller, wanted.limit, wanted.page)
    return page_of(call.path, found.data, limit=wanted.limit, next_page=found.next, previous_page=found.previous)


@router.get(f"{ROLLOUTS}/{{rollout_id}}")
@described("Rollout")
async def retrieve_rollout(call: Authenticated, rollout_id: str) -> JSON:
    """Retrieve a roll-out: where it stands, with its numbers of accounts."""
    no_query(call.query)
    return JSON(await call.engine.rollouts.get(call.caller, rollout_id))


@router.post(f"{ROLLOUTS}/{{rollout_id}}/pause")
@described("Rollout", body=RolloutChange, refused=ROLLOUT_CHANGE)
async def pause_rollout(call: Authenticated, rollout_id: str) -> JSON:
    """Pause a roll-out.

    No further account is told. Whoever was told stays so, and a transition that comes meanwhile comes.
    """
    no_query(call.query)
    key = call.key(await call.json(RolloutChange))
    return JSON(await call.engine.rollouts.pause(call.caller, rollout_id, key))


@router.post(f"{ROLLOUTS}/{{rollout_id}}/resume")
@described("Rollout", body=RolloutChange, refused=ROLLOUT_CHANGE)
async def resume_rollout(call: Authenticated, rollout_id: str) -> JSON:
    """Go on with a paused roll-out.

    A wave that is late for that gets all of its notice: its transition is later.
    """
    no_query(call.query)
    key = call.key(await call.json(RolloutChange))
    return JSON(await call.engine.rollouts.resume(call.caller, rollout_id, key))


@router.post(f"{ROLLOUTS}/{{rollout_id}}/roll_back")
@described("Rollout", body=RolloutChange, refused=ROLLOUT_CHANGE)
async def roll_back_rollout(call: Authenticated, rollout_id: str) -> JSON:
    """Take a roll-out back.

    Whoever was told is told no more; whoever has moved gets back at once what they had before.
    """
    no_query(call.query)
    key = call.key(await call.json(RolloutChange))
    return JSON(await call.engine.rollouts.roll_back(call.caller, rollout_id, key))

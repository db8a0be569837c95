"""Telling the downstream system about one capability of one account."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.activations import ActivationActivities
    from activities.messages import ActivationLook
    from onboarding import runs
    from workflows import names, options
    from workflows.advancing import Advance
    from workflows.messages import ActivationInput


@workflow.defn(name=names.ACTIVATION_WORKFLOW)
class ActivationWorkflow:
    """Has the downstream system told until it has confirmed what is desired.

    One activity, tried again and again; what its next step is the row says, and each step goes by what is desired then.
    So there is nothing in the run that could go stale: when off is desired while on is being told, the signal has the
    next step made at once, under a higher version. A refusal ends nothing either: it is told again, at growing
    distances, until it is carried out or not desired any more.
    """

    @workflow.init
    def __init__(self, activation: ActivationInput) -> None:
        look = ActivationLook(activation.account_id, activation.capability)
        self._advance = Advance(
            lambda: workflow.start_activity_method(ActivationActivities.advance_activation, look, **options.TELL),
            lambda: workflow.execute_local_activity_method(
                ActivationActivities.advance_activation, look, **options.TELL_HERE
            ),
            activation,
        )

    @workflow.signal(name=names.ACTIVATION_CHANGED, description="Look again: something else is desired")
    def activation_changed(self) -> None:
        """Note that the row may say something new."""
        self._advance.note_change()

    @workflow.run
    async def run(self, activation: ActivationInput) -> str:
        """See the class; answers how the telling stands."""
        workflow.set_current_details(_details(activation))
        return await self._advance.to_the_end()


def _details(activation: ActivationInput) -> str:
    """What an operator reads first. All that changes is told by the pending activity, or by the account's own run."""
    account = runs.link(f"`{activation.account_id}`", runs.account_run(activation.account_id))
    row = (activation.capability, "see the account's run", "it has confirmed", "the downstream system")
    return (
        f"**{activation.capability}** of account {account}: waits for **the downstream system**\n\n"
        f"{runs.table([row])}\n\n"
        "- what it is told, and what it said last: the last failure of the pending activity `advance_activation`\n"
        "- told again: with the next attempt of that activity, and at once when something else is wanted"
    )

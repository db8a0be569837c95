"""Finding accounts that nobody looked at."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.messages import Sweep, Swept
    from activities.sweep import SweepActivities
    from workflows import names, options
    from workflows.messages import SweepInput


@workflow.defn(name=names.SWEEP_WORKFLOW)
class SweepWorkflow:
    """One sweep, started by the Schedule: one activity, which nudges whatever is due."""

    @workflow.run
    async def run(self, sweep: SweepInput) -> Swept:
        """See the class; answers what was found."""
        return await workflow.execute_activity_method(
            SweepActivities.sweep_accounts, Sweep(sweep.limit), **options.SWEEP
        )

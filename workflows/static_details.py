"""What every run says of itself for ever: what it is for, what ends it, what can be sent to it, and where to read on.

Markdown for the Temporal UI, the same for all runs of a workflow, so without ids. How a run stands now is in its
current details.
"""

from __future__ import annotations

from workflows import names

RUNBOOK = "docs/operations.md, Runbook"

ACCOUNT = f"""Works on one account while somebody is expected to act: it plans, starts a run for each check, \
review and activation that is owed, shows where the account stands, waits, and plans again.

- ends: when nobody is expected to act and nothing falls due within the hour; the next nudge starts another
- signal: `{names.ACCOUNT_CHANGED}`, without data: look again now
- query: `{names.STATUS}`
- updates: `{names.HOLD}`, `{names.RELEASE}`, `{names.RECHECK}`, `{names.EXTEND_DEADLINE}`, \
`{names.OVERRIDE_CAPABILITY}`
- help: {RUNBOOK}: *An account is stuck*, *One account needs an exception*, *An onboarding is abandoned*
"""

CHECK = f"""Has the verifiers asked about one check of one account, each after the other, until one has answered.

- ends: when the check has ended, or only a person or a later plan of the account can carry it on
- signal: `{names.CHECK_CHANGED}`, without data: a report came in, take a step now
- help: {RUNBOOK}: *A vendor is down*, *A vendor's callbacks were refused*, *A message that always fails*
"""

REVIEW = f"""Shows one review, and looks when it becomes late. What is decided stands in the review's row, not here.

- ends: when the review is decided, or nobody needs it any more
- signal: `{names.REVIEW_CHANGED}`, without data: look again now
- update: `{names.DECIDE}`: decide it here, as somebody unverified
- help: docs/reviews.md; {RUNBOOK}: *A run disturbs, or must begin anew*
"""

ACTIVATION = f"""Tells the system downstream about one capability of one account, until it has confirmed it.

- ends: when it has confirmed; a refusal ends nothing, it is told again at growing distances
- signal: `{names.ACTIVATION_CHANGED}`, without data: something else is desired, take a step now
- help: docs/activation.md; {RUNBOOK}: *The system downstream refuses*
"""

IMPORT = f"""Makes the accounts of an imported book, line by line at its pace.

- ends: when no line is left to play, or somebody paused the import; to resume it starts another
- signal: `{names.IMPORT_CHANGED}`, without data: look again now
- help: docs/import.md; {RUNBOOK}: *A message that always fails*
"""

ROLLOUT = f"""Moves accounts to a policy, wave by wave.

- ends: when nothing is left to do, or somebody paused the roll-out; to resume it starts another
- signal: `{names.ROLLOUT_CHANGED}`, without data: look again now
- help: docs/policies.md; {RUNBOOK}: *A message that always fails*
"""

LIST_DELTA = f"""Holds new entries of screening lists against everybody who was passed before, page by page.

- ends: when every account was looked at
- signal: `{names.LIST_DELTA_CHANGED}`, without data: look again now
- help: docs/verifiers.md; {RUNBOOK}: *A message that always fails*
"""

SWEEP = f"""One sweep: finds accounts and others that nobody looked at in time, and nudges them.

- ends: by itself, within minutes; the Schedule `{names.SWEEP_SCHEDULE}` starts the next one
- takes no signals and no updates
- help: {RUNBOOK}: *Pause everything that starts by itself*
"""

STATIC_DETAILS = {
    names.ACCOUNT_WORKFLOW: ACCOUNT,
    names.ACTIVATION_WORKFLOW: ACTIVATION,
    names.CHECK_WORKFLOW: CHECK,
    names.IMPORT_WORKFLOW: IMPORT,
    names.LIST_DELTA_WORKFLOW: LIST_DELTA,
    names.REVIEW_WORKFLOW: REVIEW,
    names.ROLLOUT_WORKFLOW: ROLLOUT,
    names.SWEEP_WORKFLOW: SWEEP,
}
"""By workflow."""

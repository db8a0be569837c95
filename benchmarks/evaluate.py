"""How long one evaluation takes: a US company with both capabilities and 1, 4, 10 and 100 persons.

Prints microseconds of processor time: the best and the median of the rounds, for an account in the middle of
its onboarding (every leaf there, nothing answered) and for one at rest (everything passed, both capabilities active).
Compare ratios where other work shares the machine.

    python benchmarks/evaluate.py
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING

from benchmarks.program import as_program
from onboarding.catalogue import builtin_policy
from onboarding.domain.evaluate import evaluate
from onboarding.domain.policy import FieldNeed, Policies
from onboarding.domain.settle import Answer, settle
from onboarding.domain.state import ACCOUNT, Fact, Outcome, Person, Shape, State

if TYPE_CHECKING:
    from onboarding.domain.demands import CheckDue
    from onboarding.domain.evaluate import ActivationDue

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
ATTRIBUTES = {"country": "US", "entity_type": "company"}
REQUESTED = frozenset({"merchant.card_payments", "recipient.stripe_balance.stripe_transfers"})
SIZES = (1, 4, 10, 100)
ROUNDS = 15
ROUND_SECONDS = 0.03


class Passing:
    """A world in which every check passes at once and the downstream system confirms."""

    def __init__(self) -> None:
        self._numbers = count()

    def mint(self, prefix: str) -> str:
        """The next id."""
        return f"{prefix}_{next(self._numbers):06d}"

    def ask(self, due: CheckDue, as_of: datetime) -> Answer:  # noqa: ARG002 -- every question passes
        """A pass."""
        return Answer(Outcome.PASSED, (), "benchmark", "1", as_of)

    def stored_answer(self, check_id: str) -> Answer:
        """Nothing is ever answered later."""
        raise LookupError(check_id)

    def acknowledges(self, due: ActivationDue) -> bool:  # noqa: ARG002 -- everything is confirmed
        """At once."""
        return True


def company(persons: int) -> State:
    """A US company whose leaves are all there; the first person represents it, all of them own a share."""
    policy = builtin_policy()
    account: dict[str, Fact] = {}
    own: dict[str, Fact] = {}
    for rule in [one.rule for one in policy.rules_about(ATTRIBUTES, frozenset(policy.capabilities))]:
        facts = account if rule.of == ACCOUNT else own
        facts |= {need.path: Fact(f"digest-{need.path}", AS_OF) for need in rule.needs if isinstance(need, FieldNeed)}
    share = Decimal(100) / persons
    roles = frozenset({"owner"})
    people = [Person(f"person_{place}", roles, dict(own), max(share, Decimal(25))) for place in range(persons)]
    people[0] = replace(people[0], roles=roles | {"representative"})
    return State("acct_benchmark", Shape(ATTRIBUTES, account, tuple(people), REQUESTED))


def measure(policies: Policies, state: State) -> tuple[float, float]:
    """Best and median microseconds of one evaluation."""
    started = time.process_time()
    evaluate(policies, state, AS_OF)
    repeats = max(1, int(ROUND_SECONDS / (time.process_time() - started)))
    taken: list[float] = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(repeats):
            evaluate(policies, state, AS_OF)
        taken.append((time.process_time() - started) / repeats * 1e6)
    return min(taken), statistics.median(taken)


def main() -> None:
    """Print one line for each size."""
    policies = Policies(builtin_policy())
    print(f"{'persons':>7}  {'collecting':^21}  {'at rest':^21}")
    print(f"{'':>7}  {'best µs':>10} {'median µs':>10}  {'best µs':>10} {'median µs':>10}")
    for persons in SIZES:
        collecting = company(persons)
        at_rest = settle(policies, collecting, AS_OF, Passing()).state
        figures = (*measure(policies, collecting), *measure(policies, at_rest))
        print(f"{persons:>7}  {figures[0]:>10.0f} {figures[1]:>10.0f}  {figures[2]:>10.0f} {figures[3]:>10.0f}")


if __name__ == "__main__":
    as_program(main)

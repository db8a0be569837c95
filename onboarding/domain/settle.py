"""One look at an account, to its end: evaluate, ask what can be answered at once, evaluate again.

:func:`settle` is the whole of what happens at one instant, :func:`play` the looks that time owed. Both are pure: what
they need of the world comes through :class:`Surroundings`, and what they would write is in the :class:`Step`. The door
writes steps; a GET plays them in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal, Protocol

from onboarding.domain.errors import EngineFault
from onboarding.domain.evaluate import evaluate
from onboarding.domain.horizon import earliest
from onboarding.domain.reviews import requests_about, without
from onboarding.domain.state import Check, CheckState, Evidence, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from onboarding.domain.demands import CheckDue
    from onboarding.domain.evaluate import ActivationDue, Evaluation
    from onboarding.domain.policy import CheckKind, Policies
    from onboarding.domain.state import Acknowledgement, Mark, State

MAX_ROUNDS = 8
"""A look that has not come to rest by then is the engine's fault, not the account's."""

MAX_MISSED = 10_000
"""Missed looks played in one go; more can only mean that looks do not move time forward."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verifier said.

    Attributes:
        outcome: of the check.
        reasons: codes of the wire contract's closed list.
        verifier, verifier_version: who said it; the version names the data too, where an answer depends on it.
        occurred_at: the verifier's own time.
        basis: digest of what was found, where a person's decision about the same finding is to hold the next time too.
        detail: JSON that a person needs to decide; stored sealed, shown with the review and nowhere else.
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    verifier: str
    verifier_version: str
    occurred_at: datetime
    basis: str | None = None
    detail: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that is known already but becomes true only at ``answer_at``, on the account's clock."""

    answer_at: datetime
    answer: Answer


class Surroundings(Protocol):
    """What a look needs of the world around it."""

    def mint(self, prefix: Literal["check_", "evid_"]) -> str:
        """A new id."""

    def ask(self, due: CheckDue, as_of: datetime) -> Answer | Later | None:
        """Ask a verifier that is pure and bounded; None if none answers this question inside the look."""

    def stored_answer(self, check_id: str) -> Answer:
        """The sealed answer of a check whose ``answer_at`` has come."""

    def acknowledges(self, due: ActivationDue) -> bool:
        """Whether the downstream system confirms at once."""


@dataclass(slots=True)
class Step:
    """One look: the state after it, what it decided, and what it would write.

    ``checks`` holds every check that was opened or moved, as it is after the step; ``opened`` the ids of the new ones;
    ``reviews`` the checks that went to a person, each with the reason's code; ``orders_ended`` the ids of requests for
    information whose check has ended.
    """

    as_of: datetime
    state: State
    evaluation: Evaluation
    marks: list[Mark] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    checks: dict[str, Check] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    answers: dict[str, Later] = field(default_factory=dict)
    reviews: dict[str, str] = field(default_factory=dict)
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    orders_ended: list[str] = field(default_factory=list)


def play(
    policies: Policies,
    state: State,
    wake_at: datetime | None,
    until: datetime,
    world: Surroundings,
    also: Callable[[], datetime | None] = lambda: None,
) -> Iterator[Step]:
    """The looks that fell due up to and including ``until``, in order, each at its own instant.

    ``also`` says after each of them when something else falls due that is no matter of the evaluation.
    """
    for _ in range(MAX_MISSED):
        if wake_at is None or wake_at > until:
            return
        step = settle(policies, state, wake_at, world)
        yield step
        state, wake_at = step.state, earliest(step.evaluation.wake_at, also())
    raise EngineFault("missed_looks_do_not_end")


def settle(policies: Policies, state: State, as_of: datetime, world: Surroundings) -> Step:
    """Look at ``state`` at ``as_of`` until nothing more can be decided at once.

    Raises:
        EngineFault: the look did not come to rest within :data:`MAX_ROUNDS`.
    """
    look = _Look(policies, state, as_of, world)
    look.take_answers()
    for _ in range(MAX_ROUNDS):
        if not look.round():
            return look.step
    raise EngineFault("look_does_not_end")


def make_evidence(
    evidence_id: str, check: Check, answer: Answer, kind: CheckKind | None, recorded_at: datetime
) -> Evidence:
    """The evidence that an answer is; a pass is valid as long as its kind says, from the verifier's own time.

    That time is told in UTC, whatever zone the verifier's is in: as it is read back, and so decided the same again.
    """
    occurred_at = answer.occurred_at.astimezone(UTC)
    lasts = kind.lasts if kind is not None and answer.outcome is Outcome.PASSED else None
    return Evidence(
        id=evidence_id,
        check_id=check.id,
        kind=check.kind,
        subject=check.subject,
        digest=check.digest,
        outcome=answer.outcome,
        reasons=answer.reasons,
        verifier=answer.verifier,
        verifier_version=answer.verifier_version,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        valid_until=occurred_at + lasts if lasts is not None else None,
        basis=answer.basis,
    )


class _Look:
    """The working of one look."""

    def __init__(self, policies: Policies, state: State, as_of: datetime, world: Surroundings) -> None:
        self._policies = policies
        self._world = world
        self.step = Step(as_of, state, evaluate(policies, state, as_of))

    def take_answers(self) -> None:
        """Answers whose time has come become evidence, dated by their own time."""
        due = [
            check
            for check in self.step.state.checks
            if check.state.is_open and check.answer_at is not None and check.answer_at <= self.step.as_of
        ]
        for check in sorted(due, key=lambda check: (check.answer_at or self.step.as_of, check.id)):
            self._conclude(check, self._world.stored_answer(check.id))
        if due:
            self._evaluate()

    def round(self) -> bool:
        """Do what the evaluation says can be done now; whether anything was that may change the answer.

        New marks change nothing, by law; and what is confirmed as off was told as off before.
        """
        step, evaluation = self.step, self.step.evaluation
        moved = False
        step.marks.extend(evaluation.new_marks)
        step.state = step.state.with_marks(evaluation.new_marks)
        for check_id in evaluation.superseded:
            self._end(check_id, CheckState.SUPERSEDED)
            moved = True
        for due in evaluation.checks_due:
            self._ask(due)
            moved = True
        owed = []
        for activation in evaluation.activations_due:
            if self._world.acknowledges(activation):
                step.state = step.state.acknowledge(activation.capability, on=activation.on, at=step.as_of)
                step.acknowledgements.append(step.state.acknowledgements[-1])
                moved = moved or activation.on
            else:
                owed.append(activation)
        if moved:
            self._evaluate()
        elif evaluation.new_marks or evaluation.activations_due:
            step.evaluation = replace(evaluation, new_marks=(), activations_due=tuple(owed))
        return moved

    def _evaluate(self) -> None:
        self.step.evaluation = evaluate(self._policies, self.step.state, self.step.as_of)

    def _ask(self, due: CheckDue) -> None:
        step = self.step
        check = Check(self._world.mint("check_"), due.kind, due.subject, due.digest, CheckState.DUE, step.as_of)
        answer = self._world.ask(due, step.as_of)
        if isinstance(answer, Later) and answer.answer_at <= step.as_of:
            answer = answer.answer  # its time has come already: no wake would ever fetch it
        if isinstance(answer, Later):
            check = replace(check, state=CheckState.STARTED, answer_at=answer.answer_at)
            step.answers[check.id] = answer
        step.opened.add(check.id)
        step.checks[check.id] = check
        step.state = replace(step.state, checks=(*step.state.checks, check))
        if isinstance(answer, Answer):
            self._conclude(check, answer)

    def _conclude(self, check: Check, answer: Answer) -> None:
        step = self.step
        evidence = make_evidence(self._world.mint("evid_"), check, answer, self._kind(check.kind), step.as_of)
        step.evidence.append(evidence)
        step.state = replace(step.state, evidence=(*step.state.evidence, evidence))
        if answer.outcome.is_decisive:
            self._end(check.id, CheckState.CONCLUDED)
        else:
            step.reviews[check.id] = answer.reasons[0] if answer.reasons else answer.outcome.value
            self._move(replace(check, state=CheckState.IN_REVIEW, answer_at=None))

    def _kind(self, name: str) -> CheckKind | None:
        return self.step.evaluation.policy.checks.get(name)

    def _end(self, check_id: str, end: CheckState) -> None:
        check = next(check for check in self.step.state.checks if check.id == check_id)
        self._move(replace(check, state=end, answer_at=None, retry_at=None, deadline_at=None))

    def _move(self, moved: Check) -> None:
        step = self.step
        checks = (moved if check.id == moved.id else check for check in step.state.checks)
        step.state = replace(step.state, checks=tuple(check for check in checks if check.state.is_open))
        step.checks[moved.id] = moved
        if step.state.orders and not moved.state.is_open:
            ended = requests_about(step.state, moved.id)
            step.state = without(step.state, ended)
            step.orders_ended.extend(order.id for order in ended)

"""A compiled policy: one version of the requirement catalogue as typed objects.

The catalogue's loader makes these from YAML; the evaluator only reads them. Nothing in a policy is an evaluated
string. A policy is immutable and shared by every account that is assigned to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, assert_never

from onboarding.domain.conditions import decided

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from onboarding.domain.conditions import Condition, Threshold


class Falls(StrEnum):
    """When a need falls due for a capability that was never active; later a deadline decides."""

    AT_REQUEST = "at_request"
    AFTER_ACTIVATION = "after_activation"
    EVENTUALLY = "eventually"


@dataclass(frozen=True, slots=True)
class Restriction:
    """What a need does to one capability. The first of its clocks that runs out decides.

    Attributes:
        capability: which one.
        falls: when the need falls due.
        grace: runs from the later of the demand's opening and the capability's first activation; None runs no clock.
        volume: once this is crossed the need is due, whatever ``falls`` says.
        volume_grace: runs from the later of the demand's opening and the crossing; zero blocks at once.
    """

    capability: str
    falls: Falls
    grace: timedelta | None
    volume: Threshold | None = None
    volume_grace: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class FieldNeed:
    """One leaf that must be supplied.

    Attributes:
        path: leaf, relative to the rule's subject.
        implied_by: leaves any of which satisfies the need silently (a full number contains its last digits).
        options: leaf groups offered as alternatives on the wire; each group satisfies the need.
        bound_to: account leaf whose digest is bound when both first exist; a later change reopens the need.
        error: code carried while the bound leaf differs.
    """

    path: str
    implied_by: tuple[str, ...] = ()
    options: tuple[tuple[str, ...], ...] = ()
    bound_to: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a failure raises: entries, and alternatives to them. ``restricts`` replaces the rule's, where given."""

    paths: tuple[str, ...]
    options: tuple[tuple[str, ...], ...] = ()
    restricts: tuple[Restriction, ...] | None = None


@dataclass(frozen=True, slots=True)
class ProofNeed:
    """A question that must be answered ``passed``.

    Attributes:
        check: the kind asked first.
        alternatives: kinds asked once the first has failed and their inputs are supplied; a pass of any satisfies.
        pending: leaves shown as awaiting the engine while an answer is out; none for what must not be told.
        remedies: what each failure code raises; the key ``*`` stands for every other code.
        accepts: leaf groups each of which settles a failure for good once it is supplied, such as a declaration.
        waiting: the entries of ``pending``, made once: a look shows them for most questions of a new account.
    """

    check: str
    alternatives: tuple[str, ...]
    pending: tuple[str, ...]
    remedies: Mapping[str, Remedy]
    accepts: tuple[tuple[str, ...], ...] = ()
    waiting: tuple[tuple[str, tuple[str, ...]], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make what is read at every look."""
        object.__setattr__(self, "waiting", tuple((path, ()) for path in self.pending))


@dataclass(frozen=True, slots=True)
class AgeNeed:
    """The subject must have reached an age, in years; until then ``paths`` are raised with ``error``."""

    years: int
    paths: tuple[str, ...]
    error: str


@dataclass(frozen=True, slots=True)
class ConfirmNeed:
    """A leaf that must be supplied again since the periodic review came due, be it with the same value."""

    path: str


@dataclass(frozen=True, slots=True)
class RenewNeed:
    """A question that must be answered again since the periodic review came due.

    Attributes:
        check: the kind.
        asks: the review alone asks it, about the account, and its answer must be a pass. Otherwise it is asked again of
            whomever rules ask it about, and what the answer does is the rules' to say.
    """

    check: str
    asks: bool = False


Need = FieldNeed | ProofNeed | AgeNeed | ConfirmNeed | RenewNeed


def need_name(need: Need) -> str:
    """What a need is named by within its rule: the leaf, the kind of check or the error."""
    match need:
        case FieldNeed() | ConfirmNeed():
            return need.path
        case ProofNeed() | RenewNeed():
            return need.check
        case AgeNeed():
            return need.error
        case _:
            assert_never(need)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the catalogue.

    Attributes:
        name: unique and stable; marks refer to it.
        source: where the rule comes from.
        of: a role of the policy, or ``account`` for the entity.
        when: the condition under which it applies.
        needs: all must be satisfied.
        restricts: what is lost without them.
        starts_at: before it the needs are known, but due of nobody; None for always.
    """

    name: str
    source: str
    of: str
    when: Condition
    needs: tuple[Need, ...]
    restricts: tuple[Restriction, ...]
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """How the persons of a role are found and named on the wire.

    Attributes:
        flag: role flag a person must carry.
        prefix: path prefix before a person exists, and always where ``refers`` is False.
        refers: entries name the person in their reference.
        complete_by: account leaf that says nobody is missing: without it an empty role demands a person.
        at_least_percent: smallest share that counts; an unsaid share counts.
    """

    name: str
    flag: str
    prefix: str
    refers: bool = True
    complete_by: str | None = None
    at_least_percent: int | None = None


@dataclass(frozen=True, slots=True)
class CheckKind:
    """One kind of question.

    Attributes:
        inputs: leaves whose digests identify the question, relative to its subject.
        requires: those without which it can't be asked.
        requires_any: of these at least one, where any are named.
        lasts: how long a pass is valid; None for ever.
        ask_again: on expiry the user must supply ``inputs`` anew, rather than the check being run again by itself.
        report_within: how long an attempt may take before the next one, or a review.
        persons: role flags with leaves: those of every person who carries the flag are inputs too, as
            ``flag.person_id.leaf``. Of questions about the account only.
        sanctionable: a hit goes to a person, nothing about it is told to the user, and until it is cleared it blocks
            capabilities that were active too.
        queue: where its reviews wait.
    """

    name: str
    inputs: tuple[str, ...]
    requires: tuple[str, ...]
    lasts: timedelta | None
    ask_again: bool
    report_within: timedelta
    requires_any: tuple[str, ...] = ()
    persons: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sanctionable: bool = False
    queue: str = "general"


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """A queue of reviews.

    Attributes:
        sla: how long a review may wait for its decision; None for ever.
        priority: of a new review; the lowest comes first.
        four_eyes: a decision stands once two persons have made the same.
        sample_share: share of these checks' automatic passes that a person looks at, 0 to 1.
    """

    name: str
    sla: timedelta | None = None
    priority: int = 1
    four_eyes: bool = False
    sample_share: float = 0.0


GENERAL_QUEUE = ReviewQueue("general")
QUALITY_QUEUE = ReviewQueue("quality")
"""The queues of a policy that says nothing of them: whatever no other queue holds, and the samples."""


@dataclass(frozen=True, slots=True)
class RiskClass:
    """A class of accounts that are reviewed alike. What its review asks are rules under :class:`UnderReview`.

    Attributes:
        when: which accounts are in it, of those that no class before it has.
        every: from the first activation, and then from the end of each review, to the next one.
        renews: kinds of check that are asked again.
    """

    name: str
    when: Condition
    every: timedelta
    renews: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Availability:
    """A condition under which a capability is unsupported, with the wire's code."""

    code: str
    when: Condition


@dataclass(frozen=True, slots=True)
class Capability:
    """A capability of the policy.

    Attributes:
        name: ``configuration.capability``.
        granted_with: capabilities any of which brings this one; empty where a platform requests it itself.
        requires: capabilities without which a platform can't request this one.
        unsupported: first matching condition decides.
    """

    name: str
    granted_with: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    unsupported: tuple[Availability, ...] = ()

    @property
    def configuration(self) -> str:
        """The configuration it belongs to."""
        return self.name.partition(".")[0]

    @property
    def wire_name(self) -> str:
        """Its name within the configuration."""
        return self.name.partition(".")[2]


class LiveRule(NamedTuple):
    """A rule as it matters to accounts with certain attributes and capabilities.

    Attributes:
        when: what is left to ask; None where the attributes decide that it applies.
        restricts: what it restricts of the capabilities.
        needs: each of the rule's; where the presence of a leaf is all it asks, with that path, alone and in a tuple.
        leaves: those paths, where the presence of leaves is all that the whole rule asks.
    """

    rule: Rule
    when: Condition | None
    restricts: tuple[Restriction, ...]
    needs: tuple[tuple[Need, str | None, tuple[str, ...]], ...]
    leaves: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the catalogue. ``hash`` is of its canonical bytes.

    ``age_limits`` are those that shapes keep, the same in every policy, so that another policy needs no birth dates.
    ``risk`` are the risk classes in their order, of which the last has every account; none where nobody is reviewed.
    ``remembers`` bounds how many sorts of accounts it keeps its rules at hand for.
    """

    name: str
    version: int
    hash: str
    capabilities: Mapping[str, Capability]
    roles: Mapping[str, Role]
    checks: Mapping[str, CheckKind]
    rules: tuple[Rule, ...]
    errors: Mapping[str, str]
    age_limits: tuple[int, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    reviews: Mapping[str, ReviewQueue] = field(default_factory=dict)
    risk: tuple[RiskClass, ...] = ()
    remembers: int = 1
    _present: dict[frozenset[str], tuple[Capability, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _risk: dict[frozenset[tuple[str, str]], tuple[tuple[RiskClass, bool], ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _live: dict[tuple[frozenset[tuple[str, str]], frozenset[str]], tuple[LiveRule, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def risk_classes_about(self, attributes: Mapping[str, str]) -> tuple[tuple[RiskClass, bool], ...]:
        """The risk classes that these attributes do not rule out, in their order, each with whether they decide it.

        The last one of them is decided. Worked out once for all accounts that are alike in this, as the rules are.
        """
        key = frozenset(attributes.items())
        known = self._risk.get(key)
        if known is None:
            if len(self._risk) >= self.remembers:
                self._risk.clear()
            known = self._risk[key] = tuple(_classes(self.risk, attributes))
        return known

    def queue_of(self, kind: str) -> ReviewQueue:
        """The queue of reviews about checks of a kind."""
        known = self.checks.get(kind)
        return self.queue_named(known.queue if known is not None else GENERAL_QUEUE.name)

    def queue_named(self, name: str) -> ReviewQueue:
        """A queue by its name; one that the policy does not have is like the general one."""
        default = QUALITY_QUEUE if name == QUALITY_QUEUE.name else GENERAL_QUEUE
        return self.reviews.get(name) or self.reviews.get(default.name) or default

    def present(self, requested: frozenset[str]) -> tuple[Capability, ...]:
        """Capabilities of an account for which these were requested, with those granted alongside, in its order."""
        known = self._present.get(requested)
        if known is None:
            if len(self._present) >= self.remembers:
                self._present.clear()
            known = self._present[requested] = tuple(
                one
                for one in self.capabilities.values()
                if one.name in requested or not requested.isdisjoint(one.granted_with)
            )
        return known

    def rules_about(self, attributes: Mapping[str, str], live: frozenset[str]) -> tuple[LiveRule, ...]:
        """The rules that restrict a capability of ``live`` and that these attributes do not rule out, in its order.

        Worked out once for all accounts that are alike in this: a rule names some fifty capabilities and an account
        has four, and most conditions are of attributes alone.
        """
        key = (frozenset(attributes.items()), live)
        known = self._live.get(key)
        if known is None:
            if len(self._live) >= self.remembers:
                self._live.clear()
            known = self._live[key] = tuple(_live_rules(self.rules, attributes, live))
        return known


@dataclass(frozen=True, slots=True)
class Announced:
    """A policy that replaces the current one at ``transition_at``."""

    policy: Policy
    transition_at: datetime


@dataclass(frozen=True, slots=True)
class Policies:
    """What binds an account: the current policy and what was announced to follow it."""

    current: Policy
    announced: Announced | None = None

    def in_force(self, at: datetime) -> Policy:
        """The one that decides at an instant."""
        if self.announced is not None and self.announced.transition_at <= at:
            return self.announced.policy
        return self.current

    def ahead(self, at: datetime) -> Announced | None:
        """What is announced and not in force yet."""
        return self.announced if self.announced is not None and self.announced.transition_at > at else None


def _live_rules(rules: Iterable[Rule], attributes: Mapping[str, str], live: frozenset[str]) -> Iterator[LiveRule]:
    """Rules that share their restrictions share what is left of them too."""
    shared: dict[int, tuple[Restriction, ...]] = {}
    for rule in rules:
        applies = decided(rule.when, attributes)
        if applies is False:
            continue
        restricts = shared.get(id(rule.restricts))
        if restricts is None:
            restricts = shared[id(rule.restricts)] = restricting(rule.restricts, live)
        if restricts:
            needs = tuple((need, *_presence(need)) for need in rule.needs)
            leaves = [path for _, path, _ in needs if path is not None]
            alone = frozenset(leaves) if len(leaves) == len(needs) else None
            yield LiveRule(rule, None if applies else rule.when, restricts, needs, alone)


def _classes(classes: Iterable[RiskClass], attributes: Mapping[str, str]) -> Iterator[tuple[RiskClass, bool]]:
    for one in classes:
        holds = decided(one.when, attributes)
        if holds is not False:
            yield one, holds is True
        if holds:
            return


def restricting(restricts: Iterable[Restriction], live: AbstractSet[str]) -> tuple[Restriction, ...]:
    """What of it restricts a capability of ``live``."""
    return tuple(one for one in restricts if one.capability in live)


def _presence(need: Need) -> tuple[str | None, tuple[str, ...]]:
    if isinstance(need, FieldNeed) and need.bound_to is None:
        return need.path, (need.path,)
    return None, ()

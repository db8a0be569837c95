"""Reading the needs of a policy against a state: which are open, which checks are due, which marks are new."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, assert_never

from onboarding.domain.demands import Cause, CheckDue, Finding, Opening, Option, Subject
from onboarding.domain.policy import AgeNeed, ConfirmNeed, FieldNeed, ProofNeed, RenewNeed, restricting
from onboarding.domain.reviews import requested
from onboarding.domain.standing import UNANSWERED, Verdict, input_digest, inputs_there, is_askable, standing
from onboarding.domain.state import ACCOUNT, CheckState, Mark, MarkKind, OrderKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from onboarding.domain.conditions import Situation
    from onboarding.domain.policy import CheckKind, LiveRule, Need, Policy, Remedy, Restriction, Role, Rule
    from onboarding.domain.reviews import Entry
    from onboarding.domain.risk import Risk
    from onboarding.domain.standing import Standing
    from onboarding.domain.state import Check, Evidence, Person, Shape, State

ANY_CODE = "*"

_REVIEW = "#review"
"""Stands for the rule in the deadlines of periodic reviews: a change of the risk class changes none that runs."""

_found = partial(tuple.__new__, Finding)
_opened = partial(tuple.__new__, Opening)
"""A finding and an opening of a tuple of its parts: a look makes a hundred, and naming them took half of the time."""


class Reading:
    """One pass over a policy's rules; its attributes are the result.

    ``review`` is the periodic review that is open, ``awaits_review`` whether something of it is missing.
    """

    def __init__(
        self, policy: Policy, state: State, live: frozenset[str], now: Situation, review: Risk | None = None
    ) -> None:
        self._policy = policy
        self._state = state
        self._live = live
        self._now = now
        self._horizon = now.horizon
        self._shape: Shape = state.shape
        self._evidence: defaultdict[tuple[str, str], list[Evidence]] = defaultdict(list)
        for row in state.evidence:
            self._evidence[row.kind, row.subject].append(row)
        self._open: dict[tuple[str, str, str], Check] = {
            (check.kind, check.subject, check.digest): check for check in state.checks if check.state.is_open
        }
        self._requested = requested(state.orders) if state.orders else {}
        self._marks = {(mark.kind, mark.key): mark for mark in state.marks}
        self._expiries: defaultdict[str, int] = defaultdict(int)
        for mark in state.marks:
            if mark.kind is MarkKind.EXPIRED:
                self._expiries[mark.key.rpartition("|")[0]] += 1
        self._subjects: dict[str, tuple[Subject, ...]] = {}
        # Read once a pass: needs share their inputs.
        self._questions: dict[tuple[str, str], tuple[str, str, str]] = {}
        self._asked: set[tuple[str, str, str]] = set()
        self._review = review
        self._renewing: dict[tuple[str, str], Subject] = {}
        self.awaits_review = False
        self.openings: list[Opening] = []
        self.findings: list[Finding] = []
        self.checks_due: list[CheckDue] = []
        self.new_marks: list[Mark] = []
        holds = now.holds
        for live_rule in policy.rules_about(self._shape.attributes, live):
            if live_rule.when is None or holds(live_rule.when):
                self._read_rule(live_rule)

    @property
    def superseded(self) -> tuple[str, ...]:
        """Open checks about which no rule asks any more: their inputs changed, or nobody needs the answer."""
        return tuple(check.id for key, check in self._open.items() if key not in self._asked)

    def _read_rule(self, live_rule: LiveRule) -> None:
        rule, _, restricts, needs, leaves = live_rule
        name, findings = rule.name, self.findings
        for subject in self._subjects_of(rule.of):
            facts, subject_id = subject.facts, subject.id
            if leaves is not None and leaves <= facts.keys():
                findings.extend([_found((name, subject_id, path, None, by)) for _, path, by in needs])
                continue
            for need, path, by in needs:
                if path in facts:
                    # Most needs, most of the time.
                    findings.append(_found((name, subject_id, path, None, by)))
                else:
                    self._read_need(rule, subject, need, restricts)

    def _subjects_of(self, name: str) -> tuple[Subject, ...]:
        known = self._subjects.get(name)
        if known is None:
            known = self._subjects[name] = self._find_subjects(name)
        return known

    def _find_subjects(self, name: str) -> tuple[Subject, ...]:
        if name == ACCOUNT:
            return (Subject(ACCOUNT, ACCOUNT, self._shape.facts),)
        role = self._policy.roles[name]
        holders = [person for person in self._shape.persons if _holds(person, role)]
        if not holders:
            complete = role.complete_by is not None and role.complete_by in self._shape.facts
            return () if complete else (Subject("", f"{name}[0]", {}, f"{role.prefix}."),)
        return tuple(
            Subject(
                person.id,
                f"{name}[{place}]",
                person.facts,
                "" if role.refers else f"{role.prefix}.",
                person.id if role.refers else None,
                person,
            )
            for place, person in enumerate(holders)
        )

    def _read_need(self, rule: Rule, subject: Subject, need: Need, restricts: tuple[Restriction, ...]) -> None:
        match need:
            case FieldNeed():
                self._read_field(rule, subject, need, restricts)
            case ProofNeed():
                self._read_proof(rule, subject, need, restricts)
            case AgeNeed():
                self._read_age(rule, subject, need, restricts)
            case ConfirmNeed():
                self._read_confirmation(rule, subject, need, restricts)
            case RenewNeed():
                self._read_renewal(rule, subject, need, restricts)
            case _:
                assert_never(need)

    def _read_field(self, rule: Rule, subject: Subject, need: FieldNeed, restricts: tuple[Restriction, ...]) -> None:
        facts = subject.facts
        by = next((path for path in (need.path, *need.implied_by) if path in facts), None)
        if by is None:
            option = next((option for option in need.options if all(path in facts for path in option)), None)
            by = option[0] if option else None
        if by is None:
            options = tuple(Option(tuple((path, ()) for path in option)) for option in need.options)
            entries: tuple[tuple[str, tuple[str, ...]], ...] = ((need.path, ()),)
            self._open_need(rule, subject, need.path, Cause.MISSING, restricts, entries, options=options)
        elif need.bound_to is not None and need.error is not None and not self._is_bound(rule, subject, need, by):
            self._open_need(rule, subject, need.path, Cause.FAILED, restricts, ((need.path, (need.error,)),))
        else:
            self.findings.append(Finding(rule.name, subject.id, need.path, None, (by,)))

    def _is_bound(self, rule: Rule, subject: Subject, need: FieldNeed, by: str) -> bool:
        """Whether the leaf stands with the same value beside it as when both first existed."""
        key = f"{rule.name}|{subject.slot}|{need.path}|{subject.facts[by].digest}"
        beside = self._shape.facts.get(need.bound_to or "")
        mark = self._marks.get((MarkKind.TERMS_BOUND, key))
        if mark is not None:
            return beside is not None and beside.digest == mark.value
        if beside is not None:
            self._mark(MarkKind.TERMS_BOUND, key, beside.digest)
        return True

    def _read_age(self, rule: Rule, subject: Subject, need: AgeNeed, restricts: tuple[Restriction, ...]) -> None:
        age = subject.person.age if subject.person else None
        if age is None:
            return  # nothing to say before the birth date is there: a field need asks for it
        ahead = [instant for years, instant in age.ahead if years == need.years]
        if any(not self._horizon.passed(instant) for instant in ahead):
            entries = tuple((path, (need.error,)) for path in need.paths)
            self._open_need(rule, subject, need.error, Cause.FAILED, restricts, entries)
        else:
            self.findings.append(Finding(rule.name, subject.id, need.error, None, need.paths))

    def _read_proof(self, rule: Rule, subject: Subject, need: ProofNeed, restricts: tuple[Restriction, ...]) -> None:
        kind = self._policy.checks[need.check]
        if not subject.id or not is_askable(kind, subject.facts):
            return  # field needs list what is missing; there is no question yet
        stands = self._stand(kind, subject)
        if self._review is not None and stands.verdict in (Verdict.UNANSWERED, Verdict.EXPIRED):
            self._is_renewing(kind, subject, stands)
        if stands.verdict is Verdict.UNANSWERED:
            self._open_unanswered(rule, subject, need, kind, restricts)
            return
        if stands.verdict is Verdict.PASSED:
            self._satisfied(rule, subject, need, kind, stands)
            return
        waiting = self._ask(kind, subject, stands)
        if stands.verdict is Verdict.FAILED:
            others = [(other, self._stand(other, subject)) for other in self._alternatives(need, subject)]
            for other, found in others:
                if found.verdict is Verdict.PASSED:
                    self._satisfied(rule, subject, need, other, found)
                    return
            self._open_failed(rule, subject, need, stands, others, restricts)
            return
        if stands.evidence is not None:
            self._expire(rule, subject, need.check, stands.evidence)
        in_review = self._in_review(kind, subject)
        asked = self._requested_about(kind, subject)
        if asked:
            self._open_need(
                rule, subject, need.check, Cause.ORDERED, restricts, asked,
                in_review=in_review, at_once=in_review and kind.sanctionable,
            )  # fmt: skip
            return
        paths = need.pending if waiting else kind.requires
        self._open_need(
            rule, subject, need.check, Cause.EXPIRED, restricts, tuple([(path, ()) for path in paths]),
            awaits_user=not waiting, in_review=in_review, at_once=in_review and kind.sanctionable,
            sanctionable=kind.sanctionable,
        )  # fmt: skip

    def _open_unanswered(
        self, rule: Rule, subject: Subject, need: ProofNeed, kind: CheckKind, restricts: tuple[Restriction, ...]
    ) -> None:
        """A question that nobody has answered decisively: most questions, while an account is new."""
        question = self._question(kind, subject)
        check = self._open.get(question)
        if question not in self._asked:
            self._asked.add(question)
            if check is None:
                self.checks_due.append(CheckDue(*question))
        asked = self._requested.get(check.id, ()) if check is not None else ()
        in_review = check is not None and check.state is CheckState.IN_REVIEW
        name, cause = need.check, Cause.ORDERED if asked else Cause.PENDING
        # As _open_need does, whose arguments by name take as long as all the rest of this.
        self.openings.append(
            _opened((
                rule.name, name, self._key(rule, subject, name), subject, cause, restricts, asked or need.waiting,
                len(self.openings), bool(asked), in_review, (), in_review and kind.sanctionable, rule.starts_at,
                kind.sanctionable and not asked, False,
            ))
        )  # fmt: skip
        self.findings.append(_found((rule.name, subject.id, name, cause, ())))

    def _open_failed(
        self,
        rule: Rule,
        subject: Subject,
        need: ProofNeed,
        stands: Standing,
        others: list[tuple[CheckKind, Standing]],
        restricts: tuple[Restriction, ...],
    ) -> None:
        """A failure raises what its remedy says, unless it was settled or an alternative is being looked at."""
        kind = self._policy.checks[need.check]
        settled = next((paths for paths in need.accepts if self._declared_about(kind, subject, paths)), None)
        if settled is not None:
            self.findings.append(Finding(rule.name, subject.id, need.check, None, settled))
            return
        remedy = _remedy(need, stands)
        if remedy.restricts is not None:
            restricts = restricting(remedy.restricts, self._live)
        if not restricts:  # this failure takes nothing away that the account has
            self.findings.append(Finding(rule.name, subject.id, need.check, Cause.FAILED))
            return
        for _, found in others:
            if found.verdict is Verdict.EXPIRED and found.evidence is not None:
                self._expire(rule, subject, need.check, found.evidence)
        failures: dict[str, tuple[str, ...]] = {}
        for other, found in others:
            if self._ask(other, subject, found):
                asked = self._requested_about(other, subject)
                entries = asked or tuple((path, ()) for path in other.requires)
                cause = Cause.ORDERED if asked else Cause.FAILED
                review = self._in_review(other, subject)
                self._open_need(
                    rule, subject, need.check, cause, restricts, entries, awaits_user=bool(asked), in_review=review,
                    sanctionable=kind.sanctionable,
                )  # fmt: skip
                return
            failures |= dict.fromkeys(other.requires, found.reasons)
        self._open_need(
            rule, subject, need.check, Cause.FAILED, restricts,
            tuple((path, failures.get(path, stands.reasons)) for path in remedy.paths),
            options=tuple(
                Option(tuple((path, failures.get(path, ())) for path in option)) for option in remedy.options
            ),
            awaits_user=bool(remedy.paths), at_once=kind.sanctionable, sanctionable=kind.sanctionable,
        )  # fmt: skip

    def _declared_about(self, kind: CheckKind, subject: Subject, paths: tuple[str, ...]) -> bool:
        """Whether all of these leaves were supplied together with the inputs as they are now, or after them."""
        facts = subject.facts
        inputs = inputs_there(kind, facts, self._shape.persons)
        since = max((fact.supplied_at for _, fact in inputs), default=None)
        return since is not None and all(path in facts and facts[path].supplied_at >= since for path in paths)

    def _alternatives(self, need: ProofNeed, subject: Subject) -> list[CheckKind]:
        """Kinds that may prove the need too: looked at once the first has failed, so that nothing is asked in vain."""
        kinds = [self._policy.checks[name] for name in need.alternatives]
        return [kind for kind in kinds if is_askable(kind, subject.facts)]

    def _stand(self, kind: CheckKind, subject: Subject) -> Standing:
        rows = self._evidence.get((kind.name, subject.id))
        if rows is None:
            return UNANSWERED
        return standing(rows, self._question(kind, subject)[2], self._horizon)

    def _question(self, kind: CheckKind, subject: Subject) -> tuple[str, str, str]:
        """What a check of this kind about the subject is known by: kind, subject, digest of the inputs as they are."""
        known = self._questions.get((kind.name, subject.id))
        if known is None:
            known = (kind.name, subject.id, input_digest(kind, subject.facts, self._shape.persons))
            self._questions[kind.name, subject.id] = known
        return known

    def _ask(self, kind: CheckKind, subject: Subject, stands: Standing) -> bool:
        """Make the check due where it must be asked; whether its answer is now ours to find."""
        question = self._question(kind, subject)
        if stands.verdict is Verdict.FAILED and not self._recheck_ordered(kind, subject, stands):
            self._asked.add(question)
            return question in self._open
        if stands.verdict is Verdict.EXPIRED and kind.ask_again and not _supplied_anew(kind, subject, stands):
            return False
        if question not in self._open and question not in self._asked:
            self.checks_due.append(CheckDue(*question))
        self._asked.add(question)
        return True

    def _satisfied(self, rule: Rule, subject: Subject, need: ProofNeed, kind: CheckKind, stands: Standing) -> None:
        """Note what proves the need: evidence of ``kind``, which is the need's own or an alternative."""
        if self._recheck_ordered(kind, subject, stands) or self._is_renewing(kind, subject, stands):
            self._ask(kind, subject, stands)
        by = (stands.evidence.id,) if stands.evidence else ()
        self.findings.append(_found((rule.name, subject.id, need.check, None, by)))

    def _recheck_ordered(self, kind: CheckKind, subject: Subject, stands: Standing) -> bool:
        """Whether an order to ask again still waits for a decisive answer about these inputs."""
        effective = stands.evidence
        if not self._state.orders or effective is None:
            return False
        return any(
            order.kind is OrderKind.RECHECK
            and order.target in (None, kind.name)
            and order.subject in (None, subject.id)
            and order.undone_at is None
            and self._horizon.passed(order.starts_at)
            and not self._answered_since(kind, subject, effective.digest, order.starts_at)
            for order in self._state.orders
        )

    def _answered_since(self, kind: CheckKind, subject: Subject, digest: str, since: datetime) -> bool:
        """Whether the question was answered decisively then or later."""
        return any(
            row.recorded_at >= since and row.outcome.is_decisive and not row.contested
            for row in self._evidence[kind.name, subject.id]
            if row.digest == digest
        )

    # --- periodic reviews ---------------------------------------------------------------------------------------------

    def _is_renewing(self, kind: CheckKind, subject: Subject, stands: Standing) -> bool:
        """Whether the open review waits for an answer to a question that a rule asks; it is noted for the review."""
        review = self._review
        if review is None or review.due_at is None or kind.name not in review.known.renews:
            return False
        found = stands.evidence if stands.verdict is Verdict.PASSED else None
        if found is not None and self._answered_since(kind, subject, found.digest, review.due_at):
            return False
        self._renewing[kind.name, subject.id] = subject
        return True

    def _read_confirmation(
        self, rule: Rule, subject: Subject, need: ConfirmNeed, restricts: tuple[Restriction, ...]
    ) -> None:
        review = self._review
        if review is None or review.due_at is None or not subject.id:
            return  # who is not there has nothing to confirm: a field need asks for the person
        fact = subject.facts.get(need.path)
        if fact is not None and fact.supplied_at >= review.due_at:
            self.findings.append(Finding(rule.name, subject.id, need.path, None, (need.path,)))
            return
        self._open_need(
            rule, subject, need.path, Cause.EXPIRED, restricts, ((need.path, ()),),
            key=self._review_key(subject, need.path), confirms=fact is not None,
        )  # fmt: skip
        self.awaits_review = True

    def _read_renewal(self, rule: Rule, subject: Subject, need: RenewNeed, restricts: tuple[Restriction, ...]) -> None:
        """Rules of reviews are the last, so every rule that asks such a question has been read."""
        kind = self._policy.checks[need.check]
        if need.asks:
            self._read_own_question(rule, subject, kind, restricts)
            return
        for (name, _), about in self._renewing.items():
            if name == need.check:
                self._open_renewal(rule, about, kind, restricts)

    def _read_own_question(
        self, rule: Rule, subject: Subject, kind: CheckKind, restricts: tuple[Restriction, ...]
    ) -> None:
        """A question that only the review asks: an answer of an earlier review is none."""
        review = self._review
        if review is None or review.due_at is None or not is_askable(kind, subject.facts):
            return
        stands = self._stand(kind, subject)
        digest = self._question(kind, subject)[2]
        if stands.evidence is None or not self._answered_since(kind, subject, digest, review.due_at):
            self._ask_for_review(kind, subject)
            self._open_renewal(rule, subject, kind, restricts)
        elif stands.verdict is Verdict.FAILED:
            self._ask(kind, subject, stands)
            self._open_need(
                rule, subject, kind.name, Cause.FAILED, restricts, (), awaits_user=False,
                key=self._review_key(subject, kind.name),
            )  # fmt: skip
            self.awaits_review = True
        else:
            self.findings.append(Finding(rule.name, subject.id, kind.name, None, (stands.evidence.id,)))

    def _ask_for_review(self, kind: CheckKind, subject: Subject) -> None:
        question = self._question(kind, subject)
        if question not in self._open and question not in self._asked:
            self.checks_due.append(CheckDue(*question))
        self._asked.add(question)

    def _open_renewal(self, rule: Rule, subject: Subject, kind: CheckKind, restricts: tuple[Restriction, ...]) -> None:
        """An answer that is ours to find runs no clock, unless somebody asks the user for something first."""
        asked = self._requested_about(kind, subject)
        self._open_need(
            rule, subject, kind.name, Cause.ORDERED if asked else Cause.PENDING, restricts, asked,
            awaits_user=bool(asked), in_review=self._in_review(kind, subject),
            key=self._review_key(subject, kind.name),
        )  # fmt: skip
        self.awaits_review = True

    def _review_key(self, subject: Subject, need: str) -> str:
        number = self._review.number if self._review is not None else 0
        return f"{_REVIEW}|{subject.slot}|{need}|{number}"

    def _requested_about(self, kind: CheckKind, subject: Subject) -> tuple[Entry, ...]:
        """What the person who has the open check asks of the user."""
        check = self._open.get(self._question(kind, subject)) if self._requested else None
        return self._requested.get(check.id, ()) if check is not None else ()

    def _in_review(self, kind: CheckKind, subject: Subject) -> bool:
        check = self._open.get(self._question(kind, subject)) if self._open else None
        return check is not None and check.state is CheckState.IN_REVIEW

    def _expire(self, rule: Rule, subject: Subject, need: str, evidence: Evidence) -> None:
        """An expiry of effective evidence begins a new cycle of deadlines."""
        stem = f"{rule.name}|{subject.slot}|{need}"
        key = f"{stem}|{evidence.id}"
        if (MarkKind.EXPIRED, key) not in self._marks:
            self._mark(MarkKind.EXPIRED, key)
            self._expiries[stem] += 1

    def _mark(self, kind: MarkKind, key: str, value: str = "") -> None:
        mark = Mark(kind, key, self._horizon.as_of, self._horizon.as_of, value)
        self._marks[kind, key] = mark
        self.new_marks.append(mark)

    def _key(self, rule: Rule, subject: Subject, need: str) -> str:
        """The stem of an opening's deadlines in this cycle, which is the number of times that evidence expired."""
        if not self._expiries:
            return f"{rule.name}|{subject.slot}|{need}|0"
        stem = f"{rule.name}|{subject.slot}|{need}"
        return f"{stem}|{self._expiries.get(stem, 0)}"

    def _open_need(  # noqa: PLR0913 -- the parts of one opening
        self,
        rule: Rule,
        subject: Subject,
        need: str,
        cause: Cause,
        restricts: tuple[Restriction, ...],
        entries: tuple[tuple[str, tuple[str, ...]], ...],
        *,
        options: tuple[Option, ...] = (),
        awaits_user: bool = True,
        in_review: bool = False,
        at_once: bool = False,
        sanctionable: bool = False,
        key: str | None = None,
        confirms: bool = False,
    ) -> None:
        self.openings.append(
            _opened((
                rule.name, need, key or self._key(rule, subject, need), subject, cause, restricts, entries,
                len(self.openings), awaits_user, in_review, options, at_once, rule.starts_at, sanctionable, confirms,
            ))
        )  # fmt: skip
        self.findings.append(_found((rule.name, subject.id, need, cause, ())))


def _holds(person: Person, role: Role) -> bool:
    if role.flag not in person.roles:
        return False
    return role.at_least_percent is None or person.percent is None or person.percent >= role.at_least_percent


def _supplied_anew(kind: CheckKind, subject: Subject, stands: Standing) -> bool:
    """Whether the user supplied the inputs again after the evidence expired, be it with the same value."""
    expired_at = stands.valid_until
    return expired_at is not None and all(subject.facts[path].supplied_at > expired_at for path in kind.requires)


def _remedy(need: ProofNeed, stands: Standing) -> Remedy:
    remedies: Mapping[str, Remedy] = need.remedies
    found = next((remedies[code] for code in stands.reasons if code in remedies), None)
    return found if found is not None else remedies[ANY_CODE]

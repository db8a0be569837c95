"""From a document that follows the schema to a typed policy, or to everything that is wrong with it.

What no schema can see is found here: names that are used and not defined, cycles, leaves that no account has,
conditions that can never hold.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from onboarding.catalogue.analysis import contradiction
from onboarding.catalogue.problems import Problem
from onboarding.catalogue.schema import AGE_LIMITS, AgeDoc, FieldDoc, ProofDoc, ReviewQueueDoc, SetRef
from onboarding.documents.leaves import ACCOUNT_LEAVES, PERSON_LEAVES
from onboarding.domain import policy as typed
from onboarding.domain.conditions import (
    AllOf,
    Always,
    Among,
    AnyOf,
    Crossed,
    HeldBy,
    Known,
    Not,
    OwnedBelow,
    Requested,
    Threshold,
    UnderReview,
    Younger,
)
from onboarding.domain.needs import ANY_CODE
from onboarding.domain.state import ACCOUNT
from onboarding.shape import ROLES
from onboarding.validation.structures import ENTITY_TYPES, STRUCTURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from onboarding.catalogue.schema import (
        ConditionDoc,
        Leaves,
        NeedDoc,
        Pack,
        RemedyDoc,
        RestrictionDoc,
        RiskClassDoc,
        RuleDoc,
        VolumeDoc,
    )
    from onboarding.domain.conditions import Condition

Path = tuple[str | int, ...]

_SORTS_OF_ACCOUNTS = 2048
"""Sorts of accounts, by attributes and capabilities, whose rules a policy keeps at hand; most books have fewer."""

ATTRIBUTES: Mapping[str, frozenset[str] | None] = {
    "country": None,
    "entity_type": ENTITY_TYPES,
    "structure": STRUCTURES,
    "dashboard": frozenset({"express", "full", "none"}),
    "fees_collector": frozenset({"application", "application_custom", "application_express", "stripe"}),
    "losses_collector": frozenset({"application", "stripe"}),
    "requirements_collector": frozenset({"application", "stripe"}),
}
"""What a shape's attributes are called, and the values that each may have; None for any country."""

FLAGS = frozenset({*ROLES, "individual"})
"""What a person may be to an account; ``individual`` is the person that an individual's account is about."""

REVIEWS = "risk."
"""Begins the names of the rules that are made of risk classes: ``risk.CLASS.CONFIRMATION``, ``risk.CLASS.checks``."""

_RENEWALS = "checks"
_COUNTRY_LENGTH = 2
_QUEUES = (typed.GENERAL_QUEUE.name, typed.QUALITY_QUEUE.name)


class Compiler:
    """Resolves sets, groups and references of one document; ``problems`` holds all that it found."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self.problems: list[Problem] = []
        self._at: Path = ()
        # Equal conditions and restrictions become one object, so that an evaluation reads each only once.
        self._conditions: dict[Condition, Condition] = {}
        self._restricting: dict[tuple[typed.Restriction, ...], tuple[typed.Restriction, ...]] = {}
        self._thresholds: dict[str, Threshold] = {}
        self._asked: dict[str, set[str]] = {}
        # Read for every rule.
        self._cycles: dict[str, tuple[str, ...]] = {}
        self._grouped: dict[str, tuple[str, ...]] = {}

    def policy(self, name: str, version: int, digest: str) -> typed.Policy:
        """The policy; worth something only if no problem was found."""
        pack = self._pack
        self._refuse_cycles()
        rules = []
        for place, doc in enumerate(pack.rules):
            self._at = ("rules", place)
            rules.append(self._rule(doc))
        for rule_name, count in Counter(rule.name for rule in rules).items():
            if count > 1:
                places = [place for place, rule in enumerate(rules) if rule.name == rule_name]
                self._at = ("rules", places[-1])
                self._refuse("name", f"{rule_name} is the name of {count} rules; each has its own")
        risk = self._risk(rules)
        return typed.Policy(
            name=name,
            version=version,
            hash=digest,
            capabilities=self._capabilities(),
            roles=self._roles(),
            checks=self._checks(),
            reviews=self._queues(),
            risk=risk,
            rules=tuple(rules),
            errors=dict(pack.errors),
            age_limits=AGE_LIMITS,
            thresholds=tuple(self._thresholds.values()),
            remembers=_SORTS_OF_ACCOUNTS,
        )

    # --- sections -----------------------------------------------------------------------------------------------------

    def _capabilities(self) -> dict[str, typed.Capability]:
        found = {}
        for name, doc in self._pack.capabilities.items():
            self._at = ("capabilities", name)
            if "." not in name:
                self._refuse("", f"{name!r} is not configuration.capability")
            found[name] = typed.Capability(
                name,
                tuple(self._known(one, "capabilities", "granted_with") for one in doc.granted_with),
                tuple(self._known(one, "capabilities", "requires") for one in doc.requires),
                tuple(typed.Availability(one.code, self._shared(self._condition(one.when))) for one in doc.unsupported),
            )
        return found

    def _roles(self) -> dict[str, typed.Role]:
        found = {}
        for name, doc in self._pack.roles.items():
            self._at = ("roles", name)
            self._flag(doc.flag, "flag")
            if doc.complete_by is not None:
                self._leaf(doc.complete_by, ACCOUNT, "complete_by")
            found[name] = typed.Role(name=name, **doc.model_dump())
        return found

    def _checks(self) -> dict[str, typed.CheckKind]:
        found = {}
        for name, doc in self._pack.checks.items():
            self._at = ("checks", name)
            kind = typed.CheckKind(
                name=name,
                inputs=self._leaves(doc.inputs),
                requires=self._leaves(doc.requires),
                requires_any=self._leaves(doc.requires_any),
                lasts=timedelta(days=doc.lasts_days) if doc.lasts_days else None,
                ask_again=doc.ask_again,
                report_within=timedelta(hours=doc.report_within_hours),
                persons=tuple(
                    (self._flag(one.flag, "persons"), tuple(self._leaf(path, "", "persons") for path in leaves))
                    for one in doc.persons
                    for leaves in [self._leaves(one.inputs)]
                ),
                sanctionable=doc.sanctionable,
                queue=doc.queue,
            )
            if doc.queue not in self._queues_known:
                self._refuse("queue", f"reviews: {doc.queue!r} is used but not defined")
            found[name] = kind
            if kind.persons and self._asked.get(name, set()) - {ACCOUNT}:
                self._refuse("persons", "only a question about the account can be about its persons too")
            for of in sorted(self._asked.get(name, ())):
                for leaf in (*kind.inputs, *kind.requires, *kind.requires_any):
                    self._leaf(leaf, of, "inputs")
            missing = [leaf for leaf in (*kind.requires, *kind.requires_any) if leaf not in kind.inputs]
            if missing:
                self._refuse("requires", f"{missing[0]!r} is required but no input: changing it would ask nothing new")
        return found

    @property
    def _queues_known(self) -> frozenset[str]:
        return frozenset({*_QUEUES, *self._pack.reviews})

    def _queues(self) -> dict[str, typed.ReviewQueue]:
        """Those that are defined, and the two that every policy has."""
        docs = dict.fromkeys(_QUEUES, ReviewQueueDoc()) | self._pack.reviews
        return {
            name: typed.ReviewQueue(
                name, timedelta(hours=doc.sla_hours), doc.priority, doc.four_eyes, doc.sample_share
            )
            for name, doc in docs.items()
        }  # fmt: skip

    # --- rules --------------------------------------------------------------------------------------------------------

    def _rule(self, doc: RuleDoc) -> typed.Rule:
        if doc.of != ACCOUNT:
            self._known(doc.of, "roles", "of")
        if doc.name.startswith(REVIEWS):
            self._refuse("name", f"{REVIEWS} begins the names of what periodic reviews ask")
        when = self._condition(doc.when)
        never = contradiction(when)
        if never:
            self._refuse("when", f"can never hold: {never}")
        needs: list[typed.Need] = []
        for place, need in enumerate(doc.needs):
            needs.extend(self._needs(need, doc.of, f"needs[{place}]"))
        return typed.Rule(
            name=doc.name,
            source=doc.source,
            of=doc.of,
            when=self._shared(when),
            needs=tuple(needs),
            restricts=self._restrictions(doc.restricts),
            starts_at=datetime.combine(doc.starts_on, time(), UTC) if doc.starts_on else None,
        )

    def _needs(self, doc: NeedDoc, of: str, at: str) -> Iterable[typed.Need]:
        match doc:
            case SetRef():
                return [typed.FieldNeed(self._leaf(path, of, at)) for path in self._leaves((doc,), at)]
            case FieldDoc():
                error = self._known(doc.error, "errors", at) if doc.error else None
                for path in (doc.field, *doc.implied_by, *(path for option in doc.options for path in option)):
                    self._leaf(path, of, at)
                if doc.bound_to is not None:
                    self._leaf(doc.bound_to, ACCOUNT, at)
                return [typed.FieldNeed(doc.field, doc.implied_by, doc.options, doc.bound_to, error)]
            case AgeDoc():
                if of == ACCOUNT:
                    self._refuse(at, "an account has no age: the rule must be of a role")
                raises = tuple(self._leaf(path, of, at) for path in self._leaves(doc.raises, at))
                return [typed.AgeNeed(doc.age, raises, self._known(doc.error, "errors", at))]
            case ProofDoc():
                return [self._proof(doc, of, at)]

    def _proof(self, doc: ProofDoc, of: str, at: str) -> typed.ProofNeed:
        if ANY_CODE not in doc.remedies:
            self._refuse(at, f"check {doc.check}: remedies need one for any other code ({ANY_CODE!r})")
        for kind in (doc.check, *doc.alternatives):
            self._known(kind, "checks", at)
            self._asked.setdefault(kind, set()).add(of)
        for path in (path for option in doc.accepts for path in option):
            self._leaf(path, of, at)
        pending = tuple(self._leaf(path, of, at) for path in self._leaves(doc.pending, at))
        remedies = {code: self._remedy(code, remedy, of, at) for code, remedy in doc.remedies.items()}
        return typed.ProofNeed(doc.check, doc.alternatives, pending, remedies, doc.accepts)

    def _remedy(self, code: str, doc: RemedyDoc, of: str, at: str) -> typed.Remedy:
        if code != ANY_CODE:
            self._known(code, "errors", at)
        for path in (path for option in doc.options for path in option):
            self._leaf(path, of, at)
        restricts = None if doc.restricts is None else self._restrictions(doc.restricts)
        raises = tuple(self._leaf(path, of, at) for path in self._leaves(doc.raises, at))
        return typed.Remedy(raises, doc.options, restricts)

    def _restrictions(self, docs: Iterable[RestrictionDoc]) -> tuple[typed.Restriction, ...]:
        restrictions = tuple(
            typed.Restriction(
                capability,
                typed.Falls(doc.falls),
                timedelta(days=doc.grace_days) if doc.grace_days else None,
                self._threshold(doc.at_volume) if doc.at_volume else None,
                timedelta(days=doc.volume_grace_days),
            )
            for doc in docs
            for name in doc.capabilities
            for capability in self._members(name)
        )
        return self._restricting.setdefault(restrictions, restrictions)

    def _members(self, name: str) -> tuple[str, ...]:
        """The capabilities of a group, or the one that is named."""
        if name not in self._pack.groups:
            return (self._known(name, "capabilities", "restricts"),)
        if name in self._cyclic("groups"):
            return ()
        known = self._grouped.get(name)
        if known is None:
            known = tuple(member for inner in self._pack.groups[name] for member in self._members(inner))
            self._grouped[name] = known
        return known

    # --- risk classes -------------------------------------------------------------------------------------------------

    def _risk(self, rules: list[typed.Rule]) -> tuple[typed.RiskClass, ...]:
        """The classes in their order. What reviews ask is added after all ``rules``, whose checks it asks again."""
        ordered = sorted(self._pack.risk.items(), key=lambda item: item[1].rank)
        asked = frozenset(self._asked)
        found = []
        for place, (name, doc) in enumerate(ordered):
            self._at = ("risk", name)
            self._refuse_order(ordered, place)
            when = self._condition(doc.when) if doc.when is not None else Always()
            never = contradiction(when)
            if never:
                self._refuse("when", f"can never hold: {never}")
            for kind in doc.checks:
                if self._known(kind, "checks", "checks") in self._pack.checks and kind not in asked:
                    self._refuse("checks", f"no rule asks {kind!r}, so it can't be asked again; see asks")
            found.append(
                typed.RiskClass(name, self._shared(when), timedelta(days=doc.every_days), frozenset(doc.checks))
            )
            rules.extend(self._review_rules(name, doc))
        return tuple(found)

    def _refuse_order(self, ordered: list[tuple[str, RiskClassDoc]], place: int) -> None:
        name, doc = ordered[place]
        is_last = place == len(ordered) - 1
        if place and ordered[place - 1][1].rank == doc.rank:
            self._refuse("rank", f"{doc.rank} is the rank of {ordered[place - 1][0]!r} too; each class has its own")
        if doc.when is None and not is_last:
            self._refuse("", f"without conditions it has every account: nothing is left to {ordered[place + 1][0]!r}")
        if doc.when is not None and is_last:
            self._refuse("when", f"{name!r} is the last class: it has every account that no other has")
        if not (doc.confirms or doc.checks or doc.asks):
            self._refuse("", "its reviews ask nothing: one of confirms, checks and asks is needed")

    def _review_rules(self, name: str, doc: RiskClassDoc) -> Iterable[typed.Rule]:
        under = self._shared(UnderReview(name))
        restrictions = tuple(
            typed.Restriction(capability, typed.Falls.AFTER_ACTIVATION, timedelta(days=doc.grace_days))
            for capability in self._pack.capabilities
        )
        restricts = self._restricting.setdefault(restrictions, restrictions)
        for group, one in doc.confirms.items():
            at = f"confirms.{group}"
            if group == _RENEWALS:
                self._refuse(at, f"{group!r} is the name of what is asked of verifiers")
            if one.of != ACCOUNT:
                self._known(one.of, "roles", at)
            when = self._condition(one.when)
            never = contradiction(when)
            if never:
                self._refuse(f"{at}.when", f"can never hold: {never}")
            needs = tuple(typed.ConfirmNeed(self._leaf(path, one.of, at)) for path in self._leaves(one.fields, at))
            applies = under if isinstance(when, Always) else self._shared(AllOf((under, when)))
            yield typed.Rule(f"{REVIEWS}{name}.{group}", doc.source, one.of, applies, needs, restricts)
        for kind in doc.asks:
            self._known(kind, "checks", "asks")
            self._asked.setdefault(kind, set()).add(ACCOUNT)
        renewals = (
            *(typed.RenewNeed(kind) for kind in doc.checks),
            *(typed.RenewNeed(kind, asks=True) for kind in doc.asks),
        )
        if renewals:
            yield typed.Rule(f"{REVIEWS}{name}.{_RENEWALS}", doc.source, ACCOUNT, under, renewals, restricts)

    # --- conditions ---------------------------------------------------------------------------------------------------

    def _condition(self, doc: ConditionDoc) -> Condition:
        parts: list[Condition] = [self._among(name, values) for name, values in (doc.model_extra or {}).items()]
        parts.extend(Known(self._supplied(name)) for name in doc.known)
        if doc.requested:
            parts.append(Requested(frozenset(self._known(name, "capabilities", "when") for name in doc.requested)))
        parts.extend(self._about_persons(doc))
        if doc.volume is not None:
            parts.append(Crossed(self._threshold(doc.volume)))
        if doc.either:
            parts.append(AnyOf(tuple(self._condition(one) for one in doc.either)))
        if doc.negated is not None:
            parts.append(Not(self._condition(doc.negated)))
        if not parts:
            return Always()
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _shared(self, condition: Condition) -> Condition:
        return self._conditions.setdefault(condition, condition)

    def _about_persons(self, doc: ConditionDoc) -> Iterable[Condition]:
        if doc.held_by is not None:
            yield HeldBy(self._flag(doc.held_by, "when"))
        if doc.owned_below is not None:
            yield OwnedBelow(self._flag(doc.owned_below.flag, "when"), doc.owned_below.percent)
        if doc.younger is not None:
            yield Younger(self._flag(doc.younger.flag, "when"), doc.younger.than)

    def _supplied(self, name: str) -> str:
        return name if name in ATTRIBUTES else self._leaf(name, ACCOUNT, "when")

    def _among(self, attribute: str, values: tuple[str, ...]) -> Condition:
        if attribute not in ATTRIBUTES:
            self._refuse("when", f"{attribute!r} is neither a kind of condition nor an attribute of an account")
            return Always()
        known = ATTRIBUTES[attribute]
        for value in values:
            if known is None and not (len(value) == _COUNTRY_LENGTH and value.isalpha() and value.isupper()):
                self._refuse("when", f"{attribute}: {value!r} is no two-letter country code")
            elif known is not None and value not in known:
                self._refuse("when", f"{attribute}: {value!r} is none of {', '.join(sorted(known))}")
        return Among(attribute, frozenset(values))

    def _threshold(self, doc: VolumeDoc) -> Threshold:
        made = Threshold(doc.currency, doc.amount, doc.period)
        return self._thresholds.setdefault(made.key, made)

    # --- names --------------------------------------------------------------------------------------------------------

    def _leaves(self, leaves: Leaves, at: str = "") -> tuple[str, ...]:
        found: list[str] = []
        for leaf in leaves:
            if not isinstance(leaf, SetRef):
                found.append(leaf)
            elif self._known(leaf.set, "sets", at) in self._pack.sets and leaf.set not in self._cyclic("sets"):
                found.extend(self._leaves(self._pack.sets[leaf.set], at))
        return tuple(found)

    def _leaf(self, path: str, of: str, at: str) -> str:
        known = ACCOUNT_LEAVES if of == ACCOUNT else PERSON_LEAVES
        if path not in known:
            whose = "an account" if of == ACCOUNT else "a person"
            self._refuse(at, f"{path!r} is no field of {whose}")
        return path

    def _flag(self, flag: str, at: str) -> str:
        if flag not in FLAGS:
            self._refuse(at, f"{flag!r} is none of {', '.join(sorted(FLAGS))}")
        return flag

    def _known(self, name: str, section: str, at: str) -> str:
        if name not in getattr(self._pack, section):
            self._refuse(at, f"{section}: {name!r} is used but not defined")
        return name

    def _refuse(self, at: str, message: str) -> None:
        problem = Problem(self._at, at, message)
        if problem not in self.problems:
            self.problems.append(problem)

    # --- cycles -------------------------------------------------------------------------------------------------------

    def _refuse_cycles(self) -> None:
        for section in ("sets", "groups", "capabilities"):
            for name in self._cyclic(section):
                self._at = (section, name)
                self._refuse("", f"{name!r} contains itself")

    def _cyclic(self, section: str) -> tuple[str, ...]:
        """Names from which one comes back to them."""
        if section not in self._cycles:
            self._cycles[section] = self._find_cycles(section)
        return self._cycles[section]

    def _find_cycles(self, section: str) -> tuple[str, ...]:
        inside: dict[str, list[str]] = {
            "sets": {
                name: [leaf.set for leaf in leaves if isinstance(leaf, SetRef)]
                for name, leaves in self._pack.sets.items()
            },
            "groups": {name: list(members) for name, members in self._pack.groups.items()},
            "capabilities": {name: list(doc.granted_with) for name, doc in self._pack.capabilities.items()},
        }[section]
        return tuple(name for name in inside if name in _reached(inside, name))


def _reached(inside: Mapping[str, list[str]], start: str) -> set[str]:
    found: set[str] = set()
    ahead = list(inside[start])
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead.extend(inside.get(name, ()))
    return found

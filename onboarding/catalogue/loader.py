"""From YAML packs to a compiled policy."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import orjson
import yaml
from pydantic import ValidationError

from onboarding.catalogue.schema import AgeDoc, FieldDoc, Pack, ProofDoc, SetRef
from onboarding.domain import policy as typed
from onboarding.domain.conditions import AllOf, Always, Among, Known, Not, OwnedBelow
from onboarding.domain.needs import ANY_CODE
from onboarding.domain.state import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from onboarding.catalogue.schema import ConditionDoc, Leaves, NeedDoc, RemedyDoc, RestrictionDoc, RuleDoc
    from onboarding.domain.conditions import Condition

BUILTIN_NAME = "builtin"
BUILTIN_VERSION = 1
BUILTIN_PACKS = ("base", "us")


class CatalogueError(Exception):
    """A catalogue that can't be used; the message names the pack, the place and what was expected."""


def load_packs(texts: Mapping[str, str]) -> dict[str, Any]:
    """Merge the YAML packs ``{name: text}`` into one document; a name defined twice is refused."""
    merged: dict[str, Any] = {section: {} for section in Pack.model_fields if section != "rules"} | {"rules": []}
    for name, text in texts.items():
        try:
            raw = yaml.load(text, Loader=_Loader) or {}  # noqa: S506 -- a safe loader that refuses doubled keys
            Pack.model_validate(raw)
        except (yaml.YAMLError, ValidationError) as error:
            raise CatalogueError(f"{name}: {_first_problem(error)}") from error
        for section, content in raw.items():
            if section == "rules":
                merged["rules"].extend(content)
                continue
            for key, value in content.items():
                if key in merged[section]:
                    raise CatalogueError(f"{name}: {section}.{key} is defined twice")
                merged[section][key] = value
    return merged


def policy_bytes(name: str, version: int, document: Mapping[str, Any]) -> bytes:
    """Canonical bytes of a policy version: what is stored, and what its hash is of."""
    return orjson.dumps(
        {"name": name, "version": version, "document": document}, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    )


def compile_policy(stored: bytes) -> typed.Policy:
    """The typed policy of canonical bytes.

    Raises:
        CatalogueError: the document does not follow the schema, or names something that it does not define.
    """
    raw = orjson.loads(stored)
    try:
        pack = Pack.model_validate(raw["document"])
    except ValidationError as error:
        raise CatalogueError(_first_problem(error)) from error
    digest = hashlib.sha256(stored).hexdigest()
    return _Compiler(pack).policy(raw["name"], raw["version"], digest)


def builtin_bytes() -> bytes:
    """The policy that ships with the package."""
    folder = resources.files("onboarding.catalogue") / "packs"
    texts = {name: (folder / f"{name}.yaml").read_text(encoding="utf-8") for name in BUILTIN_PACKS}
    return policy_bytes(BUILTIN_NAME, BUILTIN_VERSION, load_packs(texts))


@cache
def builtin_policy() -> typed.Policy:
    """The compiled policy that ships with the package."""
    return compile_policy(builtin_bytes())


def _first_problem(error: yaml.YAMLError | ValidationError) -> str:
    if isinstance(error, ValidationError):
        problems = error.errors(include_input=False, include_url=False)
        # A key that nobody knows is mostly a misspelt one: it tells more than the key that is missing for it.
        first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg']} ({error.error_count()} problems in all)"
    return str(error).replace("\n", " ")


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, but a key that stands twice in a mapping is an error, not silently the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 -- its signature
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise yaml.MarkedYAMLError(problem=f"{doubled[0]} is defined twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


class _Compiler:
    """Resolves sets, groups and references of one document."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        # Equal conditions and restrictions become one object, so that an evaluation reads each only once.
        self._conditions: dict[Condition, Condition] = {}
        self._restricting: dict[tuple[typed.Restriction, ...], tuple[typed.Restriction, ...]] = {}

    def policy(self, name: str, version: int, digest: str) -> typed.Policy:
        rules = tuple(self._rule(rule) for rule in self._pack.rules)
        names = [rule.name for rule in rules]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise CatalogueError(f"rules: {', '.join(doubled)} defined twice")
        ages = {need.years for rule in rules for need in rule.needs if isinstance(need, typed.AgeNeed)}
        return typed.Policy(
            name=name,
            version=version,
            hash=digest,
            capabilities={
                name: typed.Capability(
                    name,
                    tuple(self._known(one, "capabilities") for one in doc.granted_with),
                    tuple(typed.Availability(one.code, self._condition(one.when)) for one in doc.unsupported),
                )
                for name, doc in self._pack.capabilities.items()
            },
            roles={name: typed.Role(name=name, **doc.model_dump()) for name, doc in self._pack.roles.items()},
            checks={
                name: typed.CheckKind(
                    name=name,
                    inputs=self._leaves(doc.inputs),
                    requires=self._leaves(doc.requires),
                    requires_any=self._leaves(doc.requires_any),
                    lasts=timedelta(days=doc.lasts_days) if doc.lasts_days else None,
                    ask_again=doc.ask_again,
                    report_within=timedelta(hours=doc.report_within_hours),
                    sanctionable=doc.sanctionable,
                )
                for name, doc in self._pack.checks.items()
            },
            rules=rules,
            errors=dict(self._pack.errors),
            age_limits=tuple(sorted(ages)),
        )

    def _rule(self, rule: RuleDoc) -> typed.Rule:
        if rule.of != ACCOUNT:
            self._known(rule.of, "roles")
        return typed.Rule(
            name=rule.name,
            source=rule.source,
            of=rule.of,
            when=self._shared_condition(rule.when),
            needs=tuple(need for doc in rule.needs for need in self._needs(doc)),
            restricts=self._restrictions(rule.restricts),
        )

    def _needs(self, doc: NeedDoc) -> Iterable[typed.Need]:
        match doc:
            case SetRef():
                return [typed.FieldNeed(path) for path in self._leaves((doc,))]
            case FieldDoc():
                error = self._known(doc.error, "errors") if doc.error else None
                return [typed.FieldNeed(doc.field, doc.implied_by, doc.options, doc.bound_to, error)]
            case AgeDoc():
                return [typed.AgeNeed(doc.age, self._leaves(doc.raises), self._known(doc.error, "errors"))]
            case ProofDoc():
                if ANY_CODE not in doc.remedies:
                    raise CatalogueError(f"check {doc.check}: remedies need one for any other code ({ANY_CODE!r})")
                return [
                    typed.ProofNeed(
                        self._known(doc.check, "checks"),
                        tuple(self._known(one, "checks") for one in doc.alternatives),
                        self._leaves(doc.pending),
                        {code: self._remedy(code, remedy) for code, remedy in doc.remedies.items()},
                    )
                ]

    def _remedy(self, code: str, doc: RemedyDoc) -> typed.Remedy:
        if code != ANY_CODE:
            self._known(code, "errors")
        restricts = None if doc.restricts is None else self._restrictions(doc.restricts)
        return typed.Remedy(self._leaves(doc.raises), doc.options, restricts)

    def _restrictions(self, docs: Iterable[RestrictionDoc]) -> tuple[typed.Restriction, ...]:
        restrictions = tuple(
            typed.Restriction(
                capability,
                typed.Falls(doc.falls),
                timedelta(days=doc.grace_days) if doc.grace_days else None,
            )
            for doc in docs
            for name in doc.capabilities
            for capability in self._pack.groups.get(name, (name,))
            if self._known(capability, "capabilities")
        )
        return self._restricting.setdefault(restrictions, restrictions)

    def _shared_condition(self, doc: ConditionDoc) -> Condition:
        condition = self._condition(doc)
        return self._conditions.setdefault(condition, condition)

    def _condition(self, doc: ConditionDoc) -> Condition:
        parts: list[Condition] = [
            Among(attribute, frozenset(values)) for attribute, values in (doc.model_extra or {}).items()
        ]
        parts.extend(Known(name) for name in doc.known)
        if doc.owned_below is not None:
            parts.append(OwnedBelow(doc.owned_below.flag, doc.owned_below.percent))
        if doc.negated is not None:
            parts.append(Not(self._condition(doc.negated)))
        if not parts:
            return Always()
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _leaves(self, leaves: Leaves) -> tuple[str, ...]:
        found: list[str] = []
        for leaf in leaves:
            if isinstance(leaf, SetRef):
                found.extend(self._pack.sets[self._known(leaf.set, "sets")])
            else:
                found.append(leaf)
        return tuple(found)

    def _known(self, name: str, section: str) -> str:
        if name not in getattr(self._pack, section):
            raise CatalogueError(f"{section}: {name!r} is used but not defined")
        return name

"""Refusals that name the place, and bytes that stay the same."""

import json
from typing import Any

import pytest

from onboarding.catalogue import CatalogueError, builtin_policy, compile_policy, lint_packs, load_packs
from onboarding.catalogue.loader import builtin_bytes, policy_bytes
from onboarding.catalogue.schema import AGE_LIMITS

PACK = """
capabilities: {merchant.pay: {}, merchant.out: {granted_with: [merchant.pay]}}
groups: {some: [merchant.pay], all: [some, merchant.out]}
roles: {boss: {flag: representative, prefix: boss}}
sets: {first: [given_name], name: [{set: first}, surname]}
checks: {look: {inputs: [{set: name}], requires: [given_name], report_within_hours: 1}}
errors: {wrong: It is wrong.}
rules:
  - name: one
    source: somewhere
    of: boss
    when: {country: [XX]}
    needs:
      - {set: name}
      - email
      - {field: phone, bound_to: contact_email, error: wrong}
      - {check: look, pending: [given_name], remedies: {"*": {raises: [surname]}}}
      - {age: 18, raises: [email], error: wrong}
    restricts: [{capabilities: [all], falls: at_request, grace_days: 3}]
"""


def _told(text: str) -> list[str]:
    return [str(problem) for problem in lint_packs({"pack": text})]


def test_the_sample_pack_compiles() -> None:
    assert _told(PACK) == []
    compile_policy(policy_bytes("test", 1, load_packs({"pack": PACK})))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "    source: somewhere\n",
            "",
            "pack.yaml:9: rule one, source: Field required",
        ),
        (
            "source: somewhere",
            "source: ''",
            "pack.yaml:10: rule one, source: String should have at least 1 character",
        ),
        (
            "    of: boss",
            "    oof: boss",
            "pack.yaml:11: rule one, oof: Extra inputs are not permitted",
        ),
        (
            "sets: {",
            "setz: {",
            "pack.yaml:5: setz: Extra inputs are not permitted",
        ),
        (
            "{field: phone, b",
            "{field: phone, c: 1, b",
            "pack.yaml:16: rule one, needs.2.field.c: Extra inputs are not permitted",
        ),
        (
            "pending: [",
            "pendng: [",
            "pack.yaml:17: rule one, needs.3.check.pendng: Extra inputs are not permitted",
        ),
        (
            "      - email\n",
            "      - {feeld: email}\n",
            "pack.yaml:15: rule one, needs.1: a need is a leaf, or has one of the keys field, set, check, age",
        ),
        (
            "      - email\n",
            "      - 3\n",
            "pack.yaml:15: rule one, needs.1: a need is a leaf, or has one of the keys field, set, check, age",
        ),
        (
            "bound_to: contact_email, ",
            "",
            "pack.yaml:16: rule one, needs.2.field: Value error, bound_to and error go together",
        ),
        (
            "      - {set: name}",
            "      - {set: nam}",
            "pack.yaml:14: rule one, needs[0]: sets: 'nam' is used but not defined",
        ),
        (
            "inputs: [{set: name}]",
            "inputs: [{set: nam}]",
            "pack.yaml:6: checks.look: sets: 'nam' is used but not defined",
        ),
        (
            "check: look,",
            "check: lok,",
            "pack.yaml:17: rule one, needs[3]: checks: 'lok' is used but not defined",
        ),
        (
            "check: look,",
            "check: look, alternatives: [lok],",
            "pack.yaml:17: rule one, needs[3]: checks: 'lok' is used but not defined",
        ),
        (
            "error: wrong}\n      - {check",
            "error: wrnog}\n      - {check",
            "pack.yaml:16: rule one, needs[2]: errors: 'wrnog' is used but not defined",
        ),
        (
            '"*": {raises: [surname]}',
            '"*": {raises: []}, wrnog: {raises: []}',
            "pack.yaml:17: rule one, needs[3]: errors: 'wrnog' is used but not defined",
        ),
        (
            '"*": {raises: [surname]}',
            "wrong: {raises: []}",
            "pack.yaml:17: rule one, needs[3]: check look: remedies need one for any other code ('*')",
        ),
        (
            "    of: boss",
            "    of: bos",
            "pack.yaml:11: rule one, of: roles: 'bos' is used but not defined",
        ),
        (
            "capabilities: [all]",
            "capabilities: [al]",
            "pack.yaml:19: rule one, restricts: capabilities: 'al' is used but not defined",
        ),
        (
            "granted_with: [merchant.pay]",
            "granted_with: [x]",
            "pack.yaml:2: capabilities.merchant.out, granted_with: capabilities: 'x' is used but not defined",
        ),
        (
            "falls: at_request",
            "falls: at_once",
            (
                "pack.yaml:19: rule one, restricts.0.falls: Input should be 'at_request', 'after_activation' or "
                "'eventually'"
            ),
        ),
        (
            "grace_days: 3",
            "grace_days: 0",
            "pack.yaml:19: rule one, restricts.0.grace_days: Input should be greater than 0",
        ),
        (
            "country: [XX]",
            "country: [NO]",
            "pack.yaml:12: rule one, when.country.0: Input should be a valid string",
        ),
        (
            "country: [XX]",
            "entity_type: [firm]",
            (
                "pack.yaml:12: rule one, when: entity_type: 'firm' is none of company, government_entity, "
                "individual, non_profit"
            ),
        ),
        (
            "country: [XX]",
            "colour: [red]",
            "pack.yaml:12: rule one, when: 'colour' is neither a kind of condition nor an attribute of an account",
        ),
        (
            "country: [XX]",
            "country: []",
            "pack.yaml:12: rule one, when: can never hold: no country is left",
        ),
        (
            "country: [XX]",
            "country: [XX], not: {country: [XX]}",
            "pack.yaml:12: rule one, when: can never hold: it asks for what it denies",
        ),
        (
            "country: [XX]",
            "country: [XX], not: {known: [country]}",
            "pack.yaml:12: rule one, when: can never hold: it asks for a country and that there is none",
        ),
        (
            "    of: boss\n",
            "    of: boss\n    of: boss\n",
            "pack.yaml:12: of is defined twice",
        ),
        (
            "errors: {",
            "errors: {wrong: Twice., ",
            "pack.yaml:7: wrong is defined twice",
        ),
        (
            "first: [given_name]",
            "first: [{set: name}]",
            "pack.yaml:5: sets.first: 'first' contains itself",
        ),
        (
            "some: [merchant.pay]",
            "some: [all]",
            "pack.yaml:3: groups.some: 'some' contains itself",
        ),
        (
            "merchant.pay: {}",
            "merchant.pay: {granted_with: [merchant.out]}",
            "pack.yaml:2: capabilities.merchant.pay: 'merchant.pay' contains itself",
        ),
        (
            "flag: representative",
            "flag: chief",
            (
                "pack.yaml:4: roles.boss, flag: 'chief' is none of authorizer, director, executive, individual, "
                "legal_guardian, owner, representative"
            ),
        ),
        (
            "age: 18",
            "age: 17",
            "pack.yaml:18: rule one, needs.4.age.age: Input should be 13, 14, 16, 18 or 21",
        ),
        (
            "requires: [given_name]",
            "requires: [email]",
            ("pack.yaml:6: checks.look, requires: 'email' is required but no input: changing it would ask nothing new"),
        ),
        (
            "    of: boss\n",
            "    of: boss\n    from: 2027-02-30\n",
            "pack.yaml:12: day is out of range for month",
        ),
        (
            "    of: boss\n",
            "    of: boss\n    from: soon\n",
            "pack.yaml:12: rule one, from: Input should be a valid date or datetime, input is too short",
        ),
        (
            "bound_to: contact_email",
            "bound_to: given_name",
            "pack.yaml:16: rule one, needs[2]: 'given_name' is no field of an account",
        ),
    ],
)
def test_a_problem_is_told_with_its_place(old: str, new: str, problem: str) -> None:
    assert PACK.count(old) == 1
    text = PACK.replace(old, new)

    assert _told(text)[0] == problem
    with pytest.raises(CatalogueError) as caught:
        load_packs({"pack": text})
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize("text", ["sets: [", "3", "- a", "sets: !!python/object/apply:os.getcwd []"])
def test_what_is_no_pack_is_refused(text: str) -> None:
    assert _told(text)[0].startswith("pack.yaml")


def test_every_problem_is_told_at_once() -> None:
    told = _told(PACK.replace("- email", "- emial").replace("country: [XX]", "country: [Xx]"))

    assert told == [
        "pack.yaml:12: rule one, when: country: 'Xx' is no two-letter country code",
        "pack.yaml:15: rule one, needs[1]: 'emial' is no field of a person",
    ]


@pytest.mark.parametrize(
    ("section", "content"),
    [
        ("capabilities", "{merchant.pay: {}}"),
        ("sets", "{name: [surname]}"),
        ("errors", "{wrong: Other.}"),
        ("roles", "{boss: {flag: owner, prefix: y}}"),
    ],
)
def test_a_name_of_another_pack_is_refused(section: str, content: str) -> None:
    name = content.strip("{").partition(":")[0]

    [problem] = lint_packs({"pack": PACK, "other": f"{section}: {content}"})

    assert (problem.file, problem.line) == ("other.yaml", 1)
    assert problem.message == f"{name!r} is defined in pack.yaml already"


def test_two_rules_of_one_name_are_refused() -> None:
    second = PACK[PACK.index("rules:") :]

    [problem] = lint_packs({"pack": PACK, "other": second})

    assert (problem.file, problem.rule) == ("other.yaml", "one")
    assert problem.message == "one is the name of 2 rules; each has its own"


def test_stored_bytes_that_break_the_schema_are_refused() -> None:
    document = {**json.loads(builtin_bytes())["document"], "surprise": {}}

    with pytest.raises(CatalogueError, match=r"^surprise: Extra inputs are not permitted"):
        compile_policy(policy_bytes("test", 1, document))


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def test_bytes_and_hash_do_not_depend_on_the_order_of_keys() -> None:
    document = load_packs({"pack": PACK})

    first, second = policy_bytes("test", 1, document), policy_bytes("test", 1, _reversed(document))

    assert first == second
    assert compile_policy(first).hash == compile_policy(second).hash


def test_any_change_changes_the_hash() -> None:
    document = load_packs({"pack": PACK})
    stored = policy_bytes("test", 1, document)

    others = [
        policy_bytes("test", 2, document),
        policy_bytes("tess", 1, document),
        policy_bytes("test", 1, load_packs({"pack": PACK.replace("grace_days: 3", "grace_days: 4")})),
    ]

    assert len({compile_policy(one).hash for one in (stored, *others)}) == 4


def test_compiling_stored_bytes_gives_back_the_built_in_policy() -> None:
    stored = builtin_bytes()
    raw = json.loads(stored)

    assert policy_bytes(raw["name"], raw["version"], raw["document"]) == stored
    assert compile_policy(stored) == builtin_policy()


def test_the_built_in_policy_knows_the_age_limits_it_uses() -> None:
    assert builtin_policy().age_limits == AGE_LIMITS


def test_every_rule_of_the_built_in_policy_tells_its_source() -> None:
    assert all(rule.source.strip() for rule in builtin_policy().rules)


RISK = """
risk:
  high:
    rank: 1
    source: somewhere
    when: {country: [XX]}
    every_days: 365
    grace_days: 30
    confirms:
      contact: {of: boss, fields: [email]}
    checks: [look]
  low:
    rank: 2
    source: somewhere
    every_days: 1000
    grace_days: 60
    asks: [seen]
checks: {seen: {inputs: [display_name], requires: [display_name], report_within_hours: 1, queue: general}}
"""


def _risk_told(text: str) -> list[str]:
    return [str(problem) for problem in lint_packs({"pack": PACK, "risk": text})]


def test_risk_classes_compile_in_the_order_of_their_ranks_and_their_reviews_are_rules() -> None:
    assert _risk_told(RISK) == []
    turned = RISK.replace("rank: 2", "rank: 3").replace("  low:", "  a_last:")

    policy = compile_policy(policy_bytes("test", 1, load_packs({"pack": PACK, "risk": turned})))

    assert [(one.name, one.every.days, sorted(one.renews)) for one in policy.risk] == [
        ("high", 365, ["look"]),
        ("a_last", 1000, []),
    ]
    names = [rule.name for rule in policy.rules]
    assert names == ["one", "risk.high.contact", "risk.high.checks", "risk.a_last.checks"]
    restricts = policy.rules[1].restricts
    assert {(one.capability, one.grace and one.grace.days) for one in restricts} == {
        ("merchant.pay", 30),
        ("merchant.out", 30),
    }


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("rank: 2", "rank: 1", "risk.yaml:13: risk.low, rank: 1 is the rank of 'high' too; each class has its own"),
        (
            "    when: {country: [XX]}\n",
            "",
            "risk.yaml:3: risk.high: without conditions it has every account: nothing is left to 'low'",
        ),
        (
            "    rank: 2\n",
            "    rank: 2\n    when: {country: [XX]}\n",
            "risk.yaml:14: risk.low, when: 'low' is the last class: it has every account that no other has",
        ),
        (
            "    asks: [seen]\n",
            "",
            "risk.yaml:12: risk.low: its reviews ask nothing: one of confirms, checks and asks is needed",
        ),
        ("asks: [seen]", "asks: [sean]", "risk.yaml:17: risk.low, asks: checks: 'sean' is used but not defined"),
        ("checks: [look]", "checks: [luck]", "risk.yaml:11: risk.high, checks: checks: 'luck' is used but not defined"),
        (
            "checks: [look]",
            "checks: [seen]",
            "risk.yaml:11: risk.high, checks: no rule asks 'seen', so it can't be asked again; see asks",
        ),
        ("of: boss", "of: base", "risk.yaml:10: risk.high, confirms.contact: roles: 'base' is used but not defined"),
        ("[email]", "[emial]", "risk.yaml:10: risk.high, confirms.contact: 'emial' is no field of a person"),
        (
            "contact: {of",
            "checks: {of",
            "risk.yaml:10: risk.high, confirms.checks: 'checks' is the name of what is asked of verifiers",
        ),
        (
            "{of: boss,",
            "{of: boss, when: {country: [XX], not: {country: [XX]}},",
            "risk.yaml:10: risk.high, confirms.contact.when: can never hold: it asks for what it denies",
        ),
        ("country: [XX]}", "country: []}", "risk.yaml:6: risk.high, when: can never hold: no country is left"),
        ("every_days: 365", "every_days: 0", "risk.yaml:7: risk.high.every_days: Input should be greater than 0"),
        ("asks: [seen]", "asks: [look]", "pack.yaml:6: checks.look, inputs: 'given_name' is no field of an account"),
    ],
)
def test_a_problem_of_a_risk_class_is_told_with_its_place(old: str, new: str, problem: str) -> None:
    assert RISK.count(old) == 1

    assert _risk_told(RISK.replace(old, new))[0] == problem


def test_a_rule_is_not_named_as_those_of_reviews_are() -> None:
    [problem] = lint_packs({"pack": PACK.replace("name: one", "name: risk.one")})

    assert (problem.line, problem.message) == (9, "risk. begins the names of what periodic reviews ask")

"""Refusals that name the place, and bytes that stay the same."""

import json
from typing import Any

import pytest

from onboarding.catalogue import CatalogueError, builtin_policy, compile_policy, load_packs
from onboarding.catalogue.loader import builtin_bytes, policy_bytes

PACK = """
capabilities: {merchant.pay: {}}
groups: {all: [merchant.pay]}
roles: {boss: {flag: representative, prefix: boss}}
sets: {name: [given_name, surname]}
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
      - {field: phone, bound_to: email, error: wrong}
      - {check: look, pending: [given_name], remedies: {"*": {raises: [surname]}}}
      - {age: 18, raises: [email], error: wrong}
    restricts: [{capabilities: [all], falls: at_request, grace_days: 3}]
"""


def _compiled(text: str) -> None:
    compile_policy(policy_bytes("test", 1, load_packs({"pack": text})))


def test_the_sample_pack_compiles() -> None:
    _compiled(PACK)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("    source: somewhere\n", "", "pack: rules.0.source: Field required"),
        ("source: somewhere", "source: ''", "pack: rules.0.source: String should have at least 1 character"),
        ("    of: boss", "    oof: boss", "pack: rules.0.oof: Extra inputs are not permitted"),
        ("sets: {", "setz: {", "pack: setz: Extra inputs are not permitted"),
        ("{field: phone, b", "{field: phone, c: 1, b", "pack: rules.0.needs.2.field.c: Extra inputs are not permitted"),
        ("pending: [", "pendng: [", "pack: rules.0.needs.3.check.pendng: Extra inputs are not permitted"),
        (
            "      - email",
            "      - {feeld: email}",
            "pack: rules.0.needs.1: a need is a leaf, or has one of the keys field, set, check, age",
        ),
        ("      - email", "      - 3", "pack: rules.0.needs.1: a need is a leaf, or has one of the keys"),
        ("bound_to: email, ", "", "pack: rules.0.needs.2.field: Value error, bound_to and error go together"),
        ("      - {set: name}", "      - {set: nam}", "sets: 'nam' is used but not defined"),
        ("inputs: [{set: name}]", "inputs: [{set: nam}]", "sets: 'nam' is used but not defined"),
        ("inputs: [{set: name}]", "inputs: [{sett: name}]", "pack: checks.look.inputs.0.set.sett: Extra inputs"),
        ("check: look,", "check: lok,", "checks: 'lok' is used but not defined"),
        ("check: look,", "check: look, alternatives: [lok],", "checks: 'lok' is used but not defined"),
        ("error: wrong}\n      - {check", "error: wrnog}\n      - {check", "errors: 'wrnog' is used but not defined"),
        ("error: wrong}\n    restricts", "error: wrnog}\n    restricts", "errors: 'wrnog' is used but not defined"),
        ('"*": {raises: [surname]}', '"*": {raises: []}, wrnog: {raises: []}', "errors: 'wrnog' is used but not"),
        ('"*": {raises: [surname]}', "wrong: {raises: []}", "check look: remedies need one for any other code ('*')"),
        ("    of: boss", "    of: bos", "roles: 'bos' is used but not defined"),
        ("capabilities: [all]", "capabilities: [al]", "capabilities: 'al' is used but not defined"),
        ("all: [merchant.pay]", "all: [merchant.play]", "capabilities: 'merchant.play' is used but not defined"),
        ("merchant.pay: {}", "merchant.pay: {granted_with: [x]}", "capabilities: 'x' is used but not defined"),
        ("falls: at_request", "falls: at_once", "pack: rules.0.restricts.0.falls: Input should be 'at_request'"),
        ("grace_days: 3", "grace_days: 0", "pack: rules.0.restricts.0.grace_days: Input should be greater than 0"),
        ("country: [XX]", "country: [NO]", "pack: rules.0.when.country.0: Input should be a valid string"),
        ("errors: {", "errors: {wrong: Twice., ", "pack: wrong is defined twice"),
        ("    of: boss\n", "    of: boss\n    of: boss\n", "pack: of is defined twice"),
        ("sets: {name", "sets: {name", None),
    ],
)
def test_a_problem_is_told_with_its_place(old: str, new: str, problem: str | None) -> None:
    assert PACK.count(old) == 1
    if problem is None:
        _compiled(PACK.replace(old, new))
        return

    with pytest.raises(CatalogueError) as caught:
        _compiled(PACK.replace(old, new))

    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize("text", ["sets: [", "3", "- a"])
def test_what_is_no_pack_is_refused(text: str) -> None:
    with pytest.raises(CatalogueError, match=r"^pack: "):
        load_packs({"pack": text})


@pytest.mark.parametrize(
    ("section", "content"),
    [
        ("capabilities", "{merchant.pay: {}}"),
        ("sets", "{name: [x]}"),
        ("errors", "{wrong: Other.}"),
        ("roles", "{boss: {flag: x, prefix: y}}"),
    ],
)
def test_a_name_of_another_pack_is_refused(section: str, content: str) -> None:
    name = content.strip("{").partition(":")[0]

    with pytest.raises(CatalogueError, match=rf"^other: {section}\.{name} is defined twice$"):
        load_packs({"pack": PACK, "other": f"{section}: {content}"})


def test_two_rules_of_one_name_are_refused() -> None:
    second = PACK[PACK.index("rules:") :]

    with pytest.raises(CatalogueError, match=r"^rules: one defined twice$"):
        compile_policy(policy_bytes("test", 1, load_packs({"pack": PACK, "other": second})))


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
    assert builtin_policy().age_limits == (18,)


def test_every_rule_of_the_built_in_policy_tells_its_source() -> None:
    assert all(rule.source.strip() for rule in builtin_policy().rules)

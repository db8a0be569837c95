"""Publishing: versions that never change, and refusals that name everything with its place."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from onboarding.catalogue.loader import builtin_packs, compile_policy
from onboarding.domain.errors import Refusal
from onboarding.door.callers import Caller
from onboarding.engine import Engine
from onboarding.policies.packs import read
from tests.policies.telling import WORKERS, asking, published
from tests.stories.telling import fetch, new_caller

OWN = """
capabilities:
  merchant.acme_instant_payout:
    unsupported: [{code: unsupported_country, when: {known: [country], not: {country: [US]}}}]
checks:
  acme_warehouse: {inputs: [identity.business_details.registered_name], requires:
    [identity.business_details.registered_name], report_within_hours: 48}
errors: {acme_no_warehouse: No warehouse was found. Please give its address.}
rules:
  - name: acme.warehouse
    source: Acme's terms, 7
    of: account
    when: {country: [US], requested: [merchant.acme_instant_payout]}
    needs: [defaults.profile.product_description]
    restricts: [{capabilities: [merchant.acme_instant_payout], falls: at_request, grace_days: 10}]
"""
"""A requirement and a capability of a platform's own."""


async def versions(engine: Engine, platform_id: str | None) -> list[tuple[str, str]]:
    rows = await fetch(
        engine,
        "SELECT name, version FROM policies WHERE platform_id IS NOT DISTINCT FROM $1 ORDER BY 1, 2",
        platform_id,
    )
    return [(row[0], row[1]) for row in rows]


async def problems(engine: Engine, platform_id: str, packs: dict[str, str], **options: Any) -> list[dict[str, Any]]:
    with pytest.raises(Refusal) as caught:
        await engine.policy_book.publish(packs, "acme", platform_id, **{"with_builtin": True, **options})
    assert caught.value.code == "policy_invalid"
    found: Any = caught.value.extra["problems"]
    return list(found)


async def test_versions_are_counted_and_the_same_packs_are_the_same_version(engine: Engine, caller: Caller) -> None:
    texts = [asking(), asking(restricts="[{capabilities: [all], falls: eventually}]"), asking()]
    made = [
        await engine.policy_book.publish({"acme.yaml": text}, "acme", caller.platform_id, with_builtin=True)
        for text in texts
    ]
    assert [(one.row.version, one.is_new) for one in made] == [("1", True), ("2", True), ("1", False)]
    assert made[0].row == made[2].row
    assert made[0].id == f"pol_{made[0].row.hash[:24]}"
    assert await versions(engine, caller.platform_id) == [("acme", "1"), ("acme", "2")]
    policy = compile_policy(made[1].row.document)
    assert policy.hash == made[1].row.hash
    assert "acme.workers" in {rule.name for rule in policy.rules}
    assert await fetch(engine, "SELECT 1 FROM accounts WHERE policy_hash = $1", made[1].row.hash) == []


async def test_platforms_may_say_the_same_under_the_same_name(engine: Engine, caller: Caller) -> None:
    other = await new_caller(engine)
    assert len({await published(engine, one) for one in (caller.platform_id, other.platform_id)}) == 2
    assert await versions(engine, other.platform_id) == [("acme", "1")]


async def test_publishers_at_once_take_turns(engine: Engine, caller: Caller) -> None:
    texts = [asking(needs=f"[{WORKERS}] # {number}", source=f"'{number % 2}'") for number in range(4)]
    await asyncio.gather(*(published(engine, caller.platform_id, text) for text in texts))
    assert await versions(engine, caller.platform_id) == [("acme", "1"), ("acme", "2")]


async def test_own_capability_and_requirement_are_asked_for(engine: Engine, caller: Caller) -> None:
    policy = compile_policy(
        (await engine.policy_book.find(None, await published(engine, caller.platform_id, OWN))).document
    )
    assert "merchant.acme_instant_payout" in policy.capabilities
    assert policy.checks["acme_warehouse"].requires == ("identity.business_details.registered_name",)
    assert policy.errors["acme_no_warehouse"].startswith("No warehouse")
    assert len(policy.rules) == len(engine.policies.current.rules) + 1


RULE = asking()

BAD: dict[str, tuple[str, tuple[int, str, str, str]]] = {
    "no YAML": ("rules: [", (1, "", "", "expected the node content")),
    "not a pack": ("- one\n", (1, "", "", "Input should be")),
    "unknown section": ("rulez: []\n", (1, "", "rulez", "Extra inputs are not permitted")),
    "misspelt part": (RULE.replace("    of:", "    oof:"), (4, "acme.workers", "oof", "Extra inputs")),
    "missing part": (RULE.replace("    of: account\n", ""), (2, "acme.workers", "of", "Field required")),
    "no source": (RULE.replace("source: Acme's own", "source: ''"), (3, "acme.workers", "source", "at least 1")),
    "twice": (f"{RULE}    of: account\n", (8, "", "", "of is defined twice")),
    "unknown set": (asking(needs="[{set: nowhere}]"), (6, "acme.workers", "needs[0]", "'nowhere' is used but not")),
    "unknown field": (asking(needs="[identity.shoe_size]"), (6, "acme.workers", "needs[0]", "no field of an account")),
    "unknown role": (asking(of="captain"), (4, "acme.workers", "of", "'captain' is used but not defined")),
    "unknown capability": (
        asking(restricts="[{capabilities: [merchant.teleport], falls: at_request}]"),
        (7, "acme.workers", "restricts", "'merchant.teleport' is used but not defined"),
    ),
    "unknown check": (
        asking(needs='[{check: seance, pending: [], remedies: {"*": {raises: []}}}]'),
        (6, "acme.workers", "needs[0]", "'seance' is used but not defined"),
    ),
    "unknown error": (
        asking(needs=f"[{{field: {WORKERS}, bound_to: {WORKERS}, error: acme_odd}}]"),
        (6, "acme.workers", "needs[0]", "'acme_odd' is used but not defined"),
    ),
    "unknown condition": (asking(when="{colour: [red]}"), (5, "acme.workers", "when", "neither a kind of condition")),
    "no country": (asking(when="{country: [USA]}"), (5, "acme.workers", "when", "no two-letter country code")),
    "never holds": (
        asking(when="{country: [US], not: {country: [US]}}"),
        (5, "acme.workers", "when", "can never hold"),
    ),
    "no grace": (
        asking(restricts="[{capabilities: [all], falls: at_request, grace_days: -3}]"),
        (7, "acme.workers", "restricts.0.grace_days", "greater than 0"),
    ),
    "circle": ("sets: {acme_a: [{set: acme_b}], acme_b: [{set: acme_a}]}\n", (1, "", "sets.acme_a", "contains itself")),
    "of another pack": (
        "errors:\n  invalid_business_profile_name: Other.\n",
        (2, "", "errors.invalid_business_profile_name", "is defined in base.yaml already"),
    ),
    "rule of another pack": (asking("us.mcc"), (2, "us.mcc", "name", "us.mcc is the name of 2 rules")),
    "no day": (asking(**{"from": "2027-02-30"}), (7, "", "", "day is out of range")),
    "aliases of aliases": (
        "sets:\n  acme_0: &a0 [email, email, email, email, email, email, email, email, email, email]\n"
        + "".join(f"  acme_{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)),
        (0, "", "", "has more than 200000 parts"),
    ),
    "itself": ("sets: &all {acme: *all}\n", (0, "", "", "is nested too deeply")),
    "too deep": ("sets: " + "[" * 5000, (0, "", "", "is nested too deeply")),
}


@pytest.fixture(scope="module")
async def publisher(engine: Engine) -> Caller:
    """A platform that has published something good."""
    caller = await new_caller(engine)
    await published(engine, caller.platform_id, asking("acme.before"))
    return caller


@pytest.mark.parametrize("kind", BAD)
async def test_what_is_wrong_is_refused_with_its_place_and_reason(engine: Engine, publisher: Caller, kind: str) -> None:
    caller = publisher
    before, current = await versions(engine, caller.platform_id), await engine.policy_book.current_hash(caller)
    text, (line, rule, at, message) = BAD[kind]
    found = (await problems(engine, caller.platform_id, {"acme": text}))[0]
    assert found["file"] in ("acme", "acme.yaml")
    assert (found["line"], found["rule"], found["at"]) == (line, rule, at)
    assert message in found["message"]
    assert await versions(engine, caller.platform_id) == before
    assert await engine.policy_book.current_hash(caller) == current


async def test_everything_that_is_wrong_is_told_at_once(engine: Engine, caller: Caller) -> None:
    texts = {
        "one": asking("acme.one", needs="[identity.shoe]", when="{colour: [red]}"),
        "two": asking(needs="[{set: nowhere}]"),
    }
    found = await problems(engine, caller.platform_id, texts)
    assert [(one["file"], one["line"], one["rule"], one["at"]) for one in found] == [
        ("one.yaml", 5, "acme.one", "when"),
        ("one.yaml", 6, "acme.one", "needs[0]"),
        ("two.yaml", 6, "acme.workers", "needs[0]"),
    ]


@pytest.mark.parametrize(
    ("packs", "message"),
    [
        ({}, "a policy is made of one pack at least"),
        ({"../acme": RULE}, "a pack is named with"),
        ({"a b": RULE}, "a pack is named with"),
        ({"acme": RULE, "acme.yaml": RULE}, "two packs have the same name"),
    ],
)
async def test_packs_need_names_of_their_own(
    engine: Engine, caller: Caller, packs: dict[str, str], message: str
) -> None:
    assert message in (await problems(engine, caller.platform_id, packs))[0]["message"]


async def test_pack_of_a_shipped_name_takes_its_place_only_where_it_may(engine: Engine, caller: Caller) -> None:
    mine = {"nl": builtin_packs()["nl"].replace("grace_days: 14", "grace_days: 15")}
    found = await problems(engine, caller.platform_id, mine, may_replace=False)
    assert found == [{"file": "nl.yaml", "line": 0, "rule": "", "at": "", "message": found[0]["message"]}]
    assert "ships" in found[0]["message"]
    rules = {rule["name"]: rule for rule in read(mine, with_builtin=True)["rules"]}
    assert rules["nl.kvk"]["restricts"][0]["grace_days"] == 15


@pytest.mark.parametrize("name", ["", "builtin", "Acme", "a" * 65, "a b", "-a"])
async def test_odd_names_are_refused(engine: Engine, caller: Caller, name: str) -> None:
    with pytest.raises(Refusal, match="parameter_invalid"):
        await engine.policy_book.publish({"acme": RULE}, name, caller.platform_id, with_builtin=True)


async def test_policy_is_found_by_id_hash_version_and_name(engine: Engine, caller: Caller) -> None:
    name = f"p{caller.platform_id[-12:]}"
    first = await published(engine, caller.platform_id, asking(), name)
    second = await published(engine, caller.platform_id, asking("acme.other"), name)
    for reference in (f"pol_{first[:24]}", f"pol_{first}", first, f"{name}@1"):
        assert (await engine.policy_book.find(None, reference)).hash == first
    assert (await engine.policy_book.find(None, name)).hash == second
    assert (await engine.policy_book.find(None, "builtin")).hash == engine.policies.current.hash
    await published(engine, None, asking("acme.third"), name)
    with pytest.raises(Refusal, match="parameter_invalid"):  # two are called so
        await engine.policy_book.find(None, name)
    for reference in (name, "builtin", f"{name}@1", "pol_00", "nobody"):
        with pytest.raises(Refusal, match="not_found"):
            await engine.policy_book.find(caller, reference)

"""Canada: every entity type comes through in one round, and what the registry does not confirm is proved otherwise."""

from __future__ import annotations

import json

import pytest

from onboarding.catalogue import compile_policy
from onboarding.catalogue.loader import builtin_bytes, policy_bytes
from onboarding.domain.policy import Policies
from tests.catalogue.driver import bare, due_letters, onboard
from tests.domain.stories import CARD, CARD_PAYOUTS, TRANSFER_PAYOUTS, TRANSFERS, Story, World, fails

SHOWN = (CARD, CARD_PAYOUTS, TRANSFERS, TRANSFER_PAYOUTS)
ALL = (CARD, TRANSFERS)
DOCUMENT = json.loads(builtin_bytes())["document"]
RULES = [rule["name"] for rule in DOCUMENT["rules"] if rule["name"].startswith("ca.")]
KINDS = {
    "keyed_identity": "verification_failed_keyed_identity",
    "address_match": "verification_failed_address_match",
    "registry_match": "verification_failed_keyed_match",
    "directors_match": "verification_missing_directors",
    "website_review": "invalid_url_website_empty",
    "name_review": "invalid_business_profile_name",
    "descriptor_review": "invalid_statement_descriptor_length",
}


@pytest.mark.parametrize("entity_type", ["individual", "company", "non_profit", "government_entity"])
def test_what_is_asked_is_enough(entity_type: str) -> None:
    done = onboard(bare("CA", entity_type, requested=ALL))

    assert (done.open_entries, done.inactive, len(done.rounds)) == ([], {}, 1)


def test_a_bare_individual_is_asked_for_these() -> None:
    story = Story(bare("CA", "individual", requested=ALL))

    letters = due_letters(story, SHOWN)
    assert letters["external_account"] == "-p-p"
    assert letters["configuration.merchant.mcc"] == "pp--"
    assert {letters[f"identity.individual.{leaf}"] for leaf in ("given_name", "address.state", "email")} == {"pppp"}
    assert len(letters) == 17


def _failing(policies: Policies, entity_type: str) -> dict[str, str]:
    world = World({kind: fails(code) for kind, code in KINDS.items()})
    story = onboard(bare("CA", entity_type, requested=ALL), world, policies=policies).story
    return due_letters(story, SHOWN)


def test_what_the_registry_does_not_confirm_is_proved_by_documents() -> None:
    world = World({kind: fails(code) for kind, code in KINDS.items() if kind.endswith("_match")})

    done = onboard(bare("CA", "company", requested=ALL), world)

    documents = "identity.business_details.documents"
    assert {f"{documents}.primary_verification", f"{documents}.proof_of_registration"} <= done.asked
    assert done.inactive == {}


def _outcomes(policies: Policies) -> list[object]:
    found: list[object] = []
    for entity_type in (None, "individual", "company", "non_profit"):
        bare_story = Story(bare("CA", entity_type, requested=ALL), policies=policies)
        found += [due_letters(bare_story, SHOWN)]
        if entity_type is not None:
            found += [_failing(policies, entity_type)]
            done = onboard(bare("CA", entity_type, requested=ALL), policies=policies)
            found += [sorted({f"{due.kind} {due.subject}" for due in done.story.world.asked})]
    return found


def test_without_any_one_rule_something_changes() -> None:
    whole = _outcomes(Policies(compile_policy(builtin_bytes())))
    unseen = []
    for name in RULES:
        rules = [rule for rule in DOCUMENT["rules"] if rule["name"] != name]
        policies = Policies(compile_policy(policy_bytes("without", 1, {**DOCUMENT, "rules": rules})))
        if _outcomes(policies) == whole:
            unseen.append(name)

    assert unseen == ["ca.individual.age", "ca.representative.age"]  # a shape without a birth date tells no age

"""Every kind of European account is onboarded by a user who does what is asked, and each failure has its way out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from onboarding.domain.demands import CheckDue
from onboarding.domain.state import ACCOUNT
from onboarding.validation.objects import words
from tests.catalogue.driver import Onboarding, bare, due_letters, onboard
from tests.domain.stories import (
    CARD,
    CARD_PAYOUTS,
    DAY,
    PASSES,
    TRANSFER_PAYOUTS,
    TRANSFERS,
    URL,
    Said,
    Story,
    World,
    fails,
)

LOCAL = "recipient.bank_accounts.local"
BOTH = frozenset({CARD, TRANSFERS})
SHOWN = (CARD, CARD_PAYOUTS, TRANSFERS, TRANSFER_PAYOUTS)
COUNTRIES = sorted(
    words("AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK")
)
REQUESTS = (frozenset({CARD}), frozenset({TRANSFERS}), BOTH, frozenset({LOCAL}), frozenset({*BOTH, LOCAL}))
STRUCTURES: dict[str, tuple[str | None, ...]] = {
    "individual": (None, "sole_proprietorship"),
    "company": (
        None,
        "private_corporation",
        "public_listed_corporation",
        "incorporated_partnership",
        "unincorporated_partnership",
        "sole_proprietorship",
    ),
    "non_profit": (None, "incorporated_non_profit", "unincorporated_non_profit"),
}
ONE = 1  # rounds: whoever supplies everything at once is asked once

BUSINESS = "identity.business_details"
PROVIDED = "identity.attestations.persons_provided"
ENTITY_DOCUMENT = f"{BUSINESS}.documents.primary_verification"
REGISTRATION = f"{BUSINESS}.documents.proof_of_registration"
OWNERSHIP = ["identity.attestations.ownership_declaration.date", "identity.attestations.ownership_declaration.ip"]
DIRECTORSHIP = [
    "identity.attestations.directorship_declaration.date",
    "identity.attestations.directorship_declaration.ip",
]
PAST_DUE = "restricted/requirements_past_due/provide_info"
VERIFYING = "pending/requirements_pending_verification/no_resolution"


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("entity_type", STRUCTURES)
def test_who_supplies_what_is_asked_is_onboarded_in_one_round(country: str, entity_type: str) -> None:
    for structure in STRUCTURES[entity_type]:
        for requested in REQUESTS:
            done = onboard(bare(country, entity_type, structure, requested=requested))

            assert (done.open_entries, done.inactive, len(done.rounds)) == ([], {}, ONE), (structure, requested)


@pytest.mark.parametrize("country", ["DE", "GB", "IE", "NO"])
def test_an_account_without_an_entity_type_is_asked_for_that_first(country: str) -> None:
    done = onboard(bare(country, None, requested=BOTH), attributes={"entity_type": "individual"})

    assert done.rounds[0] == ("identity.entity_type",)
    assert (done.open_entries, done.inactive, len(done.rounds)) == ([], {}, 2)


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_european_government_is_not_onboarded(country: str) -> None:
    done = onboard(bare(country, "government_entity", requested=BOTH))

    assert set(done.inactive.values()) == {"unsupported/unsupported_entity_type/no_resolution"}
    assert done.rounds == ()


@pytest.mark.parametrize("country", ["GB", "DE", "FR"])
def test_who_is_everything_in_the_company_is_asked_once_about_himself(country: str) -> None:
    story = onboard(bare(country, "company", requested=BOTH)).story
    only = next(one for one in story.state.shape.persons if "representative" in one.roles)
    everything = type(only)(only.id, only.roles | {"owner", "director", "executive"}, only.facts)

    story.change_shape(persons=(everything,))

    assert story.due == {}
    assert set(story.capabilities.values()) == {"active"}


@pytest.mark.parametrize("country", ["GB", "DE", "IT"])
def test_a_company_may_say_that_it_has_no_directors_and_owners(country: str) -> None:
    story = onboard(bare(country, "company", requested=BOTH)).story
    kept = tuple(one for one in story.state.shape.persons if not one.roles & {"director", "owner"})

    story.change_shape(persons=kept)
    assert (story.due, story.capabilities) == ({}, ALL_ACTIVE)
    story.unset(f"{PROVIDED}.directors", f"{PROVIDED}.owners")

    assert {f"{PROVIDED}.directors", f"{PROVIDED}.owners", "directors.surname", "owners.surname"} <= set(story.due)


def test_what_is_not_asked_of_whom() -> None:
    def asked(country: str, entity_type: str, structure: str | None = None) -> set[str]:
        return onboard(bare(country, entity_type, structure, requested=BOTH)).asked

    company = asked("GB", "company")
    assert not {one for one in company if one.endswith(".state")}
    assert {"directors.given_name", "owners.given_name", "executives.given_name"} <= company
    assert "representative.relationship.percent_ownership" not in company
    partnership = asked("GB", "company", "incorporated_partnership")
    assert not {one for one in partnership if "directors" in one}
    assert {"owners.relationship.percent_ownership", "representative.relationship.percent_ownership"} <= partnership
    non_profit = asked("GB", "non_profit")
    assert not {one for one in non_profit if "owners" in one or "directors" in one}
    assert "representative.relationship.executive" not in non_profit
    assert "executives.given_name" in non_profit
    assert not {one for one in asked("IE", "company") if "postal_code" in one}
    sole = asked("FR", "company", "sole_proprietorship")
    assert not {one for one in sole if one.startswith(("directors", "owners", "executives", PROVIDED))}


def test_a_norwegian_recipient_of_payouts_is_asked_for_name_and_birth_date_only() -> None:
    story = Story(bare("NO", "individual", requested={LOCAL}))

    assert story.document == {
        "alternatives": [],
        "entries": [
            {
                "id": entry["id"],
                "awaiting_action_from": "user",
                "description": f"identity.individual.{leaf}",
                "errors": [],
                "impact": {
                    "restricts_capabilities": [
                        {
                            "capability": "bank_accounts.local",
                            "configuration": "recipient",
                            "deadline": {"status": "past_due"},
                        }
                    ]
                },
                "minimum_deadline": {"status": "past_due"},
                "reference": None,
                "requested_reasons": [{"code": "routine_onboarding"}],
            }
            for entry, leaf in zip(
                story.document["entries"],
                ("date_of_birth.day", "date_of_birth.month", "date_of_birth.year", "given_name", "surname"),
                strict=True,
            )
        ],
        "summary": {"minimum_deadline": {"status": "past_due", "time": None}},
    }
    assert story.capabilities == {LOCAL: PAST_DUE}
    assert {due.kind for due in onboard(story).story.world.asked} == {"screening"}


def _first_fails(kind: str, *codes: str) -> World:
    """The kind's first question fails; another one, about other inputs, passes."""
    seen: list[CheckDue] = []

    def answer(due: CheckDue) -> Said:
        if due.kind != kind:
            return PASSES
        seen.append(due)
        return fails(*codes) if due == seen[0] else PASSES

    return World(otherwise=answer)


def _asked_once(country: str, entity_type: str, world: World) -> Onboarding:
    return onboard(bare(country, entity_type, requested=BOTH), world, rounds=ONE)


def _passes_time(story: Story, days: float) -> dict[str, str]:
    return story.wait(timedelta(days=days)).capabilities


PAYOUTS_ONLY = {CARD: "active", CARD_PAYOUTS: PAST_DUE, TRANSFERS: "active", TRANSFER_PAYOUTS: PAST_DUE}
ALL_ACTIVE = dict.fromkeys(SHOWN, "active")
ALL_PAST_DUE = dict.fromkeys(SHOWN, PAST_DUE)


@pytest.mark.parametrize(
    ("country", "entity_type", "kind", "code", "entry", "document"),
    [
        ("GB", "company", "registry_match", "verification_failed_keyed_match", ENTITY_DOCUMENT, "entity_document"),
        (
            "FR", "individual", "keyed_identity", "verification_failed_keyed_identity",
            "identity.individual.documents.primary_verification", "identity_document",
        ),
        (
            "FR", "individual", "address_match", "verification_failed_address_match",
            "identity.individual.documents.secondary_verification", "address_document",
        ),
        (
            "NL", "non_profit", "representative_authority", "verification_failed_representative_authority",
            "person_representative:documents.company_authorization", "authority_document",
        ),
        ("ES", "company", "owners_match", "verification_failed_other", REGISTRATION, "registration_document"),
    ],
)  # fmt: skip
def test_a_failure_is_made_good_by_a_document(
    country: str, entity_type: str, kind: str, code: str, entry: str, document: str
) -> None:
    done = _asked_once(country, entity_type, _first_fails(kind, code))

    assert done.story.errors(entry) == [code]
    assert done.open_entries == [entry]
    assert done.story.capabilities == ALL_ACTIVE

    again = onboard(done.story)

    assert (again.rounds, again.open_entries, again.inactive) == (((entry,),), [], {})
    assert document in {due.kind for due in again.story.world.asked}


@pytest.mark.parametrize(
    ("country", "kind", "entry"),
    [
        ("DE", "registry_match", ENTITY_DOCUMENT),
        ("DE", "keyed_identity", "person_representative:documents.primary_verification"),
        ("DE", "address_match", "person_directors:documents.secondary_verification"),
    ],
)
def test_a_missing_document_stops_payouts_after_a_fortnight_and_nothing_else_ever(
    country: str, kind: str, entry: str
) -> None:
    story = _asked_once(country, "company", World({kind: fails("verification_failed_other")})).story

    assert due_letters(story, SHOWN)[entry] == "-c-c verification_failed_other"
    assert _passes_time(story, 13.99) == ALL_ACTIVE
    assert _passes_time(story, 0.01) == PAYOUTS_ONLY
    assert _passes_time(story, 100) == PAYOUTS_ONLY


@pytest.mark.parametrize(
    "code",
    ["verification_directors_mismatch", "verification_missing_directors", "verification_extraneous_directors"],
)
def test_directors_who_differ_from_the_register_stop_payouts_then_payments(code: str) -> None:
    story = _asked_once("DE", "company", World({"directors_match": fails(code)})).story
    entry = f"{PROVIDED}.directors"

    assert due_letters(story, SHOWN) == {entry: f"cccc {code}"}
    assert story.alternatives == [([entry], [DIRECTORSHIP])]
    assert _passes_time(story, 14) == PAYOUTS_ONLY
    assert _passes_time(story, 14) == ALL_PAST_DUE

    story.supply(*DIRECTORSHIP)

    assert (story.due, story.capabilities) == ({}, ALL_ACTIVE)


def test_another_director_s_name_is_compared_anew() -> None:
    story = _asked_once("GB", "company", _first_fails("directors_match", "verification_directors_mismatch")).story

    story.supply("surname", of="person_directors", value="2")

    assert (story.due, story.capabilities) == ({}, ALL_ACTIVE)


def test_owners_whom_the_register_does_not_know_are_declared() -> None:
    done = onboard(
        bare("DE", "company", requested=BOTH), World({"owners_match": fails("verification_failed_other")}), rounds=ONE
    )

    assert due_letters(done.story, SHOWN) == dict.fromkeys(OWNERSHIP, "cccc verification_failed_other")
    assert done.story.capabilities == ALL_ACTIVE

    again = onboard(done.story)

    assert (again.rounds, again.open_entries, again.inactive) == ((tuple(OWNERSHIP),), [], {})


def test_british_payouts_are_paused_until_the_owners_are_confirmed_or_declared() -> None:
    silent = _asked_once("GB", "company", World({"owners_match": Said(None)})).story
    story = _asked_once("GB", "company", World({"owners_match": fails("verification_failed_other")})).story

    assert silent.capabilities == {
        CARD: "active", CARD_PAYOUTS: VERIFYING, TRANSFERS: "active", TRANSFER_PAYOUTS: VERIFYING,
    }  # fmt: skip
    assert story.capabilities == PAYOUTS_ONLY
    assert due_letters(story, SHOWN) == dict.fromkeys(OWNERSHIP, "cpcp verification_failed_other")

    story.supply(*OWNERSHIP)

    assert (story.due, story.capabilities) == ({}, ALL_ACTIVE)


@pytest.mark.parametrize(("country", "payouts"), [("GB", "p"), ("DE", "c"), ("ES", "c")])
def test_a_missing_owner_is_added(country: str, payouts: str) -> None:
    story = _asked_once(country, "company", _first_fails("owners_match", "verification_missing_owners")).story
    entry = f"{PROVIDED}.owners"
    owner = next(one for one in story.state.shape.persons if "owner" in one.roles)
    other = type(owner)("person_other", owner.roles, {**owner.facts, "surname": owner.facts["given_name"]})

    assert due_letters(story, SHOWN) == {entry: f"c{payouts}c{payouts} verification_missing_owners"}
    assert story.alternatives[0] == ([entry], [[REGISTRATION] if country == "ES" else OWNERSHIP])

    story.change_shape(persons=(*story.state.shape.persons, other))

    assert (story.due, story.capabilities) == ({}, ALL_ACTIVE)


@pytest.mark.parametrize("country", ["GB", "DE", "ES"])
@pytest.mark.parametrize("kind", ["owners_match", "executives_match"])
def test_an_owner_written_otherwise_in_the_register_is_onboarded(country: str, kind: str) -> None:
    story = _asked_once(country, "company", World({kind: fails("verification_failed_name_match")})).story

    assert (story.due, story.capabilities) == ({}, ALL_ACTIVE)
    assert [row.reasons for row in story.state.evidence if row.kind == kind] == [("verification_failed_name_match",)]


def test_a_declaration_made_before_the_owner_changed_counts_no_more() -> None:
    story = _asked_once("DE", "company", World({"owners_match": fails("verification_failed_other")})).story
    story.supply(*OWNERSHIP)
    assert story.due == {}

    story.wait(DAY).supply("surname", of="person_owners", value="2")

    assert set(story.due) == set(OWNERSHIP)


@pytest.mark.parametrize(
    ("country", "leaf"), [("ES", "id_numbers.es_nif"), ("IT", "id_numbers.it_cf"), ("PT", "id_numbers.pt_nif")]
)
def test_a_person_s_number_that_does_not_match_is_corrected_or_a_document_is_shown(country: str, leaf: str) -> None:
    world = World({"id_number_match": fails("verification_failed_id_number_match")})
    story = _asked_once(country, "individual", world).story
    entry, document = f"identity.individual.{leaf}", "identity.individual.documents.primary_verification"

    assert due_letters(story, SHOWN) == {entry: "-c-c verification_failed_id_number_match"}
    assert story.alternatives == [([entry], [[document]])]

    story.supply("documents.primary_verification", of=story.state.shape.persons[0].id)

    assert (story.due, story.capabilities) == ({}, ALL_ACTIVE)


def test_a_website_that_was_found_is_given() -> None:
    world = World({"description_review": fails("invalid_url_web_presence_detected")})
    story = _asked_once("FR", "individual", world).story
    story.unset(URL).supply("defaults.profile.product_description")

    assert due_letters(story, SHOWN) == {URL: "cc-- invalid_url_web_presence_detected"}
    story.supply(URL)

    assert (story.due, story.capabilities) == ({}, ALL_ACTIVE)


@pytest.mark.parametrize("structure", ["unincorporated_partnership", "unincorporated_association"])
def test_what_stands_in_no_register_shows_a_document_and_declares_its_owners(structure: str) -> None:
    done = onboard(bare("GB", "company", structure, requested=BOTH))
    kinds = {due.kind for due in done.story.world.asked}

    assert {ENTITY_DOCUMENT, *OWNERSHIP} <= done.asked
    assert "entity_document" in kinds
    assert not kinds & {"registry_match", "owners_match", "executives_match"}
    assert f"{BUSINESS}.id_numbers.gb_crn" not in done.asked


def test_a_number_changed_after_the_terms_asks_to_accept_them_again() -> None:
    story = onboard(bare("FR", "individual", "sole_proprietorship", requested=BOTH)).story

    story.wait(DAY).supply(f"{BUSINESS}.id_numbers.fr_siren", value="2")
    terms = "identity.attestations.terms_of_service.account.date"
    assert due_letters(story, SHOWN) == {terms: "cccc invalid_tos_acceptance"}
    assert story.errors(terms) == ["invalid_tos_acceptance"]
    story.supply(terms, of=ACCOUNT, value="2")

    assert (story.due, story.capabilities) == ({}, ALL_ACTIVE)

"""What each European rule does, pinned: taking any one of them away changes at least one scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import pytest

from onboarding.domain.conditions import AllOf, Among
from onboarding.domain.policy import Policies, Rule
from onboarding.domain.state import Age, Outcome
from onboarding.validation.objects import words
from tests.catalogue.driver import bare, due_letters, onboard
from tests.domain.stories import (
    BUILTIN,
    CARD,
    CARD_PAYOUTS,
    DAY,
    SILENT,
    START,
    TRANSFER_PAYOUTS,
    TRANSFERS,
    Said,
    Story,
    World,
    fails,
)

LOCAL = "recipient.bank_accounts.local"
SHOWN = (CARD, CARD_PAYOUTS, TRANSFERS, TRANSFER_PAYOUTS, LOCAL)
REQUESTED = frozenset({CARD, TRANSFERS, LOCAL})
PACKS = frozenset(["de", "es", "eu", "fr", "gb", "ie", "it", "nl"])
RULES = [rule for rule in BUILTIN.current.rules if rule.name.partition(".")[0] in PACKS]
MINOR = Age(((18, START + 300 * DAY),))
HIT = Said(Outcome.INCONCLUSIVE, ("screening_hit",))
TERMS = "identity.attestations.terms_of_service.account.date"
NUMBERS = "identity.business_details.id_numbers"
DESCRIPTION = "defaults.profile.product_description"

DECLARED = "identity.attestations.ownership_declaration"
ENTITY_DOCUMENT = "identity.business_details.documents.primary_verification"
ELSEWHERE = sorted(
    words(
        "at_fn be_cbe bg_uic ch_uid cy_he cz_ico dk_cvr ee_rk fi_yt gr_gemi hr_oib hu_cjs li_uid lt_ccrn lu_rcs lv_urn "
        "mt_crn no_orgnr pl_nip ro_cui se_orgnr si_msp sk_ico"
    )
)
"""Register numbers of the countries whose companies are asked for nothing else than a British one."""

ACTIVE = "active"
PAST_DUE = "restricted/requirements_past_due/provide_info"
DETERMINING = "pending/determining_status/no_resolution"

FAILURES = {
    "address_match": "verification_failed_address_match",
    "description_review": "invalid_product_description_url_match",
    "descriptor_review": "invalid_statement_descriptor_denylisted",
    "directors_match": "verification_missing_directors",
    "entity_document": "verification_document_not_readable",
    "executives_match": "verification_missing_executives",
    "id_number_match": "verification_failed_id_number_match",
    "keyed_identity": "verification_failed_keyed_identity",
    "name_review": "invalid_company_name_denylisted",
    "owners_match": "verification_failed_other",
    "registry_match": "verification_failed_keyed_match",
    "representative_authority": "verification_failed_representative_authority",
    "website_review": "invalid_url_website_inaccessible",
}


class Result(NamedTuple):
    """Every entry with what it does to card payments, their payouts, transfers, their payouts, and bank accounts."""

    entries: Mapping[str, str]
    capabilities: Mapping[str, str]


def _result(story: Story) -> Result:
    return Result(due_letters(story, SHOWN), story.capabilities)


def _bare(
    policies: Policies,
    country: str,
    entity_type: str | None,
    structure: str | None = None,
    requested: Iterable[str] = REQUESTED,
) -> Result:
    return _result(Story(bare(country, entity_type, structure, requested=requested), policies=policies))


def _fails(policies: Policies, country: str, entity_type: str, structure: str | None = None) -> Result:
    """Whatever can fail does, but screening."""
    world = World({kind: fails(code) for kind, code in FAILURES.items()})
    shape = bare(country, entity_type, structure, requested=REQUESTED)
    return _result(onboard(shape, world, policies=policies, rounds=1).story.supply(DESCRIPTION))


def _has_a_website(policies: Policies) -> Result:
    """The user described the products, and the engine found a website."""
    url = "defaults.profile.business_url"
    world = World({"description_review": fails("invalid_url_web_presence_detected")})
    story = onboard(bare("GB", "individual", requested=REQUESTED), world, policies=policies, rounds=1).story
    return _result(story.unset(url).supply(DESCRIPTION))


def _is_listed(policies: Policies, entity_type: str, who: str) -> Result:
    world = World({("screening", f"person_{who}"): HIT})
    return _result(onboard(bare("GB", entity_type, requested=REQUESTED), world, policies=policies).story)


def _is_minor(policies: Policies, entity_type: str, who: str) -> Result:
    story = onboard(bare("GB", entity_type, requested=REQUESTED), World({"screening": SILENT}), policies=policies).story
    persons = story.state.shape.persons
    young = [replace(one, age=MINOR) if one.id == f"person_{who}" else one for one in persons]
    return _result(story.change_shape(persons=tuple(young)))


def _renumbered(policies: Policies, number: str, entity_type: str = "company", structure: str | None = None) -> Result:
    """The number under which the terms were accepted is another now."""
    leaf = f"{NUMBERS}.{number}"
    country = number[:2].upper()
    story = onboard(bare(country, entity_type, structure, requested=REQUESTED), policies=policies).story
    story.supply(leaf).supply(TERMS, value="again")
    return _result(story.wait(DAY).supply(leaf, value="changed"))


SCENARIOS: dict[str, Callable[[Policies], Result]] = {
    "GB no entity type": partial(_bare, country="GB", entity_type=None),
    "GB company": partial(_bare, country="GB", entity_type="company"),
    "GB partnership": partial(_bare, country="GB", entity_type="company", structure="incorporated_partnership"),
    "GB unregistered": partial(_bare, country="GB", entity_type="company", structure="unincorporated_partnership"),
    "GB non-profit": partial(_bare, country="GB", entity_type="non_profit"),
    "DE company": partial(_bare, country="DE", entity_type="company"),
    "DE unregistered": partial(_bare, country="DE", entity_type="company", structure="unincorporated_partnership"),
    "FR individual": partial(_bare, country="FR", entity_type="individual"),
    "FR sole trader": partial(_bare, country="FR", entity_type="individual", structure="sole_proprietorship"),
    "FR company": partial(_bare, country="FR", entity_type="company"),
    "FR association": partial(_bare, country="FR", entity_type="non_profit"),
    "ES individual": partial(_bare, country="ES", entity_type="individual"),
    "ES company": partial(_bare, country="ES", entity_type="company"),
    "IT individual": partial(_bare, country="IT", entity_type="individual"),
    "IT company": partial(_bare, country="IT", entity_type="company"),
    "NL company": partial(_bare, country="NL", entity_type="company"),
    "IE individual": partial(_bare, country="IE", entity_type="individual"),
    "IE company": partial(_bare, country="IE", entity_type="company"),
    "IE unregistered": partial(_bare, country="IE", entity_type="company", structure="unincorporated_partnership"),
    "PT individual": partial(_bare, country="PT", entity_type="individual"),
    "NO recipient": partial(_bare, country="NO", entity_type="individual", requested={LOCAL}),
    "NO recipient company": partial(_bare, country="NO", entity_type="company", requested={LOCAL}),
    "PT company": partial(_bare, country="PT", entity_type="company"),
    **{
        f"{name[:2].upper()} company": partial(_bare, country=name[:2].upper(), entity_type="company")
        for name in ELSEWHERE
    },
    "GB individual fails everything": partial(_fails, country="GB", entity_type="individual"),
    "GB company fails everything": partial(_fails, country="GB", entity_type="company"),
    "GB non-profit fails everything": partial(_fails, country="GB", entity_type="non_profit"),
    "GB unregistered fails everything": partial(
        _fails, country="GB", entity_type="company", structure="unincorporated_partnership"
    ),
    "DE company fails everything": partial(_fails, country="DE", entity_type="company"),
    "ES individual fails everything": partial(_fails, country="ES", entity_type="individual"),
    "ES company fails everything": partial(_fails, country="ES", entity_type="company"),
    "IT individual fails everything": partial(_fails, country="IT", entity_type="individual"),
    "IT company fails everything": partial(_fails, country="IT", entity_type="company"),
    "PT individual fails everything": partial(_fails, country="PT", entity_type="individual"),
    "PT company fails everything": partial(_fails, country="PT", entity_type="company"),
    "GB individual has a website": _has_a_website,
    "GB individual is on a list": partial(_is_listed, entity_type="individual", who="individual"),
    "GB representative is on a list": partial(_is_listed, entity_type="company", who="representative"),
    "GB director is on a list": partial(_is_listed, entity_type="company", who="directors"),
    "GB executive is on a list": partial(_is_listed, entity_type="company", who="executives"),
    "GB owner is on a list": partial(_is_listed, entity_type="company", who="owners"),
    "GB minor individual": partial(_is_minor, entity_type="individual", who="individual"),
    "GB minor representative": partial(_is_minor, entity_type="company", who="representative"),
    "GB number changed": partial(_renumbered, number="gb_crn"),
    "DE register number changed": partial(_renumbered, number="de_hrn"),
    "DE tax number changed": partial(_renumbered, number="de_stn"),
    "FR number changed": partial(_renumbered, number="fr_siren"),
    "FR association's number changed": partial(_renumbered, number="fr_rna", entity_type="non_profit"),
    "IT register number changed": partial(_renumbered, number="it_rea"),
    "IT VAT number changed": partial(_renumbered, number="it_vat"),
    "NO number changed": partial(_renumbered, number="no_orgnr"),
}

GB_COMPANY = {
    "configuration.merchant.mcc": "pp---",
    "defaults.profile.business_url": "pp---",
    "configuration.merchant.statement_descriptor.descriptor": "pp---",
    "identity.attestations.terms_of_service.account.date": "pppp-",
    "identity.attestations.terms_of_service.account.ip": "pppp-",
    "external_account": "-p-p-",
    "identity.business_details.registered_name": "ppppp",
    "identity.business_details.address.line1": "pppp-",
    "identity.business_details.address.city": "pppp-",
    "identity.business_details.address.postal_code": "pppp-",
    "identity.business_details.phone": "pppp-",
    "representative.date_of_birth.day": "ppppp",
    "representative.date_of_birth.month": "ppppp",
    "representative.date_of_birth.year": "ppppp",
    "representative.given_name": "ppppp",
    "representative.surname": "ppppp",
    "representative.address.line1": "pppp-",
    "representative.address.city": "pppp-",
    "representative.address.postal_code": "pppp-",
    "representative.email": "pppp-",
    "representative.phone": "pppp-",
    "representative.relationship.title": "pppp-",
    "representative.relationship.executive": "pppp-",
    "directors.date_of_birth.day": "pppp-",
    "directors.date_of_birth.month": "pppp-",
    "directors.date_of_birth.year": "pppp-",
    "directors.given_name": "pppp-",
    "directors.surname": "pppp-",
    "directors.email": "pppp-",
    "directors.relationship.title": "pppp-",
    "identity.attestations.persons_provided.directors": "pppp-",
    "executives.date_of_birth.day": "pppp-",
    "executives.date_of_birth.month": "pppp-",
    "executives.date_of_birth.year": "pppp-",
    "executives.given_name": "pppp-",
    "executives.surname": "pppp-",
    "executives.email": "pppp-",
    "executives.address.line1": "pppp-",
    "executives.address.city": "pppp-",
    "executives.address.postal_code": "pppp-",
    "identity.attestations.persons_provided.executives": "pppp-",
    "owners.date_of_birth.day": "pppp-",
    "owners.date_of_birth.month": "pppp-",
    "owners.date_of_birth.year": "pppp-",
    "owners.given_name": "pppp-",
    "owners.surname": "pppp-",
    "owners.email": "pppp-",
    "owners.address.line1": "pppp-",
    "owners.address.city": "pppp-",
    "owners.address.postal_code": "pppp-",
    "identity.attestations.persons_provided.owners": "pppp-",
    "identity.business_details.id_numbers.gb_crn": "pppp-",
}
DE_COMPANY = {
    "configuration.merchant.mcc": "pp---",
    "defaults.profile.business_url": "pp---",
    "configuration.merchant.statement_descriptor.descriptor": "pp---",
    "identity.attestations.terms_of_service.account.date": "pppp-",
    "identity.attestations.terms_of_service.account.ip": "pppp-",
    "external_account": "-p-p-",
    "identity.business_details.registered_name": "ppppp",
    "identity.business_details.address.line1": "pppp-",
    "identity.business_details.address.city": "pppp-",
    "identity.business_details.address.postal_code": "pppp-",
    "identity.business_details.phone": "pppp-",
    "representative.date_of_birth.day": "ppppp",
    "representative.date_of_birth.month": "ppppp",
    "representative.date_of_birth.year": "ppppp",
    "representative.given_name": "ppppp",
    "representative.surname": "ppppp",
    "representative.address.line1": "pppp-",
    "representative.address.city": "pppp-",
    "representative.address.postal_code": "pppp-",
    "representative.email": "pppp-",
    "representative.phone": "pppp-",
    "representative.relationship.title": "pppp-",
    "representative.relationship.executive": "pppp-",
    "directors.date_of_birth.day": "pppp-",
    "directors.date_of_birth.month": "pppp-",
    "directors.date_of_birth.year": "pppp-",
    "directors.given_name": "pppp-",
    "directors.surname": "pppp-",
    "directors.email": "pppp-",
    "directors.relationship.title": "pppp-",
    "identity.attestations.persons_provided.directors": "pppp-",
    "executives.date_of_birth.day": "pppp-",
    "executives.date_of_birth.month": "pppp-",
    "executives.date_of_birth.year": "pppp-",
    "executives.given_name": "pppp-",
    "executives.surname": "pppp-",
    "executives.email": "pppp-",
    "executives.address.line1": "pppp-",
    "executives.address.city": "pppp-",
    "executives.address.postal_code": "pppp-",
    "identity.attestations.persons_provided.executives": "pppp-",
    "owners.date_of_birth.day": "pppp-",
    "owners.date_of_birth.month": "pppp-",
    "owners.date_of_birth.year": "pppp-",
    "owners.given_name": "pppp-",
    "owners.surname": "pppp-",
    "owners.email": "pppp-",
    "owners.address.line1": "pppp-",
    "owners.address.city": "pppp-",
    "owners.address.postal_code": "pppp-",
    "identity.attestations.persons_provided.owners": "pppp-",
    "identity.business_details.id_numbers.de_hrn": "pppp-",
    "identity.business_details.id_numbers.de_hrn.registrar": "pppp-",
    "directors.address.line1": "pppp-",
    "directors.address.city": "pppp-",
    "directors.address.postal_code": "pppp-",
}
FR_INDIVIDUAL = {
    "configuration.merchant.mcc": "pp---",
    "defaults.profile.business_url": "pp---",
    "configuration.merchant.statement_descriptor.descriptor": "pp---",
    "identity.attestations.terms_of_service.account.date": "pppp-",
    "identity.attestations.terms_of_service.account.ip": "pppp-",
    "external_account": "-p-p-",
    "identity.individual.date_of_birth.day": "ppppp",
    "identity.individual.date_of_birth.month": "ppppp",
    "identity.individual.date_of_birth.year": "ppppp",
    "identity.individual.given_name": "ppppp",
    "identity.individual.surname": "ppppp",
    "identity.individual.address.line1": "pppp-",
    "identity.individual.address.city": "pppp-",
    "identity.individual.address.postal_code": "pppp-",
    "identity.individual.email": "pppp-",
    "identity.individual.phone": "pppp-",
}


def _without(entries: Mapping[str, str], *gone: str) -> dict[str, str]:
    """The entries but those that begin or end so."""
    return {name: letters for name, letters in entries.items() if not (name.startswith(gone) or name.endswith(gone))}


def _numbers(*names: str) -> dict[str, str]:
    return {f"{NUMBERS}.{name}": "pppp-" for name in names}


ANY_COMPANY = _without(GB_COMPANY, f"{NUMBERS}.gb_crn")
PARTNERSHIP = _without(ANY_COMPANY, "directors.", "persons_provided.directors") | {
    "representative.relationship.percent_ownership": "pppp-",
    "owners.relationship.percent_ownership": "pppp-",
}
UNREGISTERED = PARTNERSHIP | {
    ENTITY_DOCUMENT: "-e-e-",
    f"{DECLARED}.date": "eeee-",
    f"{DECLARED}.ip": "eeee-",
}
NON_PROFIT = _without(
    ANY_COMPANY,
    "directors.",
    "owners.",
    "representative.relationship.executive",
    "persons_provided.directors",
    "persons_provided.owners",
)
NO_RECIPIENT = {
    "identity.individual.date_of_birth.day": "----p",
    "identity.individual.date_of_birth.month": "----p",
    "identity.individual.date_of_birth.year": "----p",
    "identity.individual.given_name": "----p",
    "identity.individual.surname": "----p",
}
DE_FAILURES = {
    "defaults.profile.business_url": "cc--- invalid_url_website_inaccessible",
    "defaults.profile.product_description": "cc--- invalid_product_description_url_match",
    "configuration.merchant.statement_descriptor.descriptor": "cc--- invalid_statement_descriptor_denylisted",
    "identity.business_details.registered_name": "cccc- invalid_company_name_denylisted",
    ENTITY_DOCUMENT: "-c-c- verification_failed_keyed_match",
    "identity.attestations.persons_provided.directors": "cccc- verification_missing_directors",
    "identity.attestations.persons_provided.executives": "cccc- verification_missing_executives",
    f"{DECLARED}.date": "cccc- verification_failed_other",
    f"{DECLARED}.ip": "cccc- verification_failed_other",
    "person_directors:documents.primary_verification": "-c-c- verification_failed_keyed_identity",
    "person_directors:documents.secondary_verification": "-c-c- verification_failed_address_match",
    "person_executives:documents.primary_verification": "-c-c- verification_failed_keyed_identity",
    "person_executives:documents.secondary_verification": "-c-c- verification_failed_address_match",
    "person_owners:documents.primary_verification": "-c-c- verification_failed_keyed_identity",
    "person_owners:documents.secondary_verification": "-c-c- verification_failed_address_match",
    "person_representative:documents.primary_verification": "-c-c- verification_failed_keyed_identity",
    "person_representative:documents.secondary_verification": "-c-c- verification_failed_address_match",
    "person_representative:documents.company_authorization": "-c-c- verification_failed_representative_authority",
}
FAILURES_ELSEWHERE = _without(DE_FAILURES, "person_directors:documents.secondary_verification")
# Nothing runs against payouts that were never active: the register of owners has to confirm first.
GB_FAILURES = {
    name: (
        letters.replace("cccc-", "cpcp-")
        if name.startswith(DECLARED) or name.endswith("executives")
        else letters.replace("cccc-", "cece-").replace("cc---", "ce---").replace("-c-c-", "-e-e-")
    )
    for name, letters in FAILURES_ELSEWHERE.items()
}
INDIVIDUAL_FAILURES = {
    "defaults.profile.business_url": "cc--- invalid_url_website_inaccessible",
    "defaults.profile.product_description": "cc--- invalid_product_description_url_match",
    "configuration.merchant.statement_descriptor.descriptor": "cc--- invalid_statement_descriptor_denylisted",
    "identity.individual.documents.primary_verification": "-c-c- verification_failed_keyed_identity",
    "identity.individual.documents.secondary_verification": "-c-c- verification_failed_address_match",
}
NUMBER_FAILED = "-c-c- verification_failed_id_number_match"
TOO_YOUNG = "ppppp invalid_dob_age_under_18"
BIRTH_DATE = ("date_of_birth.day", "date_of_birth.month", "date_of_birth.year")
TERMS_AGAIN = {TERMS: "cccc- invalid_tos_acceptance"}

BARE: dict[str, dict[str, str]] = {
    "GB no entity type": {"identity.entity_type": "ppppp"},
    "GB company": GB_COMPANY,
    "GB partnership": PARTNERSHIP | _numbers("gb_crn"),
    "GB unregistered": UNREGISTERED,
    "GB non-profit": NON_PROFIT | _numbers("gb_crn"),
    "DE company": DE_COMPANY,
    "DE unregistered": UNREGISTERED | _numbers("de_stn"),
    "FR individual": FR_INDIVIDUAL,
    "FR sole trader": FR_INDIVIDUAL | _numbers("fr_siren"),
    "FR company": ANY_COMPANY | _numbers("fr_siren"),
    "FR association": NON_PROFIT | _numbers("fr_rna"),
    "ES individual": FR_INDIVIDUAL | {"identity.individual.id_numbers.es_nif": "pppp-"},
    "ES company": ANY_COMPANY | _numbers("es_cif") | {"representative.id_numbers.es_nif": "pppp-"},
    "IT individual": FR_INDIVIDUAL
    | {"identity.individual.address.state": "pppp-", "identity.individual.id_numbers.it_cf": "pppp-"},
    "IT company": ANY_COMPANY
    | _numbers("it_rea")
    | {
        "identity.business_details.address.state": "pppp-",
        "representative.address.state": "pppp-",
        "representative.id_numbers.it_cf": "pppp-",
        "executives.address.state": "pppp-",
        "owners.address.state": "pppp-",
    },
    "NL company": ANY_COMPANY | _numbers("nl_kvk"),
    "IE individual": _without(FR_INDIVIDUAL, ".postal_code"),
    "IE company": _without(ANY_COMPANY, ".postal_code") | _numbers("ie_crn"),
    "IE unregistered": _without(UNREGISTERED, ".postal_code") | _numbers("ie_trn"),
    "PT individual": FR_INDIVIDUAL | {"identity.individual.id_numbers.pt_nif": "pppp-"},
    "PT company": ANY_COMPANY | _numbers("pt_vat") | {"representative.id_numbers.pt_nif": "pppp-"},
    "NO recipient": NO_RECIPIENT,
    "NO recipient company": {
        "identity.business_details.registered_name": "----p",
        "representative.date_of_birth.day": "----p",
        "representative.date_of_birth.month": "----p",
        "representative.date_of_birth.year": "----p",
        "representative.given_name": "----p",
        "representative.surname": "----p",
    },
} | {f"{name[:2].upper()} company": ANY_COMPANY | _numbers(name) for name in ELSEWHERE}

ALL_ACTIVE = dict.fromkeys(SHOWN, ACTIVE)
ALL_HELD = dict.fromkeys(SHOWN, DETERMINING)
AFTER_ACTIVATION: dict[str, Result] = {
    "GB individual fails everything": Result(INDIVIDUAL_FAILURES, ALL_ACTIVE),
    "GB company fails everything": Result(
        GB_FAILURES, ALL_ACTIVE | {CARD_PAYOUTS: PAST_DUE, TRANSFER_PAYOUTS: PAST_DUE}
    ),
    "GB unregistered fails everything": Result(
        _without(FAILURES_ELSEWHERE, "person_directors:", "directors", "executives", ".date", ".ip")
        | {ENTITY_DOCUMENT: "-c-c- verification_document_not_readable"},
        ALL_ACTIVE,
    ),
    "GB non-profit fails everything": Result(
        _without(FAILURES_ELSEWHERE, "person_directors:", "person_owners:", "directors", "executives", DECLARED),
        ALL_ACTIVE,
    ),
    "DE company fails everything": Result(DE_FAILURES, ALL_ACTIVE),
    "ES individual fails everything": Result(
        INDIVIDUAL_FAILURES | {"identity.individual.id_numbers.es_nif": NUMBER_FAILED}, ALL_ACTIVE
    ),
    "ES company fails everything": Result(
        _without(FAILURES_ELSEWHERE, DECLARED)
        | {
            "identity.business_details.documents.proof_of_registration": "cccc- verification_failed_other",
            "person_representative:id_numbers.es_nif": NUMBER_FAILED,
        },
        ALL_ACTIVE,
    ),
    "IT individual fails everything": Result(
        INDIVIDUAL_FAILURES | {"identity.individual.id_numbers.it_cf": NUMBER_FAILED}, ALL_ACTIVE
    ),
    "IT company fails everything": Result(
        FAILURES_ELSEWHERE | {"person_representative:id_numbers.it_cf": NUMBER_FAILED}, ALL_ACTIVE
    ),
    "PT individual fails everything": Result(
        INDIVIDUAL_FAILURES | {"identity.individual.id_numbers.pt_nif": NUMBER_FAILED}, ALL_ACTIVE
    ),
    "PT company fails everything": Result(
        FAILURES_ELSEWHERE | {"person_representative:id_numbers.pt_nif": NUMBER_FAILED}, ALL_ACTIVE
    ),
    "GB individual has a website": Result(
        {"defaults.profile.business_url": "cc--- invalid_url_web_presence_detected"}, ALL_ACTIVE
    ),
    "GB individual is on a list": Result({}, ALL_HELD),
    "GB representative is on a list": Result({}, ALL_HELD),
    "GB director is on a list": Result({}, ALL_HELD | {LOCAL: ACTIVE}),
    "GB executive is on a list": Result({}, ALL_HELD | {LOCAL: ACTIVE}),
    "GB owner is on a list": Result({}, ALL_HELD | {LOCAL: ACTIVE}),
    "GB minor individual": Result(
        {f"identity.individual.{leaf}": TOO_YOUNG for leaf in BIRTH_DATE}, dict.fromkeys(SHOWN, PAST_DUE)
    ),
    "GB minor representative": Result(
        {f"person_representative:{leaf}": TOO_YOUNG for leaf in BIRTH_DATE}, dict.fromkeys(SHOWN, PAST_DUE)
    ),
} | {name: Result(TERMS_AGAIN, ALL_ACTIVE) for name in SCENARIOS if name.endswith("number changed")}


def _expected(name: str) -> Result:
    if name in AFTER_ACTIVATION:
        return AFTER_ACTIVATION[name]
    shown = (LOCAL,) if name.startswith("NO recipient") else SHOWN
    return Result(BARE[name], dict.fromkeys(shown, PAST_DUE))


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_comes_to_what_is_pinned(name: str) -> None:
    assert _expected(name) == SCENARIOS[name](BUILTIN)


@pytest.mark.parametrize("name", ["GB company", "DE company", "FR individual", "NO recipient"])
def test_entries_stand_in_the_order_of_the_catalogue(name: str) -> None:
    assert list(BARE[name]) == list(SCENARIOS[name](BUILTIN).entries)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_without_this_rule_a_pinned_outcome_changes(rule: Rule) -> None:
    policy = BUILTIN.current
    rules = tuple(one for one in policy.rules if one is not rule)
    without = Policies(replace(policy, rules=rules))
    countries = _countries(rule)

    assert any(_expected(name) != make(without) for name, make in SCENARIOS.items() if name[:2] in countries), (
        "no scenario needs it"
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_read_where_it_applies_and_tells_its_source(rule: Rule) -> None:
    europe = _countries(next(one for one in RULES if one.name == "eu.entity_type"))

    assert len(europe) == 32
    assert _countries(rule) <= europe
    assert rule.name.startswith("eu.") or _countries(rule) == {rule.name[:2].upper()}
    assert rule.source.startswith(("Accounts v2 contract", "reconstructed:", "sanctions screening"))


def test_every_capability_needs_to_know_the_entity_type() -> None:
    rule = next(one for one in RULES if one.name == "eu.entity_type")

    served = {name for name in BUILTIN.current.capabilities if not name.startswith("customer.")}

    assert {one.capability for one in rule.restricts} == served


def _countries(rule: Rule) -> set[str]:
    parts = rule.when.conditions if isinstance(rule.when, AllOf) else (rule.when,)
    return {one for part in parts if isinstance(part, Among) and part.attribute == "country" for one in part.values}

"""Scenario accounts of the built-in policy. What each must come to is pinned in ``test_builtin_rules.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from onboarding.domain.policy import Policies
from onboarding.domain.requirements import requirements
from onboarding.domain.state import Age, Outcome, Person, Shape
from tests.domain.stories import (
    CARD,
    CARD_PAYOUTS,
    COMPANY,
    DAY,
    EIN,
    ENTITY,
    NAME,
    PERSON,
    REPRESENTATIVE,
    START,
    TRANSFER_PAYOUTS,
    TRANSFERS,
    URL,
    Said,
    Story,
    World,
    company,
    fails,
    individual,
    person,
)

BOTH = frozenset({CARD, TRANSFERS})
TRADING_NAME = "defaults.profile.doing_business_as"
DESCRIPTION = "defaults.profile.product_description"
MINOR = Age(((18, START + 300 * DAY),))
OWNER = ("email", *NAME, "date_of_birth.day", "date_of_birth.month", "date_of_birth.year")
HALF_A_MILLION = {("usd", "lifetime", ""): 50_000_000}
HIT = Said(Outcome.INCONCLUSIVE, ("screening_hit",))

CODES = {"past_due": "p", "currently_due": "c", "eventually_due": "e"}
CAPABILITIES = (CARD, CARD_PAYOUTS, TRANSFERS, TRANSFER_PAYOUTS)


def _story(shape: Shape, policies: Policies, *answers: tuple[str | tuple[str, str], Said]) -> Story:
    return Story(replace(shape, requested=BOTH), World(dict(answers)), policies)


def _bare(**attributes: str) -> Shape:
    return Shape(attributes=attributes)


def _everything_fails(*persons: str) -> list[tuple[str | tuple[str, str], Said]]:
    kinds = {
        "keyed_identity": "verification_failed_keyed_identity",
        "address_match": "verification_failed_address_match",
        "id_number_match": "verification_failed_id_number_match",
    }
    return [((kind, who), fails(code)) for who in persons for kind, code in kinds.items()]


def _representative_and_owner(*, minor: bool = False) -> Shape:
    return company(
        person("person_r", "representative", REPRESENTATIVE, age=MINOR if minor else None),
        person("person_o", "owner", OWNER, percent=30),
    )


def _guardian() -> Person:
    terms = ("additional_terms_of_service.account.date", "additional_terms_of_service.account.ip")
    return person("person_g", "legal_guardian", (*PERSON, *terms))


def _terms_after_tax_id_change(policies: Policies) -> Story:
    return _story(company(), policies).supply(EIN, value="2")


SCENARIOS: dict[str, Callable[[Policies], Story]] = {
    "no country": lambda policies: _story(_bare(), policies),
    "no entity type": lambda policies: _story(_bare(country="US"), policies),
    "bare individual": lambda policies: _story(_bare(country="US", entity_type="individual"), policies),
    "bare company": lambda policies: _story(_bare(country="US", entity_type="company"), policies),
    "no dashboard, engine bears losses": lambda policies: _story(
        replace(
            individual(),
            attributes={
                "country": "US", "entity_type": "individual", "dashboard": "none", "losses_collector": "stripe",
            },
        ),
        policies,
    ),
    "minor individual": lambda policies: _story(individual(age=MINOR), policies),
    "minor individual and a guardian": lambda policies: _story(
        replace(individual(age=MINOR), persons=(*individual(age=MINOR).persons, _guardian())),
        policies,
        *_everything_fails("person_g"),
    ),
    "individual fails everything": lambda policies: _story(individual(), policies, *_everything_fails("person_i")),
    "individual is on a list": lambda policies: _story(individual(), policies, ("screening", HIT)),
    "company without tax ID": lambda policies: _story(company(account=COMPANY), policies),
    "company fails everything": lambda policies: _story(
        _representative_and_owner(),
        policies,
        ("tax_id_match", fails("verification_failed_tax_id_match")),
        ("business_address_match", fails("invalid_street_address")),
        *_everything_fails("person_r", "person_o"),
    ),
    "business address is only inexact": lambda policies: _story(
        company(), policies, ("business_address_match", fails("verification_failed_address_match"))
    ),
    "minor representative": lambda policies: _story(_representative_and_owner(minor=True), policies),
    "minor representative and a guardian": lambda policies: _story(
        company(person("person_r", "representative", REPRESENTATIVE, age=MINOR), _guardian()),
        policies,
        *_everything_fails("person_g"),
    ),
    "representative is on a list": lambda policies: _story(
        _representative_and_owner(), policies, (("screening", "person_r"), HIT)
    ),
    "owner is on a list": lambda policies: _story(
        _representative_and_owner(), policies, (("screening", "person_o"), HIT)
    ),
    "owners add up to the whole": lambda policies: _story(
        company(
            person("person_r", "representative", REPRESENTATIVE),
            person("person_a", "owner", PERSON, percent=60),
            person("person_b", "owner", (*NAME,), percent=40),
            person("person_c", "owner", (), percent=10),
            account=(path for path in (*COMPANY, EIN) if not path.endswith("owners")),
        ),
        policies,
    ),
    "individual turns over half a million": lambda policies: _story(
        replace(individual(), activity=HALF_A_MILLION), policies
    ),
    "company turns over half a million": lambda policies: _story(
        replace(_representative_and_owner(), activity=HALF_A_MILLION), policies
    ),
    "public company": lambda policies: _story(
        _bare(country="US", entity_type="company", structure="public_corporation"), policies
    ),
    "individual's profile is refused": lambda policies: _story(
        individual(account=(*ENTITY, TRADING_NAME, DESCRIPTION)),
        policies,
        ("website_review", fails("invalid_url_website_inaccessible")),
        ("description_review", fails("invalid_product_description_length")),
        ("descriptor_review", fails("invalid_statement_descriptor_prefix_mismatch")),
        ("name_review", fails("invalid_business_profile_name")),
    ),
    "a website is known though none was given": lambda policies: _story(
        individual(account=(*(path for path in ENTITY if path != URL), DESCRIPTION)),
        policies,
        ("description_review", fails("invalid_url_web_presence_detected")),
    ),
    "company's profile and bank account are refused": lambda policies: _story(
        company(),
        policies,
        ("descriptor_review", fails("invalid_statement_descriptor_denylisted")),
        ("name_review", fails("invalid_company_name_denylisted")),
        ("bank_account_match", fails("verification_failed_name_match")),
    ),
    "terms after a changed tax ID": _terms_after_tax_id_change,
}  # fmt: skip

Outcomes = tuple[dict[str, str], dict[str, str], list[str]]


def outcome(story: Story) -> Outcomes:
    """Entries with what they do to each capability, statuses of the capabilities, and what was asked about whom.

    An entry's value has one letter for each of card payments, its payouts, transfers, their payouts: past due,
    currently due, eventually due, or none; then its error codes.
    """
    entries: dict[str, str] = {}
    for entry in requirements("acct_1", story.evaluation)["entries"]:
        due = {
            f"{one['configuration']}.{one['capability']}": CODES[one["deadline"]["status"]]
            for one in entry["impact"]["restricts_capabilities"]
        }
        reference = f"{entry['reference']['resource']}:" if entry["reference"] else ""
        errors = "".join(f" {error['code']}" for error in entry["errors"])
        awaiting = "" if entry["awaiting_action_from"] == "user" else " (ours)"
        entries[reference + entry["description"]] = (
            "".join(due.get(name, "-") for name in CAPABILITIES) + errors + awaiting
        )
    asked = sorted({f"{due.kind} {due.subject}" for due in story.world.asked})
    return entries, story.capabilities, asked

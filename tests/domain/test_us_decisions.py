"""The contract's decisions (§11.1-11.5, 11.10, 11.11) on the built-in US policy, told as stories."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.domain.policy import Announced, Policies
from onboarding.domain.settle import play
from onboarding.domain.state import ACCOUNT, Age, Mark, MarkKind, OrderKind, Outcome
from tests.domain.generated import EXPIRING, LAWS, STRICTER
from tests.domain.stories import (
    ADDRESS,
    BIRTH_DATE,
    BUILTIN,
    CARD,
    CARD_PAYOUTS,
    COMPANY,
    DAY,
    DOCUMENT,
    EIN,
    ENTITY,
    MICROSECOND,
    OWNERS_PROVIDED,
    PASSES,
    PERSON,
    REPRESENTATIVE,
    SILENT,
    SSN,
    SSN_LAST_4,
    START,
    TAX_DOCUMENT,
    TERMS_DATE,
    TRANSFERS,
    Said,
    Story,
    World,
    company,
    fails,
    individual,
    person,
    requesting,
)

ACTIVE = "active"
PAST_DUE = "restricted/requirements_past_due/provide_info"
VERIFYING = "pending/requirements_pending_verification/no_resolution"
DETERMINING = "pending/determining_status/no_resolution"
HELD = "restricted/restricted_other/contact_stripe"
MINE = "identity.individual."
KEYED = fails("verification_failed_keyed_identity")
ID_NUMBER = fails("verification_failed_id_number_match")
TAX_ID = fails("verification_failed_tax_id_match")
HIT = Said(Outcome.INCONCLUSIVE, ("screening_hit",))


def _without(leaves: tuple[str, ...], *missing: str) -> tuple[str, ...]:
    return tuple(path for path in leaves if path not in missing)


class TestDueStatus:
    def test_a_missing_field_of_a_capability_never_active_is_past_due(self) -> None:
        story = Story(individual(_without(PERSON, "email")))

        assert story.due == {MINE + "email": "past_due"}
        assert story.summary == {"status": "past_due", "time": None}
        assert story.capabilities == {CARD: PAST_DUE, CARD_PAYOUTS: PAST_DUE}

    def test_supplying_the_last_field_activates(self) -> None:
        story = Story(individual(_without(PERSON, "email"))).supply("email", of="person_i")

        assert story.due == {}
        assert story.summary is None
        assert story.capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}

    def test_a_field_lost_after_activation_is_currently_due_for_thirty_days(self) -> None:
        story = Story(individual()).wait(DAY).unset("email", of="person_i")

        assert story.due == {MINE + "email": "currently_due"}
        assert story.summary == {"status": "currently_due", "time": "2026-04-01T12:00:00.000Z"}
        assert story.capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}

    def test_a_passed_deadline_is_past_due_and_restricts(self) -> None:
        story = Story(individual()).unset("email", of="person_i")

        story.wait(30 * DAY - MICROSECOND)
        assert story.capabilities[CARD] == ACTIVE
        story.wait(MICROSECOND)

        assert story.due == {MINE + "email": "past_due"}
        assert story.summary == {"status": "past_due", "time": None}
        assert story.capabilities == {CARD: PAST_DUE, CARD_PAYOUTS: PAST_DUE}

    def test_mending_after_the_deadline_activates_again(self) -> None:
        story = Story(individual()).unset("email", of="person_i").wait(40 * DAY).supply("email", of="person_i")

        assert story.due == {}
        assert story.capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}

    def test_an_external_account_restricts_payouts_only(self) -> None:
        story = Story(individual(account=_without(ENTITY, "external_account")))

        assert story.capabilities == {CARD: ACTIVE, CARD_PAYOUTS: PAST_DUE}

    def test_the_ein_is_eventually_due_at_request(self) -> None:
        story = Story(company(person("person_r", "representative", ("email",)), account=COMPANY))

        assert story.due[EIN] == "eventually_due"

    def test_the_ein_is_currently_due_for_thirty_days_from_first_activation(self) -> None:
        story = Story(company(account=COMPANY), World(confirms=False))
        story.wait(5 * DAY)
        story.world.confirms = True
        story.wait(DAY)

        assert story.due == {EIN: "currently_due"}
        assert story.summary == {"status": "currently_due", "time": "2026-04-06T12:00:00.000Z"}
        assert story.wait(30 * DAY).capabilities == {CARD: PAST_DUE, CARD_PAYOUTS: PAST_DUE}
        assert story.supply(EIN).capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}

    @pytest.mark.parametrize(
        ("shape", "label"),
        [
            (company(account=COMPANY), EIN),
            (individual(_without(PERSON, SSN_LAST_4)), MINE + SSN_LAST_4),
        ],
    )
    def test_a_tax_id_of_a_recipient_is_eventually_due_without_a_clock(self, shape: Any, label: str) -> None:
        story = Story(requesting(shape, TRANSFERS))

        assert story.due == {label: "eventually_due"}
        assert story.summary == {"status": "eventually_due", "time": None}
        assert story.evaluation.risk is not None
        assert story.evaluation.wake_at == story.evaluation.risk.due_at  # nothing comes before the first review
        assert set(story.wait(1000 * DAY).capabilities.values()) == {ACTIVE}

    def test_an_entry_that_awaits_the_engine_is_eventually_due(self) -> None:
        story = Story(individual(), World({"screening": SILENT, "keyed_identity": SILENT}))

        assert story.entry(MINE + "given_name")["awaiting_action_from"] == "stripe"
        assert story.due == {MINE + "given_name": "eventually_due", MINE + "surname": "eventually_due"}

    def test_a_need_on_verification_is_eventually_due_while_its_answer_is_out(self) -> None:
        story = Story(company(), World({"tax_id_match": SILENT}), Policies(EXPIRING))

        assert story.due == {EIN: "eventually_due"}
        assert story.entry(EIN)["awaiting_action_from"] == "stripe"
        assert story.capabilities == {CARD: ACTIVE, CARD_PAYOUTS: VERIFYING}

    def test_pending_verification_only_where_nothing_blocking_awaits_the_user(self) -> None:
        world = World({"screening": SILENT})

        assert Story(individual(), world).capabilities[CARD] == VERIFYING
        assert Story(individual(_without(PERSON, "email")), world).capabilities[CARD] == PAST_DUE

    def test_the_summary_tells_the_earliest_of_two_deadlines_of_one_entry(self) -> None:
        """The later rule of two that raise the same entry may have the earlier deadline."""
        world = World({("keyed_identity", "person_o"): KEYED})
        owner = person("person_o", "owner", REPRESENTATIVE, percent=30)
        story = Story(company(*company().persons, owner), world)
        first = story.summary
        both = replace(owner, roles=frozenset({"owner", "representative"}))
        story.wait(5 * DAY).change_shape(persons=(both,))

        assert story.due[f"person_o:{DOCUMENT}"] == "currently_due"
        assert story.summary == first == {"status": "currently_due", "time": "2026-03-31T12:00:00.000Z"}


class TestActiveOnCollection:
    def test_a_failure_before_the_first_activation_is_eventually_due_and_blocks_nothing(self) -> None:
        story = Story(individual(_without(PERSON, "email")), World({"keyed_identity": KEYED}))

        assert story.due == {MINE + "email": "past_due", MINE + DOCUMENT: "eventually_due"}

    def test_its_clock_begins_with_the_first_activation(self) -> None:
        story = Story(individual(_without(PERSON, "email")), World({"keyed_identity": KEYED}))
        story.wait(10 * DAY).supply("email", of="person_i")

        assert story.capabilities[CARD] == ACTIVE
        assert story.due == {MINE + DOCUMENT: "currently_due"}
        assert story.summary == {"status": "currently_due", "time": "2026-04-10T12:00:00.000Z"}

    def test_a_failure_after_activation_begins_its_clock_when_it_is_told(self) -> None:
        late = fails("verification_failed_keyed_identity", after=5 * DAY)
        story = Story(individual(), World({"keyed_identity": late}))
        assert story.due == {MINE + "given_name": "eventually_due", MINE + "surname": "eventually_due"}

        story.wait(100 * DAY)

        assert story.due == {MINE + DOCUMENT: "past_due"}
        deadlines = {mark.at for mark in story.state.marks if mark.kind is MarkKind.DEADLINE}
        assert deadlines == {START + 35 * DAY}

    def test_a_screening_hit_waits_for_a_person(self) -> None:
        story = Story(individual(), World({"screening": HIT}))

        assert story.due == {}
        assert story.capabilities == {CARD: DETERMINING, CARD_PAYOUTS: DETERMINING}
        assert story.open_checks == [("screening", "person_i", "in_review")]

    def test_a_hit_that_a_person_clears_activates(self) -> None:
        story = Story(individual(), World({"screening": HIT})).wait(DAY).report("screening", Outcome.PASSED)

        assert story.capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}
        assert story.open_checks == []

    def test_a_hit_on_a_changed_name_switches_off_what_was_active_until_it_is_cleared(self) -> None:
        world = World()
        story = Story(individual(), world)
        assert story.capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}
        world.answers["screening"] = HIT

        story.wait(DAY).supply("surname", of="person_i", value="another")
        assert story.capabilities == {CARD: DETERMINING, CARD_PAYOUTS: DETERMINING}

        story.wait(DAY).report("screening", Outcome.PASSED)
        assert story.capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}

    def test_a_screening_without_an_answer_leaves_an_active_capability_alone(self) -> None:
        world = World()
        story = Story(individual(), world)
        world.answers["screening"] = SILENT

        story.wait(DAY).supply("surname", of="person_i", value="another")

        assert story.capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}

    def test_a_confirmed_hit_is_restricted_without_telling_the_user_anything_to_do(self) -> None:
        story = Story(individual(), World({"screening": HIT})).wait(DAY).report("screening", Outcome.FAILED)

        assert story.due == {}
        assert story.capabilities == {CARD: HELD, CARD_PAYOUTS: HELD}
        assert [demand.opening.awaits_user for demand in story.evaluation.demands] == [False]

    def test_a_rejection_as_listed_is_rejected(self) -> None:
        story = Story(individual(), World({"screening": HIT})).order(OrderKind.REJECT, "listed")

        assert story.capabilities[CARD] == "rejected/rejected_listed/contact_stripe"
        assert story.open_checks == []

    def test_a_hold_restricts_until_it_is_undone(self) -> None:
        story = Story(individual()).order(OrderKind.HOLD, capability=CARD)

        assert story.capabilities == {CARD: HELD, CARD_PAYOUTS: ACTIVE}
        assert story.undo_orders().capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}

    def test_an_account_without_a_country_is_not_active(self) -> None:
        story = Story(replace(individual(), attributes={}))

        assert story.due == {"identity.country": "past_due"}
        assert story.capabilities == {CARD: PAST_DUE, CARD_PAYOUTS: PAST_DUE}


class TestFailures:
    def test_keyed_identity_raises_a_document_and_not_the_keyed_fields(self) -> None:
        story = Story(individual(), World({"keyed_identity": KEYED}))

        assert story.due == {MINE + DOCUMENT: "currently_due"}
        assert story.errors(MINE + DOCUMENT) == ["verification_failed_keyed_identity"]
        assert story.alternatives == []

    def test_changing_the_keyed_fields_checks_again_and_closes_it(self) -> None:
        story = Story(individual(), World({"keyed_identity": KEYED}))
        story.world.answers["keyed_identity"] = PASSES

        assert story.supply("surname", of="person_i", value="2").due == {}

    def test_a_document_that_passes_closes_it(self) -> None:
        assert Story(individual(), World({"keyed_identity": KEYED})).supply(DOCUMENT, of="person_i").due == {}

    def test_a_document_that_is_looked_at_awaits_the_engine(self) -> None:
        world = World({"keyed_identity": KEYED, "identity_document": SILENT})
        story = Story(individual(), world).supply(DOCUMENT, of="person_i")

        assert story.due == {MINE + DOCUMENT: "eventually_due"}
        assert story.entry(MINE + DOCUMENT)["awaiting_action_from"] == "stripe"

    def test_a_document_that_fails_is_asked_for_again_with_its_own_error(self) -> None:
        world = World({"keyed_identity": KEYED, "identity_document": fails("verification_document_failed_other")})
        story = Story(individual(), world).supply(DOCUMENT, of="person_i")

        assert story.due == {MINE + DOCUMENT: "currently_due"}
        assert story.errors(MINE + DOCUMENT) == ["verification_document_failed_other"]

    def test_an_id_number_raises_the_full_number_or_a_document(self) -> None:
        story = Story(individual(), World({"id_number_match": ID_NUMBER}))

        assert story.due == {MINE + SSN: "currently_due"}
        assert story.errors(MINE + SSN) == ["verification_failed_id_number_match"]
        assert story.alternatives == [([MINE + SSN], [[MINE + DOCUMENT]])]

    def test_a_full_number_is_checked_anew(self) -> None:
        story = Story(individual(), World({"id_number_match": ID_NUMBER}))
        story.world.answers["id_number_match"] = PASSES

        assert story.supply(SSN, of="person_i").due == {}

    def test_a_full_number_also_satisfies_its_last_digits(self) -> None:
        story = Story(individual(_without(PERSON, SSN_LAST_4))).supply(SSN, of="person_i")

        assert story.due == {}
        assert story.capabilities[CARD] == ACTIVE

    def test_a_tax_id_raises_itself_or_a_document(self) -> None:
        story = Story(company(), World({"tax_id_match": TAX_ID}))

        assert story.due == {EIN: "currently_due"}
        assert story.errors(EIN) == ["verification_failed_tax_id_match"]
        assert story.alternatives == [([EIN], [[TAX_DOCUMENT]])]
        assert story.supply(TAX_DOCUMENT).due == {}

    def test_entries_refer_to_the_person_and_keep_their_id(self) -> None:
        story = Story(company(), World({"keyed_identity": KEYED}))
        before = story.entry(f"person_r:{DOCUMENT}")
        after = story.wait(DAY).supply("phone", of="person_r", value="2").entry(f"person_r:{DOCUMENT}")

        assert before["reference"] == {"type": "person", "resource": "person_r", "inquiry": None}
        assert before["id"].startswith("reqent_")
        assert after["id"] == before["id"]

    def test_a_failure_of_a_rejected_capability_only_raises_nothing(self) -> None:
        """The remedy restricts payouts alone, and those are gone."""
        world = World({"business_address_match": fails("verification_failed_address_match")})
        story = Story(company(), world).order(OrderKind.REJECT, capability=CARD_PAYOUTS)

        assert story.due == {}
        assert story.capabilities == {CARD: ACTIVE, CARD_PAYOUTS: "rejected/rejected_other/contact_stripe"}


class TestRoles:
    def test_the_role_stands_before_the_leaves_until_the_person_exists(self) -> None:
        story = Story(replace(company(), persons=()))

        assert "representative.given_name" in story.due
        assert "representative" not in story.due

    def test_the_reference_names_the_person_from_then_on(self) -> None:
        story = Story(company(person("person_r", "representative", _without(REPRESENTATIVE, "email"))))

        assert story.due == {"person_r:email": "past_due"}

    def test_owners_are_asked_for_until_one_exists(self) -> None:
        story = Story(company(account=_without((*COMPANY, EIN), OWNERS_PROVIDED)))
        assert {"owners.given_name", "owners.surname", "owners.email", OWNERS_PROVIDED} <= story.due.keys()

        story.change_shape(persons=(*story.state.shape.persons, person("person_o", "owner", PERSON, percent=30)))

        assert story.due == {OWNERS_PROVIDED: "past_due"}

    def test_owners_are_asked_for_until_all_are_said_to_be_there(self) -> None:
        story = Story(company(account=_without((*COMPANY, EIN), OWNERS_PROVIDED))).supply(OWNERS_PROVIDED)

        assert story.due == {}

    def test_a_small_share_is_no_owner_and_an_unsaid_share_is_one(self) -> None:
        small, unsaid = person("person_s", "owner", (), percent=24), person("person_u", "owner")
        story = Story(company(*company().persons, small, unsaid))

        assert {label.partition(":")[0] for label in story.due} == {"person_u"}

    def test_entries_of_an_individual_have_no_reference(self) -> None:
        story = Story(individual(()))

        assert {label.startswith(MINE) for label in story.due} == {True}

    def test_without_an_entity_type_nothing_else_is_asked(self) -> None:
        story = Story(replace(individual(), attributes={"country": "US"}))

        assert story.due == {"identity.entity_type": "past_due"}


GUARDIAN = (
    *PERSON,
    "additional_terms_of_service.account.date",
    "additional_terms_of_service.account.ip",
)


class TestAge:
    BIRTHDAY = START + 90 * DAY + timedelta(hours=12)

    def _story(self) -> Story:
        return Story(individual(age=Age(((18, self.BIRTHDAY),))))

    def test_at_seventeen_a_guardian_is_asked_for_and_it_blocks(self) -> None:
        story = self._story()

        assert story.due == {f"legal_guardian.{path}": "past_due" for path in GUARDIAN}
        assert story.capabilities == {CARD: PAST_DUE, CARD_PAYOUTS: PAST_DUE}

    def test_a_grown_guardian_frees_and_is_not_needed_after_the_birthday(self) -> None:
        story = self._with_guardian()

        assert story.due == {}
        assert story.capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}
        asked = {(due.kind, due.subject) for due in story.world.asked}
        assert {("keyed_identity", "person_g"), ("id_number_match", "person_g"), ("screening", "person_g")} <= asked
        assert story.wait_until(self.BIRTHDAY).capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}
        gone = replace(story.state.shape, persons=story.state.shape.persons[:1])
        assert story.change(shape=gone).capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}

    def test_a_guardian_who_is_a_minor_too_is_no_guardian(self) -> None:
        story = self._with_guardian(age=Age(((18, self.BIRTHDAY + DAY),)))

        assert [story.errors(f"person_g:{path}") for path in BIRTH_DATE] == [["invalid_dob_age_under_18"]] * 3
        assert story.capabilities == {CARD: PAST_DUE, CARD_PAYOUTS: PAST_DUE}
        assert story.wait_until(self.BIRTHDAY).capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}

    def test_a_screening_hit_of_the_guardian_holds_the_minor_back(self) -> None:
        story = self._with_guardian(world=World({("screening", "person_g"): Said(Outcome.INCONCLUSIVE, ("hit",))}))

        assert story.capabilities[CARD] != ACTIVE

    def _with_guardian(self, age: Age | None = None, world: World | None = None) -> Story:
        minor = individual(age=Age(((18, self.BIRTHDAY),)))
        guardian = person("person_g", "legal_guardian", GUARDIAN, age=age)
        return Story(replace(minor, persons=(*minor.persons, guardian)), world)

    def test_it_blocks_until_the_birthday_and_then_time_alone_frees(self) -> None:
        story = self._story()
        assert story.evaluation.wake_at == self.BIRTHDAY

        assert story.wait_until(self.BIRTHDAY - MICROSECOND).capabilities[CARD] == PAST_DUE
        assert story.wait(MICROSECOND).capabilities == {CARD: ACTIVE, CARD_PAYOUTS: ACTIVE}
        assert story.due == {}

    def test_a_look_long_after_the_birthday_finds_the_activation_on_it(self) -> None:
        story = self._story().wait(365 * DAY)

        firsts = {mark.at for mark in story.state.marks if mark.kind is MarkKind.FIRST_ACTIVE}
        assert firsts == {self.BIRTHDAY}

    def test_an_age_that_only_an_announced_policy_asks_for_wakes_the_account(self) -> None:
        policies = Policies(STRICTER, None)
        announced = replace(policies, current=EXPIRING, announced=Announced(STRICTER, START + 300 * DAY))
        owner = person("person_o", "owner", PERSON, percent=30, age=Age(((21, START + 20 * DAY),)))
        world = World({"keyed_identity": fails("verification_failed_other")})
        story = Story(company(*company().persons, owner), world, announced)

        assert "date_of_birth.year" in {entry["description"] for entry in story.future["entries"]}
        assert story.evaluation.wake_at == START + 20 * DAY
        story.wait(20 * DAY)
        assert "date_of_birth.year" not in {entry["description"] for entry in story.future["entries"]}


class TestTerms:
    def test_a_first_tax_id_after_the_acceptance_is_no_change(self) -> None:
        assert Story(company(account=COMPANY)).wait(DAY).supply(EIN).due == {}

    def test_a_changed_tax_id_reopens_the_acceptance(self) -> None:
        story = Story(company()).supply(EIN, value="2")

        assert story.due == {TERMS_DATE: "currently_due"}
        assert story.errors(TERMS_DATE) == ["invalid_tos_acceptance"]

    def test_the_old_tax_id_is_satisfied_again(self) -> None:
        assert Story(company()).supply(EIN, value="2").supply(EIN, value="1").due == {}

    def test_a_new_acceptance_is_bound_to_the_new_tax_id(self) -> None:
        story = Story(company()).supply(EIN, value="2").wait(DAY).supply(TERMS_DATE, value="2")
        assert story.due == {}

        assert story.supply(EIN, value="1").due == {TERMS_DATE: "currently_due"}


class TestDeadlines:
    def test_unsetting_again_keeps_the_first_deadline(self) -> None:
        story = Story(individual()).unset("email", of="person_i").wait(20 * DAY)
        story.supply("email", of="person_i").wait(5 * DAY).unset("email", of="person_i")

        assert story.summary == {"status": "currently_due", "time": "2026-03-31T12:00:00.000Z"}
        assert story.wait(5 * DAY).capabilities[CARD] == PAST_DUE

    def test_failing_again_with_other_inputs_keeps_the_first_deadline(self) -> None:
        story = Story(company(), World({"tax_id_match": TAX_ID})).wait(29 * DAY).supply(EIN, value="2")

        assert story.due[EIN] == "currently_due"
        assert story.summary == {"status": "currently_due", "time": "2026-03-31T12:00:00.000Z"}
        assert story.wait(DAY).due[EIN] == "past_due"

    def test_recreating_the_person_keeps_the_first_deadline(self) -> None:
        story = Story(company(), World({"keyed_identity": KEYED})).wait(29 * DAY)
        story.change_shape(persons=(person("person_new", "representative", REPRESENTATIVE),))

        assert story.due == {f"person_new:{DOCUMENT}": "currently_due"}
        assert story.wait(DAY).capabilities[CARD] == PAST_DUE

    def test_a_verifier_that_is_out_never_prolongs_a_grace(self) -> None:
        story = Story(company(), World({"tax_id_match": TAX_ID})).wait(10 * DAY)
        story.world.answers["tax_id_match"] = SILENT
        story.supply(EIN, value="2").supply(TERMS_DATE, value="2")
        assert story.capabilities[CARD] == ACTIVE

        assert story.wait(20 * DAY).capabilities == {CARD: VERIFYING, CARD_PAYOUTS: VERIFYING}

    def test_a_look_long_after_the_deadline_finds_the_restriction_at_it(self) -> None:
        story = Story(individual()).unset("email", of="person_i").wait(100 * DAY)

        assert story.state.acknowledgements[0].at == START + 30 * DAY
        assert not story.state.acknowledgements[0].on

    def test_only_an_expiry_begins_a_new_cycle(self) -> None:
        world = World({"keyed_identity": fails("verification_failed_keyed_identity")})
        story = Story(individual(), world, Policies(EXPIRING)).wait(DAY).report("keyed_identity", Outcome.PASSED)
        evidence = story.state.evidence
        expiring = replace(evidence[-1], valid_until=START + 60 * DAY)
        story.change(evidence=(*evidence[:-1], expiring)).wait_until(START + 60 * DAY)

        assert story.due == {MINE + DOCUMENT: "currently_due"}
        assert story.summary == {"status": "currently_due", "time": "2026-05-30T12:00:00.000Z"}
        assert story.capabilities[CARD] == ACTIVE

    def test_the_expiry_of_an_alternative_begins_a_new_cycle_too(self) -> None:
        story = Story(individual(), World({"keyed_identity": KEYED}), Policies(EXPIRING)).wait(20 * DAY)
        story.supply(DOCUMENT, of="person_i").wait_until(START + 60 * DAY)

        assert story.due == {MINE + DOCUMENT: "currently_due"}
        assert story.summary == {"status": "currently_due", "time": "2026-05-30T12:00:00.000Z"}
        assert story.capabilities[CARD] == ACTIVE
        assert story.wait(30 * DAY).capabilities[CARD] == PAST_DUE

    def test_a_document_supplied_anew_after_its_expiry_is_checked(self) -> None:
        story = Story(individual(), World({"keyed_identity": KEYED}), Policies(EXPIRING))
        story.supply(DOCUMENT, of="person_i").wait(50 * DAY).supply(DOCUMENT, of="person_i")

        assert story.due == {}

    @LAWS
    @given(
        moves=st.lists(
            st.tuples(st.sampled_from(("unset", "supply", "fail", "pass", "recreate", "out")), st.integers(0, 20)),
            max_size=8,
        )
    )
    def test_no_way_of_acting_moves_a_deadline(self, moves: list[tuple[str, int]]) -> None:
        """Whatever is done for weeks, each need has one deadline, and on its day an open one restricts."""
        story = Story(company(), World())
        for number, (move, days) in enumerate(moves):
            who = story.state.shape.persons[0].id
            match move:
                case "unset":
                    story.unset("phone", EIN, of=who).unset(EIN)
                case "supply":
                    story.supply("phone", "surname", of=who, value=str(number)).supply(EIN, value=str(number))
                case "recreate":
                    story.change_shape(persons=(person(f"person_{number}", "representative", REPRESENTATIVE[1:]),))
                case _:
                    said = {"fail": fails("verification_failed_other"), "pass": PASSES, "out": SILENT}[move]
                    story.world.answers |= dict.fromkeys(("keyed_identity", "tax_id_match"), said)
                    story.supply("surname", of=who, value=f"{number}x")
            story.wait(days * DAY)

            keys = [mark.key for mark in story.state.marks if mark.kind is MarkKind.DEADLINE]
            assert all(key.split("|")[3] == "0" for key in keys)
            assert len(keys) == len(set(keys))
            for demand in story.evaluation.demands:
                for impact in demand.impacts:
                    overdue = impact.deadline is not None and impact.deadline <= story.now
                    assert impact.blocks == overdue
                    if overdue:
                        assert story.capabilities[impact.capability] in (PAST_DUE, VERIFYING)


class TestRechecks:
    def test_the_old_evidence_stays_until_the_new_is_decisive(self) -> None:
        story = Story(individual()).wait(DAY)
        story.world.answers["keyed_identity"] = Said(Outcome.INCONCLUSIVE)
        story.order(OrderKind.RECHECK, target="keyed_identity")

        assert story.due == {}
        assert story.open_checks == [("keyed_identity", "person_i", "in_review")]

    def test_a_recheck_that_fails_raises_its_remedy(self) -> None:
        story = Story(individual()).wait(DAY)
        story.world.answers["keyed_identity"] = KEYED

        assert story.order(OrderKind.RECHECK, target="keyed_identity").due == {MINE + DOCUMENT: "currently_due"}
        assert story.open_checks == []

    def test_a_recheck_asks_once(self) -> None:
        story = Story(individual()).wait(DAY).order(OrderKind.RECHECK, target="address_match").wait(DAY)

        assert [due.kind for due in story.world.asked].count("address_match") == 2

    def test_an_undone_recheck_asks_nothing(self) -> None:
        story = Story(individual())
        story.order(OrderKind.RECHECK, target="address_match")
        order = replace(story.state.orders[0], starts_at=START + DAY, undone_at=START)
        story.change(orders=(order,)).wait(2 * DAY)

        assert [due.kind for due in story.world.asked].count("address_match") == 1

    def test_an_alternative_that_proves_the_need_can_be_rechecked(self) -> None:
        story = Story(individual(), World({"keyed_identity": KEYED})).supply(DOCUMENT, of="person_i").wait(DAY)
        story.world.answers["identity_document"] = fails("verification_document_failed_other")

        assert story.order(OrderKind.RECHECK, target="identity_document").due == {MINE + DOCUMENT: "currently_due"}

    def test_a_recheck_ordered_for_later_wakes_the_account(self) -> None:
        story = Story(individual())
        story.order(OrderKind.RECHECK, target="address_match")
        order = replace(story.state.orders[0], starts_at=START + 9 * DAY)
        story.change(orders=(order,))

        assert story.evaluation.wake_at == START + 9 * DAY


class TestAnswers:
    def test_changed_inputs_supersede_the_open_question(self) -> None:
        story = Story(individual(), World({"address_match": fails("invalid_street_address", after=DAY)}))
        story.world.answers["address_match"] = PASSES
        story.supply(ADDRESS[0], of="person_i", value="2").wait(2 * DAY)

        assert story.due == {}
        assert story.open_checks == []

    def test_an_answer_for_later_whose_time_has_come_counts_at_once(self) -> None:
        story = Story(individual(), World({"address_match": fails("invalid_street_address", after=0 * DAY)}))

        assert story.due == {MINE + ADDRESS[0]: "currently_due"}

    def test_an_announced_requirement_touches_nothing_before_its_time(self) -> None:
        policies = replace(Policies(EXPIRING), announced=Announced(STRICTER, START + 10 * DAY))
        story = Story(individual(), policies=policies)
        workers = "identity.business_details.estimated_worker_count"

        assert story.capabilities[CARD] == ACTIVE
        assert story.due == {}
        assert [entry["description"] for entry in story.future["entries"]] == [workers]
        assert story.future["minimum_transition_date"] == "2026-03-11T12:00:00.000Z"
        story.wait(10 * DAY)
        assert story.due == {workers: "currently_due"}
        assert story.summary == {"status": "currently_due", "time": "2026-03-21T12:00:00.000Z"}
        assert story.future["entries"] == []
        assert story.future["minimum_transition_date"] is None
        assert story.wait(10 * DAY).capabilities[CARD] == PAST_DUE


def test_marks_are_only_ever_added() -> None:
    story = Story(company(account=COMPANY), World({"keyed_identity": KEYED}))
    seen = [story.state.marks]
    for path in (EIN, DOCUMENT, TERMS_DATE):
        story.wait(9 * DAY).supply(path, of="person_r" if path == DOCUMENT else ACCOUNT, value="2")
        seen.append(story.state.marks)

    assert all(later[: len(earlier)] == earlier for earlier, later in pairwise(seen))


def test_a_mark_that_exists_is_left_as_it_was() -> None:
    first = Mark(MarkKind.DEADLINE, "key", START, START)
    state = Story(individual()).state.with_marks([first])

    again = state.with_marks([replace(first, at=START + DAY), Mark(MarkKind.EXPIRED, "key", START, START)])

    assert [mark for mark in again.marks if mark.key == "key"] == [first, Mark(MarkKind.EXPIRED, "key", START, START)]


def test_missed_looks_are_played_up_to_and_including_the_last_instant() -> None:
    story = Story(individual()).unset("email", of="person_i")

    def looks(until: datetime) -> list[datetime]:
        return [step.as_of for step in play(BUILTIN, story.state, story.evaluation.wake_at, until, story.world)]

    assert looks(START + 30 * DAY - MICROSECOND) == []
    assert looks(START + 30 * DAY) == [START + 30 * DAY]

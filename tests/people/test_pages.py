"""What is read of views that no sandbox account is in: announced rules, vendors' pages, rows of earlier versions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from onboarding.catalogue.texts import LOCALES
from onboarding.people import Audience, requirements_for_people
from onboarding.people.leaves import relative, solution_type
from onboarding.reading import View
from tests.people.test_requirements import assert_nothing_leaks, item, items, solutions
from tests.people.test_texts import raw

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
SOON, LATER, PAST = "2026-03-08T00:00:00.000Z", "2026-04-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"
ANN, BOB = "person_ann", "person_bob"
PAYOUTS, CARDS = ("merchant", "stripe_balance.payouts"), ("merchant", "card_payments")
NOTHING: Any = {"alternatives": [], "entries": [], "summary": {"minimum_deadline": None}}


def entry(
    description: str,
    *errors: str,
    status: str = "currently_due",
    person: str | None = None,
    awaits: str = "user",
    blocks: Any = (PAYOUTS,),
) -> Any:
    return {
        "id": f"reqent_{person}_{description}",
        "awaiting_action_from": awaits,
        "description": description,
        "errors": [{"code": code, "description": f"wire {code}"} for code in errors],
        "impact": {
            "restricts_capabilities": [
                {"configuration": configuration, "capability": capability, "deadline": {"status": status}}
                for configuration, capability in blocks
            ]
        },
        "minimum_deadline": {"status": status},
        "reference": {"type": "person", "resource": person, "inquiry": None} if person else None,
        "requested_reasons": [{"code": "routine_onboarding"}],
    }


def original(one: Any) -> Any:
    return {"description": one["description"], "reference": one["reference"]}


def view(
    *entries: Any, alternatives: Any = (), future: Any = (), minimum: Any = None, status: str = "active", code: str = ""
) -> View:
    details = [{"code": code, "resolution": "no_resolution"}] if code else []
    capability = {"status": status, "status_details": details}
    capabilities = {"card_payments": capability, "klarna_payments": None, "stripe_balance": {"payouts": capability}}
    account = {
        "id": "acct_1",
        "closed": False,
        "configuration": {"customer": None, "merchant": {"applied": True, "capabilities": capabilities}},
        "identity": {"individual": None},
        "requirements": {
            "alternatives": list(alternatives),
            "entries": list(entries),
            "summary": {"minimum_deadline": minimum},
        },
        "future_requirements": {
            **NOTHING,
            "entries": list(future),
            "minimum_transition_date": LATER if future else None,
        },
    }
    persons: list[Any] = [
        {"id": ANN, "given_name": "Ann", "surname": "Poe", "relationship": {"owner": True, "director": True}},
        {"id": BOB, "given_name": None, "surname": None, "relationship": {"authorizer": True, "owner": None}},
    ]
    return View(account, persons, as_of=AS_OF)


def told(seen: View, audience: Audience = Audience.END_USER) -> Any:
    return requirements_for_people(seen, "en", audience)


def test_announced_items_stand_apart_and_say_from_when() -> None:
    announced = [entry(f"address.{part}", status="eventually_due", person=ANN) for part in ("line1", "city")]

    document = told(view(future=announced))

    [found] = document["announced"]
    assert (found["from"], found["group"], found["person"]) == (LATER, "owners", {"id": ANN, "name": "Ann Poe"})
    assert (found["label"], found["requirements"]) == ("Home address", ["address.line1", "address.city"])
    assert (document["groups"], document["summary"]["status"]) == ([], "complete")


def test_a_step_at_a_vendors_page_is_due_and_has_its_address() -> None:
    check = {
        "id": "check_1",
        "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": "https://vendor.example/1"}},
        "subject": {"type": "person", "person": ANN},
    }
    waiting = replace(view(), checks=[check, {**check, "id": "check_2", "next_action": None}])

    document = told(waiting)

    [group] = document["groups"]
    [found] = group["items"]
    assert (group["group"], found["id"], found["status"]) == ("owners", "check_1", "currently_due")
    assert [(way["type"], way["url"]) for way in found["solutions"]] == [("confirm", "https://vendor.example/1")]
    assert (document["summary"]["status"], document["summary"]["due_now"]) == ("action_needed", 1)


def test_one_question_takes_the_strictest_of_its_entries() -> None:
    line = entry("identity.business_details.address.line1", "invalid_street_address")
    city = entry("identity.business_details.address.city", status="past_due", blocks=(PAYOUTS, CARDS))
    deadlines = {
        line["id"]: {"merchant.stripe_balance.payouts": SOON},
        city["id"]: {"merchant.stripe_balance.payouts": PAST, "merchant.card_payments": LATER},
    }

    document = told(replace(view(line, city), deadlines=deadlines))

    [found] = items(document)
    assert (found["id"], found["status"], found["due"]) == (line["id"], "past_due", PAST)
    blocks = [(block["title"], block["status"], block["from"]) for block in found["blocks"]]
    assert blocks == [("Payouts", "past_due", PAST), ("Card payments", "past_due", LATER)]
    assert [one["code"] for one in found["problems"]] == ["invalid_street_address"]
    assert document["summary"]["next_deadline"] == LATER  # the next one, not the one that has passed


def test_a_row_without_deadlines_of_entries_tells_the_earliest_of_all() -> None:
    document = told(view(entry("external_account"), minimum={"status": "currently_due", "time": SOON}))

    [found] = items(document)
    assert (found["due"], found["blocks"][0]["from"]) == (None, None)
    assert document["summary"]["next_deadline"] == SOON


def test_parts_that_are_being_checked_are_an_item_of_their_own() -> None:
    checked = entry("address.line1", awaits="stripe", status="eventually_due", person=ANN)
    missing = entry("address.city", person=ANN)

    running = {checked["id"]: {"merchant.stripe_balance.payouts": SOON}}
    found = {one["status"]: one for one in items(told(replace(view(checked, missing), deadlines=running)))}

    assert found["being_checked"]["requirements"] == ["address.line1"]
    assert found["currently_due"]["requirements"] == ["address.city"]
    assert solutions(found["being_checked"]) == [("wait", [])]
    assert found["being_checked"]["due"] is None  # there is nothing for the user to do by then


def test_reasons_that_say_the_same_to_end_users_are_one_problem() -> None:
    refused = view(entry("surname", "screening_hit", "name_missing", person=ANN))

    [shown], [known] = items(told(refused)), items(told(refused, Audience.OPERATOR))

    assert [one["code"] for one in shown["problems"]] == ["under_review"]
    assert [one["reason"] for one in known["problems"]] == ["screening_hit", "name_missing"]


def test_persons_of_a_group_keep_their_order() -> None:
    seen = view(entry("surname", person="person_a"), entry("surname", person="person_b"))
    owners = [{"id": one, "relationship": {"owner": True}} for one in ("person_b", "person_a")]

    groups = told(replace(seen, persons=owners))["groups"]

    assert [group["person"]["id"] for group in groups] == ["person_b", "person_a"]


def test_alternatives_are_ways_of_the_items_that_they_replace() -> None:
    number, name = entry("id_numbers.us_ssn", person=ANN), entry("surname", person=ANN)
    other = entry("id_numbers.us_ssn", person=BOB)
    option = {**original(entry("documents.passport", person=ANN)), "awaiting_action_from": "user"}
    option["errors"] = [{"code": "verification_document_expired", "description": "wire"}]
    alternatives = [{"options": [{"entries": [option]}], "original_entries": [original(number), original(name)]}]

    document = told(view(number, name, other, alternatives=alternatives))

    ways = {(group["person"]["id"], one["label"]): one for group in document["groups"] for one in group["items"]}
    both = [("field", ["surname"]), ("document", ["documents.passport"])]
    assert solutions(ways[ANN, "Last name"]) == both
    assert [one["code"] for one in ways[ANN, "Last name"]["problems"]] == ["verification_document_expired"]
    assert [kind for kind, _ in solutions(ways[ANN, "Social security number (SSN)"])] == ["field", "document"]
    assert [kind for kind, _ in solutions(ways[BOB, "Social security number (SSN)"])] == ["field"]


def test_groups_follow_roles_and_leaves() -> None:
    asked = {
        "representative.given_name": "representative",
        "owners.given_name": "owners",
        "directors.given_name": "directors",
        "executives.given_name": "executives",
        "legal_guardian.additional_terms_of_service.account.date": "guardian",
        "identity.business_details.documents.company_license": "documents",
        "identity.business_details.phone": "your_business",
        "identity.country": "your_business",
        "identity.attestations.ownership_declaration.date": "agreements",
        "identity.attestations.persons_provided.directors": "directors",
        "configuration.merchant.support.url": "payments",
        "defaults.profile.business_url": "payments",
        "external_account": "bank",
        "somewhere.else": "other",
    }
    for description, expected in asked.items():
        [group] = told(view(entry(description)))["groups"]
        assert (group["group"], group["person"]) == (expected, None), description
    [group] = told(view(entry("given_name", person=BOB)))["groups"]
    assert (group["group"], group["person"]) == ("other", {"id": BOB, "name": None})


@pytest.mark.parametrize(
    ("status", "code", "label", "summary", "problem"),
    [
        ("pending", "determining_status", "Review of your account", "under_review", "under_review"),
        (
            "pending",
            "requirements_pending_verification",
            "Check of your information",
            "being_checked",
            "being_checked",
        ),
        ("restricted", "restricted_other", "A question about your account", "restricted", "under_review"),
        ("rejected", "rejected_of_a_new_kind", "A question about your account", "restricted", "under_review"),
        ("unsupported", "unsupported_business", "Not available", "restricted", "not_available"),
    ],
)
def test_capabilities_that_are_off_without_an_entry_are_one_item(
    status: str, code: str, label: str, summary: str, problem: str
) -> None:
    off = view(status=status, code=code)

    document = told(off)

    [found] = items(document)
    assert (found["label"], document["summary"]["status"]) == (label, summary)
    assert [block["title"] for block in found["blocks"]] == ["Card payments", "Payouts"]
    assert [one["code"] for one in found["problems"]] == [problem]
    assert_nothing_leaks(document, code)
    [known] = item(told(off, Audience.OPERATOR), label)["problems"]
    assert (known["code"], known["reason"]) == (problem, code)
    assert known["operator_text"]


def test_capabilities_of_which_entries_tell_are_not_told_twice() -> None:
    checked = entry("given_name", awaits="stripe", status="eventually_due", person=ANN, blocks=(PAYOUTS, CARDS))
    pending = view(checked, status="pending", code="requirements_pending_verification")
    due = view(entry("external_account", status="past_due"), status="restricted", code="requirements_past_due")

    assert [one["status"] for one in items(told(pending))] == ["being_checked"]
    assert [one["status"] for one in items(told(due))] == ["past_due"]


@pytest.mark.parametrize("locale", LOCALES)
def test_no_code_at_all_says_what_end_users_may_not_read(locale: Any) -> None:
    codes = [*raw("en")["problems"], *raw("en")["reasons"], "new_reason_of_a_vendor"]
    entries = [entry(f"documents.kind_{number}", code, person=ANN) for number, code in enumerate(codes)]

    document = requirements_for_people(view(*entries), locale, Audience.END_USER)

    [group] = document["groups"]
    shown = [one["problems"][0] for one in group["items"]]
    assert len(shown) == len(codes)
    problems = raw(locale)["problems"]
    for code, problem in zip(codes, shown, strict=True):
        known = code if code in problems else "under_review"
        assert problem["text"] == problems[known]["user"]
    assert_nothing_leaks(document, "wire ", "denylist", "new_reason_of_a_vendor")
    assert "wire" not in json.dumps(told(view(*entries), Audience.OPERATOR))


def test_what_is_agreed_to_is_confirmed_and_what_is_shown_is_uploaded() -> None:
    kinds = {
        "documents.primary_verification": "document",
        "identity.business_details.documents.company_license": "document",
        "identity.attestations.terms_of_service.account.date": "confirm",
        "identity.attestations.persons_provided.owners": "confirm",
        "identity.attestations.persons_provided.ownership_exemption_reason": "field",
        "additional_terms_of_service.account.ip": "confirm",
        "relationship.owner": "confirm",
        "relationship.authorizer": "confirm",
        "relationship.title": "field",
        "given_name": "field",
    }
    assert {leaf: solution_type([leaf]) for leaf in kinds} == kinds
    assert solution_type(["given_name", "documents.passport"]) == "document"
    assert solution_type(["relationship.owner", "relationship.title"]) == "field"
    for description in ("defaults.currency", "representative", "identity.country", "external_account"):
        assert relative(description) == description

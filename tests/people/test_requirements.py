"""Requirements in words, read over HTTP: what people see of accounts as they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from onboarding.catalogue.texts import GROUPS, LOCALES, texts_of
from tests.api.test_test_clocks import START, advance, attach, new_clock
from tests.people.test_texts import FORBIDDEN
from tests.support.samples import (
    BANK_ACCOUNT,
    COMPANY,
    CONTROLLED,
    MARKER,
    RECIPIENT,
    RECIPIENT_DETAILS,
    REPRESENTATIVE,
    patched,
)
from tests.support.serving import Platform

BARE_COMPANY: Any = {
    **CONTROLLED,
    "configuration": {"merchant": {"capabilities": {"card_payments": {"requested": True}}}},
    "identity": {"country": "US", "entity_type": "company"},
}
LATER = {"day": 1, "month": 1, "year": 1901}


def read(platform: Platform, account: str, **query: str) -> Any:
    answer = platform.request("GET", path(account), params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def path(account: str) -> str:
    return f"/v2/verification/accounts/{account}/requirements"


def items(document: Any) -> Iterator[Any]:
    for group in document["groups"]:
        yield from group["items"]


def item(document: Any, label: str) -> Any:
    [found] = [one for one in items(document) if one["label"] == label]
    return found


def words(node: Any) -> Iterator[str]:
    """Every text that is made for people, without machine words."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(value, dict | list):
            yield from words(value)
        elif key in ("label", "help", "text", "title"):
            yield value


def wire(platform: Platform, account: str) -> Any:
    include = ["requirements", "configuration.merchant", "configuration.recipient"]
    return platform.sdk().v2.core.accounts.retrieve(account, {"include": include}).to_dict()


def assert_nothing_leaks(document: Any, *internal: str) -> None:
    """Neither a text nor a code nor a path says what end users may not read."""
    told = json.dumps(document, ensure_ascii=False).replace("_", " ")
    assert not FORBIDDEN.search(told)
    for word in internal:
        assert word.replace("_", " ") not in told
    assert "operator" not in told
    assert "status details" not in told


def solutions(one: Any) -> list[Any]:
    return [(way["type"], [field["description"] for field in way["fields"]]) for way in one["solutions"]]


def checks(platform: Platform, account: str) -> list[Any]:
    found: list[Any] = platform.request("GET", f"/v2/verification/checks?account={account}").json()["data"]
    return found


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def paid_out(platform: Platform, **individual: Any) -> str:
    """An individual who wants to be paid out and has told everything."""
    sdk = platform.sdk()
    made: str = sdk.v2.core.accounts.create(RECIPIENT).id
    details = patched(RECIPIENT_DETAILS)
    details["identity"]["individual"] |= individual
    sdk.v2.core.accounts.update(made, details)
    sdk.v1.accounts.external_accounts.create(made, {"external_account": BANK_ACCOUNT})
    return made


@pytest.mark.parametrize("locale", LOCALES)
def test_a_bare_company_is_asked_in_groups_and_words(platform: Platform, locale: str) -> None:
    account = platform.sdk().v2.core.accounts.create(BARE_COMPANY).id
    entries = wire(platform, account)["requirements"]["entries"]

    document = read(platform, account, locale=locale)

    assert (document["object"], document["account"], document["locale"], document["audience"]) == (
        "v2.verification.requirements",
        account,
        locale,
        "end_user",
    )
    names = [group["group"] for group in document["groups"]]
    assert names == [name for name in GROUPS if name in names]
    assert {"your_business", "representative", "owners", "bank", "agreements", "payments"} == set(names)
    assert [group["person"] for group in document["groups"]] == [None] * len(names)
    asked = [one for each in items(document) for one in each["requirements"]]
    assert sorted(asked) == sorted(entry["description"] for entry in entries)
    assert len(set(asked)) == len(asked) > 25
    assert len(list(items(document))) < len(asked) - 10  # dates and addresses are one question each
    due = [one for one in items(document) if one["status"] in ("past_due", "currently_due")]
    text = texts_of(document["locale"]).summary("action_needed").text
    assert document["summary"] == {
        "status": "action_needed",
        "due_now": len(due),
        "next_deadline": None,
        "text": text,
    }
    assert len(due) > 10
    for told in words(document):
        assert not re.search(r"\w[._]\w|[{}]", told), told
    assert_nothing_leaks(document)


def test_an_entry_says_what_wire_and_texts_say(platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(BARE_COMPANY).id
    entries = {one["description"]: one for one in wire(platform, account)["requirements"]["entries"]}
    document = read(platform, account, locale="fr-CA")

    name = item(document, "Dénomination sociale")
    address = item(document, texts_of("fr").field("identity.business_details.address").label.text)

    description = "identity.business_details.registered_name"
    assert name == {
        "id": entries[description]["id"],
        "requirements": [description],
        "label": "Dénomination sociale",
        "help": "Le nom exact figurant au registre public ou sur les documents fiscaux ; il leur est comparé.",
        "status": "past_due",
        "due": None,
        "blocks": [
            {
                "configuration": "merchant",
                "capability": capability,
                "title": title,
                "status": "past_due",
                "from": None,
            }
            for capability, title in (
                ("card_payments", "Paiements par carte"),
                ("stripe_balance.payouts", "Versements"),
            )
        ],
        "problems": [],
        "solutions": [
            {
                "type": "field",
                "fields": [{"description": description, "label": "Dénomination sociale"}],
                "text": "Saisir les informations",
                "url": None,
            }
        ],
    }
    assert [one.rpartition(".")[2] for one in address["requirements"]] == ["line1", "city", "state", "postal_code"]
    assert [one["label"] for one in address["solutions"][0]["fields"]][1] == "Ville"
    website = item(document, "Site web")
    assert solutions(website) == [
        ("field", ["defaults.profile.business_url"]),
        ("field", ["defaults.profile.product_description"]),
    ]
    terms = item(document, texts_of("fr").field("identity.attestations.terms_of_service.account").label.text)
    assert [len(terms["requirements"]), terms["solutions"][0]["type"]] == [2, "confirm"]
    assert item(document, "Tous les propriétaires sont indiqués")["solutions"][0]["type"] == "confirm"
    alternatives = solutions(item(document, "Dirigeant"))
    assert alternatives == [
        ("confirm", ["representative.relationship.executive"]),
        ("confirm", ["representative.relationship.owner"]),
    ]


def test_an_individual_is_asked_about_itself(platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(RECIPIENT).id
    platform.sdk().v2.core.accounts.update(account, {"identity": {"individual": {"given_name": MARKER}}})
    [person] = platform.sdk().v2.core.accounts.persons.list(account).data

    first, *rest = read(platform, account)["groups"]

    assert (first["group"], first["person"]) == ("about_you", {"id": person.id, "name": MARKER})
    assert [group["group"] for group in rest] == ["bank", "agreements"]
    birth = next(one for one in first["items"] if one["label"] == "Date of birth")
    assert birth["requirements"] == [f"identity.individual.date_of_birth.{part}" for part in ("day", "month", "year")]
    later = next(one for one in first["items"] if one["status"] == "eventually_due")
    assert later["requirements"] == ["identity.individual.id_numbers.us_ssn_last_4"]


def test_everybody_has_a_group_of_their_own(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY).id
    known = patched(REPRESENTATIVE, surname=None, relationship__title=None, relationship__percent_ownership="40")
    sdk.v2.core.accounts.persons.create(company, known)
    owner = {"relationship": {"owner": True, "percent_ownership": "30"}}
    persons = [
        sdk.v2.core.accounts.persons.create(company, {**owner, "given_name": name}).id for name in ("Ann", "Bob")
    ]

    groups = read(platform, company)["groups"]

    assert [(group["group"], (group["person"] or {}).get("name")) for group in groups] == [
        ("representative", "Jenny"),
        ("owners", "Ann"),
        ("owners", "Bob"),
        ("bank", None),
    ]
    assert [group["person"]["id"] for group in groups[1:3]] == persons
    assert {one["requirements"][0] for one in groups[1]["items"]} >= {"surname", "email"}


def test_a_failed_verification_says_why_by_when_and_what_helps(platform: Platform) -> None:
    sdk = platform.sdk()
    company = sdk.v2.core.accounts.create(COMPANY).id
    number = [{"type": "us_ssn", "value": "111111111"}]
    person = sdk.v2.core.accounts.persons.create(company, patched(REPRESENTATIVE, id_numbers=number)).id
    sdk.v1.accounts.external_accounts.create(company, {"external_account": BANK_ACCOUNT})
    clock = new_clock(platform)
    attach(platform, clock, company)
    advance(platform, clock, START + timedelta(minutes=1))
    [check] = [one for one in checks(platform, company) if one["outcome"] == "failed"]

    document = read(platform, company, locale="de")

    [group] = document["groups"]
    assert (group["group"], group["person"]) == ("representative", {"id": person, "name": "Jenny Rosen"})
    [found] = group["items"]
    assert (found["label"], found["status"]) == ("US-Sozialversicherungsnummer (SSN)", "currently_due")
    assert found["problems"] == [
        {
            "code": "verification_failed_id_number_match",
            "text": "Die Nummer passt nicht zu Name und Geburtsdatum. Bitte prüfen Sie alle drei Angaben.",
        }
    ]
    assert solutions(found) == [
        ("field", ["id_numbers.us_ssn"]),
        ("document", ["documents.primary_verification"]),
    ]
    assert found["solutions"][1]["fields"][0]["label"] == "Ausweisdokument"
    assert instant(found["due"]) == instant(check["ended"]) + timedelta(days=30)
    assert {block["from"] for block in found["blocks"]} == {found["due"]}
    assert document["summary"]["next_deadline"] == found["due"]
    assert (document["summary"]["status"], document["summary"]["due_now"]) == ("action_needed", 1)

    advance(platform, clock, START + timedelta(days=31))
    missed = read(platform, company, locale="de")

    [one] = items(missed)
    assert (one["status"], one["due"], missed["summary"]["next_deadline"]) == ("past_due", found["due"], None)
    assert missed["as_of"] > found["due"]


def test_what_is_being_checked_needs_no_action(platform: Platform) -> None:
    account = paid_out(platform, date_of_birth=LATER)

    document = read(platform, account)

    [group] = document["groups"]
    assert [one["label"] for one in group["items"]] == ["First name", "Last name"]
    for one in group["items"]:
        assert (one["status"], one["due"], solutions(one)) == ("being_checked", None, [("wait", [])])
        assert [problem["code"] for problem in one["problems"]] == ["being_checked"]
    assert (document["summary"]["status"], document["summary"]["due_now"]) == ("being_checked", 0)


def test_a_complete_account_has_nothing_to_do_and_a_closed_one_says_so(platform: Platform) -> None:
    account = paid_out(platform)
    complete = read(platform, account)
    platform.sdk().v2.core.accounts.close(account, {"applied_configurations": ["recipient"]})
    closed = read(platform, account)

    assert (complete["groups"], complete["announced"], complete["summary"]["status"]) == ([], [], "complete")
    assert (closed["groups"], closed["summary"]["status"]) == ([], "closed")


def test_the_locale_is_that_of_its_language(platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(RECIPIENT).id
    german = read(platform, account, locale="de")

    for locale in ("de-AT", "de_CH", "DE", "de-Latn-DE"):
        assert read(platform, account, locale=locale) | {"as_of": None} == german | {"as_of": None}
    assert read(platform, account)["locale"] == "en"
    assert read(platform, account, locale="es-419")["groups"][0]["title"] == "Sobre usted"


BAD = {
    "an unknown language": ("locale=it", "parameter_invalid", "locale"),
    "no language": ("locale=", "parameter_invalid", "locale"),
    "no locale": ("locale=german", "parameter_invalid", "locale"),
    "half a locale": ("locale=de-", "parameter_invalid", "locale"),
    "an unknown audience": ("audience=internal", "parameter_invalid", "audience"),
    "no audience": ("audience=", "parameter_invalid", "audience"),
    "an unknown key": (f"include={MARKER}", "parameter_unknown", "include"),
    "a list": ("locale[0]=de", "parameter_unknown", "locale[0]"),
}


def test_a_wrong_query_is_refused(platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(RECIPIENT).id

    for what, (query, code, param) in BAD.items():
        answer = platform.request("GET", f"{path(account)}?{query}")
        error = answer.json()["error"]
        refused = (answer.status_code, error["code"], error["param"], error["type"])
        assert refused == (400, code, param, "invalid_request_error"), what
        assert MARKER not in answer.text


def test_nobody_elses_account_is_told(platform: Platform, other_platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(RECIPIENT).id

    for answer in (
        other_platform.request("GET", path(account)),
        platform.request("GET", path(account), live=True),
        platform.request("GET", path("acct_none")),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")

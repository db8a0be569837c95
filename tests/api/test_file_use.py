"""Accounts and persons name files: only their own or their platform's, and only for what they were uploaded for."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
import stripe

from tests.support.pictures import image, pdf
from tests.support.samples import BARE, COMPANY, CONTROLLED, RECIPIENT, REPRESENTATIVE, patched
from tests.support.serving import Platform

FRONT = "documents__primary_verification"
BUSINESS = "identity__business_details__documents__company_license"
ICON = "configuration__merchant__branding"


def upload(sdk: Any, purpose: str, **options: Any) -> str:
    content = image() if purpose.startswith("business_") else pdf()
    return str(sdk.v1.files.create({"purpose": purpose, "file": BytesIO(content)}, options).id)


def front_back(front: str, back: str | None = None) -> dict[str, Any]:
    return {"type": "front_back", "front_back": {"front": front, **({"back": back} if back else {})}}


def files(*ids: str) -> dict[str, Any]:
    return {"type": "files", "files": list(ids)}


def test_files_of_the_platform_serve_a_new_account(platform: Platform) -> None:
    sdk = platform.sdk()
    paper, front, back = upload(sdk, "account_requirement"), *(upload(sdk, "identity_document") for _ in range(2))
    icon, logo = upload(sdk, "business_icon"), upload(sdk, "business_logo")
    body = patched(COMPANY, **{BUSINESS: files(paper), ICON: {"icon": icon, "logo": logo}})

    made = sdk.v2.core.accounts.create({**body, "include": ["configuration.merchant", "identity"]})
    person = sdk.v2.core.accounts.persons.create(made.id, patched(REPRESENTATIVE, **{FRONT: front_back(front, back)}))

    assert made.identity.business_details.documents.company_license.files == [paper]
    assert (made.configuration.merchant.branding.icon, made.configuration.merchant.branding.logo) == (icon, logo)
    shown = person.documents.primary_verification.front_back
    assert (shown.front, shown.back) == (front, back)


def test_an_accounts_own_file_serves_it_and_nobody_else(platform: Platform) -> None:
    sdk = platform.sdk()
    accounts = sdk.v2.core.accounts
    one, other = accounts.create(COMPANY), accounts.create(COMPANY)
    paper = upload(sdk, "account_requirement", stripe_account=one.id)

    accounts.update(one.id, patched({}, **{BUSINESS: files(paper)}))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        accounts.update(other.id, patched({}, **{BUSINESS: files(paper)}))

    assert (refused.value.code, refused.value.param) == (
        "document_invalid",
        "identity.business_details.documents.company_license.files[0]",
    )


@pytest.mark.parametrize("whose", ["nobody", "other platform", "other mode", "other account", "sandbox in live"])
def test_foreign_files_are_refused_everywhere(platform: Platform, other_platform: Platform, whose: str) -> None:
    live = whose == "sandbox in live"
    sdk = platform.sdk(live=live)
    accounts = sdk.v2.core.accounts
    company = accounts.create(patched(BARE, identity={"country": "US", "entity_type": "company"}))
    individual = accounts.create(patched(BARE, identity={"country": "US", "entity_type": "individual"}))
    person = accounts.persons.create(company.id, {"given_name": "Jenny"})

    def foreign(purpose: str) -> str:
        match whose:
            case "other platform":
                return upload(other_platform.sdk(), purpose)
            case "other mode":
                return upload(platform.sdk(live=True), purpose)
            case "other account":
                return upload(sdk, purpose, stripe_account=accounts.create(BARE).id)
            case "sandbox in live":
                return "file_identity_document_success"
            case _:
                return "file_0d7"

    front, paper, icon = foreign("identity_document"), foreign("account_requirement"), foreign("business_icon")
    document = {"documents": {"primary_verification": front_back(front)}}
    before = platform.server.count_rows()
    tries: list[tuple[Any, str]] = [
        (
            lambda: accounts.create(patched(CONTROLLED, **{ICON: {"icon": icon}})),
            "configuration.merchant.branding.icon",
        ),
        (
            lambda: accounts.update(company.id, patched({}, **{BUSINESS: files(paper)})),
            "identity.business_details.documents.company_license.files[0]",
        ),
        (
            lambda: accounts.update(individual.id, {"identity": {"individual": document}}),
            "identity.individual.documents.primary_verification.front_back.front",
        ),
        (
            lambda: accounts.persons.create(company.id, {"given_name": "Ann", **document}),
            "documents.primary_verification.front_back.front",
        ),
        (
            lambda: accounts.persons.update(company.id, person.id, document),
            "documents.primary_verification.front_back.front",
        ),
    ]
    for ask, param in tries:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            ask()
        assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, "document_invalid", param)
    assert platform.server.count_rows() == before


@pytest.mark.parametrize("purpose", ["account_requirement", "identity_document", "business_icon", "business_logo"])
def test_a_place_wants_its_purpose(platform: Platform, purpose: str) -> None:
    sdk = platform.sdk()
    accounts = sdk.v2.core.accounts
    company = accounts.create(COMPANY)
    file = upload(sdk, purpose)
    places = {
        "account_requirement": {BUSINESS: files(file)},
        "identity_document": {"identity__business_details__documents__primary_verification": front_back(file)},
        "business_icon": {ICON: {"icon": file}},
        "business_logo": {ICON: {"logo": file}},
    }

    codes = {}
    for wanted, change in places.items():
        try:
            accounts.update(company.id, patched({}, **change))
            codes[wanted] = "taken"
        except stripe.InvalidRequestError as refused:
            codes[wanted] = str(refused.code)

    assert codes == {wanted: "taken" if wanted == purpose else "document_purpose_invalid" for wanted in places}


def test_sandbox_tokens_pass_for_sandbox_accounts(platform: Platform) -> None:
    document = {"documents": {"primary_verification": front_back("file_identity_document_success")}}
    body = patched(RECIPIENT, identity__individual=document)

    assert platform.sdk().v2.core.accounts.create(body).id


def test_files_cost_one_statement_for_all_of_them(platform: Platform) -> None:
    sdk = platform.sdk()
    icon, logo = upload(sdk, "business_icon"), upload(sdk, "business_logo")
    papers = [upload(sdk, "account_requirement") for _ in range(5)]
    named = patched(COMPANY, **{BUSINESS: files(*papers), ICON: {"icon": icon, "logo": logo}})

    counts = []
    for body in (COMPANY, named):
        sdk.v2.core.accounts.create(body)  # plans are made
        with platform.server.engine.database.round_trips() as sent:
            sdk.v2.core.accounts.create(body)
        # The caller's key is looked up outside of the transaction.
        begin = next(index for index, text in enumerate(sent) if text.startswith("BEGIN"))
        counts.append(len(sent) - begin)

    assert counts[1] == counts[0] + 1
    assert counts[1] <= 8

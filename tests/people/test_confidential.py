"""What end users may not read: why an account is held or rejected, what a screening found, what verifiers said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from onboarding.catalogue.texts import LOCALES, Reason, operator_texts, texts_of
from onboarding.domain.settle import Answer
from onboarding.domain.state import OrderKind, Outcome
from onboarding.door.callers import Caller
from onboarding.door.draft import Draft
from onboarding.door.orders import Audience
from tests.people.test_requirements import assert_nothing_leaks, items, paid_out, path, read, solutions
from tests.support.samples import MARKER, RECIPIENT, patched
from tests.support.serving import Platform

HIT = {"day": 1, "month": 1, "year": 1900}


def order(platform: Platform, account: str, kind: OrderKind, reason: str, **changes: Any) -> None:
    """An order of whoever runs the engine."""
    caller = Caller(platform.id, livemode=False, actor="operator:ann")
    orders = platform.server.engine.orders
    platform.server.run(orders.place(caller, account, None, kind=kind, reason=reason, **changes))


@pytest.mark.parametrize(
    ("kind", "reason", "code"),
    [
        (OrderKind.HOLD, "sanctions_review", "restricted_other"),
        (OrderKind.HOLD, "pep_review", "restricted_other"),
        (OrderKind.REJECT, "fraud", "rejected_fraud"),
        (OrderKind.REJECT, "listed", "rejected_listed"),
    ],
)
def test_end_users_read_the_same_of_every_hold_and_rejection(
    platform: Platform, kind: OrderKind, reason: str, code: str
) -> None:
    account = paid_out(platform)
    order(platform, account, kind, reason, audience=Audience.USER)

    for locale in LOCALES:
        document = read(platform, account, locale=locale)
        texts = texts_of(locale)
        [group] = document["groups"]
        [found] = group["items"]
        notice = texts.notice("contact")
        assert (group["group"], found["label"], found["help"]) == ("other", notice.label.text, notice.help.text)
        assert (found["status"], found["requirements"], solutions(found)) == ("restricted", [], [("contact", [])])
        assert found["problems"] == [
            {"code": "under_review", "text": texts.problem(Reason("under_review")).text.text},
        ]
        assert {block["status"] for block in found["blocks"]} == {"restricted"}
        assert len(found["blocks"]) == 2
        assert document["summary"]["status"] == "restricted"
        assert_nothing_leaks(document, reason, "rejected", "listed", "inquiry", "interv")
    id_of_any = read(platform, account)["groups"][0]["items"][0]["id"]

    [told] = items(read(platform, account, audience="operator"))

    assert told["id"] == id_of_any
    expected = operator_texts().reason(Reason(code)).text
    [problem] = told["problems"]
    assert (problem["code"], problem["reason"], problem["operator_text"]) == ("under_review", code, expected)
    details = [{"code": code, "resolution": "contact_stripe"}]
    assert [block["status_details"] for block in told["blocks"]] == [details, details]
    assert bool(told["requirements"]) is (kind is OrderKind.HOLD)


def test_a_screening_hit_is_a_review_to_end_users(platform: Platform) -> None:
    account = paid_out(platform, date_of_birth=HIT)

    document = read(platform, account)
    [told] = items(read(platform, account, audience="operator"))

    [found] = items(document)
    assert (found["label"], found["status"]) == ("Review of your account", "being_checked")
    assert [problem["code"] for problem in found["problems"]] == ["under_review"]
    assert solutions(found) == [("wait", [])]
    assert document["summary"]["status"] == "under_review"
    assert_nothing_leaks(document, "screening", "hit", "determining", "inconclusive")
    assert told["problems"][0]["reason"] == "determining_status"
    assert told["blocks"][0]["status_details"] == [{"code": "determining_status", "resolution": "no_resolution"}]


@dataclass(frozen=True)
class Said:
    """A vendor fails a check for reasons of its own."""

    kind: str
    reasons: tuple[str, ...]
    cause = "check.attempt_heard"

    def apply(self, draft: Draft) -> None:
        [check] = [one for one in draft.state.checks if one.kind == self.kind]
        draft.answer(check, Answer(Outcome.FAILED, self.reasons, "vendor", "1", draft.as_of))


@pytest.mark.parametrize("locale", LOCALES)
def test_an_internal_reason_never_reaches_end_users(platform: Platform, locale: str) -> None:
    live = patched(RECIPIENT, identity__individual={"given_name": "Ann", "surname": "Poe"})
    live["identity"]["individual"]["date_of_birth"] = {"day": 2, "month": 3, "year": 1980}
    account = platform.sdk(live=True).v2.core.accounts.create(live).id
    planted = ("screening_hit", "name_missing", "verification_document_fraudulent", MARKER)
    platform.server.run(platform.server.engine.door.revise(account, Said("keyed_identity", planted)))
    retrieved = platform.sdk(live=True).v2.core.accounts.retrieve(account, {"include": ["requirements"]}).to_dict()
    raised = [one for one in retrieved["requirements"]["entries"] if one["errors"]]
    assert [error["code"] for error in raised[0]["errors"]] == list(planted)  # the platform itself is told

    def of(audience: str) -> Any:
        query = {"locale": locale, "audience": audience}
        return platform.request("GET", path(account), params=query, live=True).json()

    document = of("end_user")
    [found] = [one for one in items(document) if one["id"] == raised[0]["id"]]
    [told] = [one for one in items(of("operator")) if one["id"] == raised[0]["id"]]

    assert_nothing_leaks(document, *planted)
    assert {problem["code"] for problem in found["problems"]} == {"under_review"}
    assert [way["type"] for way in found["solutions"]] == ["document", "contact"]
    assert [problem["reason"] for problem in told["problems"]] == list(planted)
    assert all(problem["operator_text"] for problem in told["problems"])
    assert "forgery" in told["problems"][2]["operator_text"]

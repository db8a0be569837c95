"""What a destination will be sent, read by the official SDK: verified, typed, and leading back to its objects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import stripe
from stripe.events import UnknownEventNotification

from onboarding.account_links import LinkRequest
from onboarding.documents.events import THIN_EVENTS, notification
from onboarding.signing import signature_header
from tests.api.test_lists import all_events
from tests.support.samples import BARE, COMPANY, RECIPIENT, RECIPIENT_DETAILS, REPRESENTATIVE
from tests.support.serving import Platform

SECRET = "webhook_endpoint.signing_secret"
WEBHOOK: Any = {
    "name": "All",
    "type": "webhook_endpoint",
    "event_payload": "thin",
    "enabled_events": ["*"],
    "webhook_endpoint": {"url": "https://hooks.platform.test/"},
    "include": [SECRET],
}


def sent(event: Any, *secrets: str) -> tuple[bytes, str]:
    """Body and signature of an event as it will be delivered."""
    body = orjson.dumps(notification(event.to_dict()))
    return body, signature_header(body, secrets, datetime.now(UTC))


def parsed(platform: Platform, event: Any) -> Any:
    return platform.sdk().parse_event_notification(*sent(event, "whsec_1"), "whsec_1")


def test_notification_is_verified_with_the_destinations_secret(platform: Platform) -> None:
    sdk = platform.sdk()
    secret = sdk.v2.core.event_destinations.create(WEBHOOK).webhook_endpoint.signing_secret
    account = sdk.v2.core.accounts.create(BARE, {"idempotency_key": "the-create"})
    (event,) = all_events(platform, account.id)

    body, header = sent(event, "whsec_next", secret)
    told = sdk.parse_event_notification(body, header, secret)

    assert orjson.loads(body) == {
        "id": event.id,
        "object": "v2.core.event",
        "type": "v2.core.account.created",
        "livemode": False,
        "created": event.created,
        "context": None,
        "reason": {"type": "request", "request": {"id": event.reason.request.id, "idempotency_key": "the-create"}},
        "related_object": {
            "id": account.id,
            "type": "v2.core.account",
            "url": f"/v2/core/accounts/{account.id}",
        },
    }
    assert type(told).__name__ == "V2CoreAccountCreatedEventNotification"
    assert (told.id, told.livemode, told.context) == (event.id, False, None)
    assert told.reason.request.idempotency_key == "the-create"
    with pytest.raises(stripe.SignatureVerificationError):
        sdk.parse_event_notification(body.replace(b"created", b"closed"), header, secret)
    with pytest.raises(stripe.SignatureVerificationError):
        sdk.parse_event_notification(body, header, "whsec_another")


def test_every_event_of_an_account_leads_back_to_it(platform: Platform) -> None:
    sdk = platform.sdk()
    accounts = sdk.v2.core.accounts
    company = accounts.create(COMPANY)
    person = accounts.persons.create(company.id, REPRESENTATIVE)
    accounts.persons.update(company.id, person.id, {"surname": "Diaz"})
    accounts.update(company.id, {"display_name": "Renamed", "defaults": {"profile": {"doing_business_as": "Roses"}}})
    accounts.update(company.id, {"configuration": {"merchant": {"statement_descriptor": {"descriptor": "ROSES"}}}})
    accounts.update(company.id, {"identity": {"business_details": {"phone": "+14155550199"}}})
    other = accounts.persons.create(company.id, {"given_name": "Alan", "surname": "Berg"})
    accounts.persons.delete(company.id, other.id)
    accounts.close(company.id)
    rows = platform.server.fetch("SELECT id FROM events WHERE account_id = $1 ORDER BY sequence", company.id)

    types = set()
    for event in (sdk.v2.core.events.retrieve(row[0]) for row in rows):
        told = parsed(platform, event)
        fetched = told.fetch_event()
        types.add(told.type)
        assert fetched.to_dict() == event.to_dict()
        assert fetched.snapshot_event is None
        assert (fetched.changes["before"], fetched.changes["after"]) != (None, None)
        if event.related_object.id == other.id:
            with pytest.raises(stripe.InvalidRequestError):
                told.fetch_related_object()
        else:
            assert told.fetch_related_object().id == event.related_object.id
        if not event.type.startswith("v2.verification."):
            assert not isinstance(told, UnknownEventNotification)

    assert types <= THIN_EVENTS
    assert types >= {
        "v2.core.account.created",
        "v2.core.account.updated",
        "v2.core.account.closed",
        "v2.core.account[identity].updated",
        "v2.core.account[defaults].updated",
        "v2.core.account[requirements].updated",
        "v2.core.account[configuration.merchant].updated",
        "v2.core.account[configuration.merchant].capability_status_updated",
        "v2.core.account_person.created",
        "v2.core.account_person.updated",
        "v2.core.account_person.deleted",
        "v2.verification.check.created",
    }


def test_own_types_are_unknown_and_lead_to_their_objects_all_the_same(platform: Platform) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(RECIPIENT)
    sdk.v2.core.accounts.update(account.id, RECIPIENT_DETAILS)
    check = platform.request("GET", f"/v2/verification/checks?account={account.id}").json()["data"][0]
    event = all_events(platform, check["id"])[0]

    told = parsed(platform, event)

    assert told.fetch_related_object().to_dict() == check
    assert type(told) is UnknownEventNotification


def test_ping_leads_to_its_destination(platform: Platform) -> None:
    sdk = platform.sdk()
    made = sdk.v2.core.event_destinations.create(WEBHOOK)
    event = sdk.v2.core.event_destinations.ping(made.id)

    told = parsed(platform, event)

    assert type(told).__name__ == "V2CoreEventDestinationPingEventNotification"
    assert told.fetch_related_object().id == made.id
    assert told.fetch_event().to_dict() == event.to_dict()
    assert [one.id for one in all_events(platform, made.id)] == [event.id]
    assert sdk.v2.core.events.list({"types": [event.type]}).data[0].to_dict() == event.to_dict()


def test_returned_link_has_no_object_of_its_own(platform: Platform) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(BARE)
    engine, run = platform.server.engine, platform.server.run
    caller = run(engine.authenticate(platform.test_key))
    assert caller is not None
    request = LinkRequest("account_onboarding", "https://platform.test/")
    link = run(engine.account_links.create(caller, account.id, request, None))
    run(engine.account_links.open(account.id, link.secret or ""))
    run(engine.account_links.returned(link))
    (row,) = platform.server.fetch("SELECT id FROM events WHERE account_id = $1 AND related_id IS NULL", account.id)

    told = parsed(platform, sdk.v2.core.events.retrieve(row[0]))

    assert type(told).__name__ == "V2CoreAccountLinkReturnedEventNotification"
    assert told.reason is None
    assert told.fetch_event().data.account_id == account.id

"""Event destinations: made, shown, changed, switched, pinged and deleted by the official SDK."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from onboarding.documents.events import THIN_EVENTS
from tests.support.samples import BARE, MARKER, patched
from tests.support.serving import Platform

PATH = "/v2/core/event_destinations"
SECRET = "webhook_endpoint.signing_secret"
URL = "webhook_endpoint.url"
HOOK = f"https://hooks.platform.test/{MARKER.split()[0]}"
WEBHOOK: Any = {
    "name": "Ledger",
    "type": "webhook_endpoint",
    "event_payload": "thin",
    "enabled_events": ["*"],
    "webhook_endpoint": {"url": HOOK},
}


def destinations(platform: Platform, **options: Any) -> Any:
    return platform.sdk(**options).v2.core.event_destinations


def keyed(key: str) -> Any:
    return {"idempotency_key": key}


def owed(platform: Platform, destination_id: str) -> list[str]:
    """Types of the events that are owed to a destination, in the order in which they are to be sent."""
    rows = platform.server.fetch(
        "SELECT e.type FROM pending_deliveries p JOIN events e ON e.id = p.event_id WHERE p.destination_id = $1"
        " ORDER BY e.xid, e.sequence",
        destination_id,
    )
    return [row[0] for row in rows]


def refused(platform: Platform, json: Any, *, live: bool = False, path: str = PATH, method: str = "POST") -> Any:
    """The error of a request that must be refused, and leave nothing behind."""
    before = platform.server.count_rows()
    answer = platform.request(method, path, json=json, live=live, headers={"Idempotency-Key": "refused"})
    assert 400 <= answer.status_code < 500, answer.text
    assert platform.server.count_rows() == before
    assert MARKER.split()[0] not in answer.text
    return answer.json()["error"] | {"status": answer.status_code}


# --- making and showing -----------------------------------------------------------------------------------------------


def test_destination_is_made_as_the_contract_says(platform: Platform) -> None:
    made = destinations(platform).create(
        {**WEBHOOK, "description": "To the ledger", "metadata": {"team": "books"}, "include": [SECRET, URL]}
    )

    assert made.id.startswith("ed_test_")
    assert type(made).__name__ == "EventDestination"
    assert re.fullmatch(r"whsec_[A-Za-z0-9]{32}", made.webhook_endpoint.signing_secret)
    assert made.to_dict() == {
        "id": made.id,
        "object": "v2.core.event_destination",
        "amazon_eventbridge": None,
        "azure_event_grid": None,
        "created": made.created,
        "description": "To the ledger",
        "enabled_events": ["*"],
        "event_payload": "thin",
        "events_from": ["@self"],
        "livemode": False,
        "metadata": {"team": "books"},
        "name": "Ledger",
        "snapshot_api_version": None,
        "status": "enabled",
        "status_details": None,
        "type": "webhook_endpoint",
        "updated": made.created,
        "webhook_endpoint": {"signing_secret": made.webhook_endpoint.signing_secret, "url": HOOK},
    }


def test_address_and_secret_are_shown_only_where_asked_for(platform: Platform) -> None:
    sdk = destinations(platform)
    made = sdk.create({**WEBHOOK, "include": [SECRET]})

    assert made.webhook_endpoint.url is None
    assert sdk.create(WEBHOOK).webhook_endpoint.signing_secret is None
    for shown, url in (
        (sdk.retrieve(made.id), None),
        (sdk.retrieve(made.id, {"include": [URL]}), HOOK),
        (sdk.update(made.id, {"name": "Other", "include": [URL]}), HOOK),
        (sdk.list({"include": [URL]}).data[1], HOOK),
        (sdk.list().data[1], None),
        (sdk.disable(made.id), None),
        (sdk.enable(made.id), None),
    ):
        assert (shown.id, shown.webhook_endpoint.url) == (made.id, url)
        assert shown.webhook_endpoint.signing_secret is None


@pytest.mark.parametrize(
    ("method", "path"), [("GET", PATH), ("GET", PATH + "/{id}"), ("POST", PATH + "/{id}")], ids=["list", "get", "post"]
)
def test_secret_can_be_included_nowhere_but_in_its_creation(platform: Platform, method: str, path: str) -> None:
    made = destinations(platform).create(WEBHOOK)
    path = path.format(id=made.id)
    asked = platform.request(
        method,
        path if method == "POST" else f"{path}?include[0]={SECRET}",
        json={"include": [SECRET]} if method == "POST" else None,
    )

    assert (asked.status_code, asked.json()["error"]["param"]) == (400, "include[0]")


def test_nulls_are_nothing(platform: Platform) -> None:
    sdk = destinations(platform)
    made = sdk.create({**WEBHOOK, "description": None, "metadata": {"kept": "1", "unset": None}})

    assert (made.description, made.metadata.to_dict()) == ("", {"kept": "1"})
    assert sdk.update(made.id, {"description": None, "metadata": None}).metadata.to_dict() == {}


def test_pages_keep_what_is_included(platform: Platform, other_platform: Platform) -> None:
    sdk = destinations(platform)
    made = [sdk.create({**WEBHOOK, "name": f"Number {number}"}).id for number in range(5)]
    destinations(other_platform).create(WEBHOOK)
    destinations(platform, live=True).create(WEBHOOK)

    found = list(sdk.list({"limit": 2, "include": [URL]}).auto_paging_iter())

    assert [one.id for one in found] == made[::-1]
    assert {one.webhook_endpoint.url for one in found} == {HOOK}
    first = platform.request("GET", f"{PATH}?limit=2").json()
    second = platform.request("GET", first["next_page_url"]).json()
    assert platform.request("GET", second["previous_page_url"]).json()["data"] == first["data"]


def test_foreign_destination_is_nobodys(platform: Platform, other_platform: Platform) -> None:
    made = destinations(platform).create(WEBHOOK)

    for stranger in (destinations(other_platform), destinations(platform, live=True)):
        for method in ("retrieve", "update", "disable", "enable", "ping", "delete"):
            with pytest.raises(stripe.InvalidRequestError) as error:
                getattr(stranger, method)(made.id)
            assert (error.value.http_status, error.value.code) == (404, "not_found")
    assert destinations(platform).retrieve(made.id).to_dict() == made.to_dict()


def test_words_of_before_dahlia_are_understood(platform: Platform) -> None:
    made = destinations(platform).create({**WEBHOOK, "events_from": ["other_accounts", "self", "@self"]})

    assert made.events_from == ["@accounts", "@self"]


def test_snapshots_have_a_version_and_a_notice_that_none_are_made(platform: Platform) -> None:
    snapshot = {**WEBHOOK, "event_payload": "snapshot", "enabled_events": ["account.updated"]}
    with pytest.warns(UserWarning, match="thin events only"):
        chosen = destinations(platform).create({**snapshot, "snapshot_api_version": "2026-06-24.dahlia"})
    with pytest.warns(UserWarning, match="thin events only"):
        newest = destinations(platform).create({**snapshot, "enabled_events": ["*"]})

    platform.sdk().v2.core.accounts.create(BARE)

    assert (chosen.snapshot_api_version, newest.snapshot_api_version) == ("2026-06-24.dahlia", "2026-10-28.endive")
    assert owed(platform, newest.id) == []
    thin = refused(platform, {**WEBHOOK, "snapshot_api_version": "2026-06-24.dahlia"})
    assert (thin["code"], thin["param"]) == ("parameter_invalid", "snapshot_api_version")


def test_every_type_of_the_contract_can_be_enabled_and_one_that_never_comes_can_not(platform: Platform) -> None:
    from stripe.events import _event_classes as sdk_types  # noqa: PLC0415 -- what the SDK itself looks types up in

    contract = {name for name in sdk_types._V2_EVENT_CLASS_LOOKUP if re.match(r"v2\.core\.(account|event_dest)", name)}
    made = destinations(platform).create({**WEBHOOK, "enabled_events": sorted(THIN_EVENTS)})

    assert len(contract) >= 18
    assert contract <= set(made.enabled_events)
    for name in ("v1.account.updated", "account.updated", "v2.core.account_token.created", MARKER):
        error = refused(platform, {**WEBHOOK, "enabled_events": ["v2.core.account.created", name]})
        assert (error["code"], error["param"]) == ("parameter_invalid", "enabled_events[1]")


BAD: dict[str, tuple[Any, str, str | None]] = {
    "no name": ({"name": None}, "parameter_invalid", "name"),
    "empty name": ({"name": ""}, "parameter_invalid", "name"),
    "name too long": ({"name": MARKER * 300}, "parameter_invalid", "name"),
    "NUL": ({"name": f"{MARKER}\x00"}, "parameter_invalid", "name"),
    "eventbridge": (
        {"type": "amazon_eventbridge", "amazon_eventbridge": {"aws_account_id": MARKER, "aws_region": "us-east-1"}},
        "parameter_invalid",
        "type",
    ),
    "event grid": ({"type": "azure_event_grid", "azure_event_grid": {}}, "parameter_invalid", "type"),
    "other transport": ({"type": MARKER}, "parameter_invalid", "type"),
    "other payload": ({"event_payload": MARKER}, "parameter_invalid", "event_payload"),
    "no events": ({"enabled_events": []}, "parameter_invalid", "enabled_events"),
    "events beside all": (
        {"enabled_events": ["v2.core.account.created", "*"]},
        "parameter_invalid",
        "enabled_events[1]",
    ),
    "organization": ({"events_from": ["@organization_members"]}, "parameter_invalid", "events_from[0]"),
    "no source": ({"events_from": []}, "parameter_invalid", "events_from"),
    "no endpoint": ({"webhook_endpoint": {}}, "parameter_missing", "webhook_endpoint.url"),
    "secret of the caller's": (
        {"webhook_endpoint": {"url": HOOK, "signing_secret": MARKER}},
        "parameter_unknown",
        "webhook_endpoint.signing_secret",
    ),
    "relative URL": ({"webhook_endpoint": {"url": f"/{MARKER}"}}, "url_invalid", "webhook_endpoint.url"),
    "script": ({"webhook_endpoint": {"url": "javascript:alert(1)"}}, "url_invalid", "webhook_endpoint.url"),
    "no host": ({"webhook_endpoint": {"url": "https:///hook"}}, "url_invalid", "webhook_endpoint.url"),
    "user in URL": ({"webhook_endpoint": {"url": "https://a:b@c.test/"}}, "url_invalid", "webhook_endpoint.url"),
    "no port": ({"webhook_endpoint": {"url": "https://c.test:99999/"}}, "url_invalid", "webhook_endpoint.url"),
    "long URL": (
        {"webhook_endpoint": {"url": "https://c.test/" + "x" * 2048}},
        "url_invalid",
        "webhook_endpoint.url",
    ),
    "metadata key": ({"metadata": {"k" * 41: MARKER}}, "parameter_invalid", "metadata"),
    "include": ({"include": ["requirements"]}, "parameter_invalid", "include[0]"),
    "unknown": ({"colour": MARKER}, "parameter_unknown", "colour"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_request_is_refused_and_leaves_nothing(platform: Platform, name: str) -> None:
    changes, code, param = BAD[name]

    error = refused(platform, {**WEBHOOK, **changes})

    assert (error["status"], error["code"], error.get("param")) == (400, code, param)


@pytest.mark.parametrize("missing", ["name", "type", "event_payload", "enabled_events", "webhook_endpoint"])
def test_what_is_required_is_required(platform: Platform, missing: str) -> None:
    error = refused(platform, {name: value for name, value in WEBHOOK.items() if name != missing})

    assert (error["code"], error["param"]) == ("parameter_missing", missing)


@pytest.mark.parametrize(
    ("url", "is_live"),
    [
        ("https://hooks.platform.test/a?b=c#d", True),
        ("https://billing:8443/hook", True),
        ("https://bücher.example/hook", True),
        ("http://hooks.platform.test/a", False),
        ("http://localhost:4242/webhook", False),
        ("https://localhost/webhook", False),
        ("https://127.0.0.1/webhook", False),
        ("https://[::1]/webhook", False),
        ("https://169.254.169.254/latest", False),
    ],
)
def test_live_mode_wants_https_to_somewhere_else(platform: Platform, url: str, *, is_live: bool) -> None:
    wanted = patched(WEBHOOK, webhook_endpoint__url=url) | {"include": [URL]}

    assert destinations(platform).create(wanted).webhook_endpoint.url == url
    if is_live:
        made = destinations(platform, live=True).create(wanted)
        assert (made.webhook_endpoint.url, made.livemode, made.id.startswith("ed_test_")) == (url, True, False)
    else:
        assert refused(platform, wanted, live=True)["code"] == "url_invalid"


# --- changing ---------------------------------------------------------------------------------------------------------


def test_update_changes_what_it_names(platform: Platform) -> None:
    sdk = destinations(platform)
    made = sdk.create({**WEBHOOK, "description": "Old", "metadata": {"keep": "1", "drop": "2"}})

    changed = sdk.update(
        made.id,
        {
            "name": "Books",
            "description": "",
            "metadata": {"drop": None, "add": "3"},
            "enabled_events": ["v2.core.account.closed"],
            "webhook_endpoint": {"url": "https://other.platform.test/"},
            "include": [URL],
        },
    )

    assert changed.to_dict() == made.to_dict() | {
        "name": "Books",
        "description": "",
        "metadata": {"keep": "1", "add": "3"},
        "enabled_events": ["v2.core.account.closed"],
        "updated": changed.updated,
        "webhook_endpoint": {"signing_secret": None, "url": "https://other.platform.test/"},
    }
    assert changed.updated > made.updated
    assert sdk.retrieve(made.id, {"include": [URL]}).to_dict() == changed.to_dict()


def test_an_update_that_says_nothing_new_changes_nothing(platform: Platform) -> None:
    sdk = destinations(platform)
    made = sdk.create({**WEBHOOK, "metadata": {"a": "1"}})
    bare = sdk.create(WEBHOOK)

    assert sdk.update(bare.id, {"metadata": {"b": None}, "description": ""}).to_dict() == bare.to_dict()
    for patch in ({}, {"name": "Ledger"}, {"metadata": {"a": "1", "b": None}}, {"webhook_endpoint": {"url": HOOK}}):
        assert sdk.update(made.id, patch).to_dict() == made.to_dict()
    assert sdk.enable(made.id).to_dict() == made.to_dict()


@pytest.mark.parametrize(
    "patch",
    [
        {"type": "webhook_endpoint"},
        {"event_payload": "snapshot"},
        {"events_from": ["@accounts"]},
        {"snapshot_api_version": "2026-06-24.dahlia"},
        {"name": None},
        {"enabled_events": ["account.updated"]},
        {"enabled_events": []},
        {"webhook_endpoint": {"url": "ftp://platform.test"}},
        {"status": "disabled"},
    ],
    ids=lambda patch: str(next(iter(patch))),
)
def test_what_can_not_be_changed_stays(platform: Platform, patch: Any) -> None:
    made = destinations(platform).create(WEBHOOK)

    error = refused(platform, patch, path=f"{PATH}/{made.id}")

    assert error["param"].startswith(next(iter(patch)))
    assert destinations(platform).retrieve(made.id).to_dict() == made.to_dict()


def test_metadata_has_at_most_fifty_keys_over_all_updates(platform: Platform) -> None:
    sdk = destinations(platform)
    made = sdk.create({**WEBHOOK, "metadata": {f"a{number}": "x" for number in range(50)}})

    assert refused(platform, {"metadata": {"b": "x"}}, path=f"{PATH}/{made.id}")["param"] == "metadata"
    assert len(sdk.update(made.id, {"metadata": {"b": "x", "a0": None}}).metadata.to_dict()) == 50


# --- switching, pinging, deleting -------------------------------------------------------------------------------------


def test_disabled_destination_is_owed_nothing_new(platform: Platform) -> None:
    sdk = destinations(platform)
    accounts = platform.sdk().v2.core.accounts
    made = sdk.create(WEBHOOK)
    account = accounts.create(BARE)
    disabled = sdk.disable(made.id)
    accounts.update(account.id, {"display_name": "While it was disabled"})
    enabled = sdk.enable(made.id)
    accounts.close(account.id)

    assert (disabled.status, disabled.status_details.to_dict()) == ("disabled", {"disabled": {"reason": "user"}})
    assert (enabled.status, enabled.status_details) == ("enabled", None)
    assert owed(platform, made.id) == ["v2.core.account.created", "v2.core.account.closed"]


def test_destinations_are_owed_the_types_they_want(platform: Platform) -> None:
    sdk = destinations(platform)
    some = sdk.create({**WEBHOOK, "enabled_events": ["v2.core.account.updated"], "events_from": ["@accounts"]})
    live = destinations(platform, live=True).create(WEBHOOK)
    account = platform.sdk().v2.core.accounts.create(BARE)
    platform.sdk().v2.core.accounts.update(account.id, {"display_name": "Changed"})
    sdk.update(some.id, {"enabled_events": ["v2.core.account.closed"]})
    platform.sdk().v2.core.accounts.update(account.id, {"display_name": "Changed again"})

    assert owed(platform, some.id) == ["v2.core.account.updated"]
    assert owed(platform, live.id) == []


def test_ping_is_an_event_that_is_owed_to_its_destination_alone(platform: Platform) -> None:
    sdk = platform.sdk()
    made = sdk.v2.core.event_destinations.create({**WEBHOOK, "enabled_events": ["v2.core.account.closed"]})
    other = sdk.v2.core.event_destinations.create(WEBHOOK)

    event = sdk.v2.core.event_destinations.ping(made.id, options=keyed("ping"))

    assert type(event).__name__ == "V2CoreEventDestinationPingEvent"
    assert event.id.startswith("evt_test_")
    assert event.to_dict() == {
        "id": event.id,
        "object": "v2.core.event",
        "type": "v2.core.event_destination.ping",
        "changes": None,
        "context": None,
        "created": event.created,
        "data": {},
        "effective_at": event.effective_at,
        "livemode": False,
        "reason": {"type": "request", "request": {"id": event.reason.request.id, "idempotency_key": "ping"}},
        "related_object": {"id": made.id, "type": "v2.core.event_destination", "url": f"{PATH}/{made.id}"},
        "snapshot_event": None,
    }
    assert event.fetch_related_object().id == made.id
    assert sdk.v2.core.events.retrieve(event.id).to_dict() == event.to_dict()
    assert sdk.v2.core.event_destinations.ping(made.id, options=keyed("ping")).id == event.id
    assert (owed(platform, made.id), owed(platform, other.id)) == ([event.type], [])


def test_disabled_destination_is_not_pinged(platform: Platform) -> None:
    made = destinations(platform).create(WEBHOOK)
    destinations(platform).disable(made.id)

    assert refused(platform, {}, path=f"{PATH}/{made.id}/ping")["code"] == "event_destination_disabled"


def test_deletion_drops_what_is_owed_and_keeps_the_events(platform: Platform) -> None:
    sdk = platform.sdk()
    made = sdk.v2.core.event_destinations.create(WEBHOOK)
    kept = sdk.v2.core.event_destinations.create(WEBHOOK)
    sdk.v2.core.accounts.create(BARE)
    ping = sdk.v2.core.event_destinations.ping(made.id)

    deleted = [sdk.v2.core.event_destinations.delete(made.id, options=keyed("gone")) for _ in range(2)]

    assert [(one.id, one.object) for one in deleted] == [(made.id, "v2.core.event_destination")] * 2
    assert owed(platform, made.id) == []
    assert owed(platform, kept.id) == ["v2.core.account.created"]
    assert sdk.v2.core.events.retrieve(ping.id).related_object.id == made.id
    with pytest.raises(stripe.InvalidRequestError) as error:
        sdk.v2.core.event_destinations.delete(made.id)
    assert error.value.http_status == 404
    assert refused(platform, None, path=f"{PATH}/{made.id}", method="GET")["code"] == "not_found"


def test_what_is_owed_to_nobody_is_swept_away(platform: Platform) -> None:
    made = destinations(platform).create(WEBHOOK)
    platform.sdk().v2.core.accounts.create(BARE)
    # As if an account had been changed while its destination was being deleted.
    platform.server.fetch(
        "INSERT INTO pending_deliveries SELECT event_id, 'ed_test_gone', account_id, sequence, tries, look_at"
        " FROM pending_deliveries WHERE destination_id = $1",
        made.id,
    )

    platform.server.run(platform.server.engine.work.swept())

    assert owed(platform, "ed_test_gone") == []
    assert owed(platform, made.id) == ["v2.core.account.created"]


def test_actions_take_no_parameters(platform: Platform) -> None:
    made = destinations(platform).create(WEBHOOK)

    for action in ("enable", "disable", "ping"):
        error = refused(platform, {"now": True}, path=f"{PATH}/{made.id}/{action}")
        assert (error["code"], error["param"]) == ("parameter_unknown", "now")


# --- keys, secrets, many at once --------------------------------------------------------------------------------------


def test_lost_answer_is_had_again_with_the_same_key_and_no_other(platform: Platform) -> None:
    sdk = destinations(platform)
    wanted = {**WEBHOOK, "include": [SECRET]}
    first = sdk.create(wanted, keyed("lost"))
    sdk.update(first.id, {"name": "Renamed meanwhile"})
    before = platform.server.count_rows()

    again = sdk.create(wanted, keyed("lost"))
    without = sdk.create(WEBHOOK, keyed("lost"))

    assert (again.id, again.name) == (first.id, "Renamed meanwhile")
    assert again.webhook_endpoint.signing_secret == first.webhook_endpoint.signing_secret
    assert (without.id, without.webhook_endpoint.signing_secret) == (first.id, None)
    assert platform.server.count_rows() == before
    other = sdk.create(wanted, keyed("found"))
    assert other.id != first.id
    assert other.webhook_endpoint.signing_secret != first.webhook_endpoint.signing_secret
    with pytest.raises(stripe.IdempotencyError):
        sdk.create({**wanted, "name": "Another"}, keyed("lost"))


def test_key_of_another_platform_or_mode_shows_no_secret(platform: Platform, other_platform: Platform) -> None:
    wanted = {**WEBHOOK, "include": [SECRET]}

    made = [
        destinations(platform).create(wanted, keyed("shared")),
        destinations(platform, live=True).create(wanted, keyed("shared")),
        destinations(other_platform).create(wanted, keyed("shared")),
    ]

    assert len({one.id for one in made}) == len({one.webhook_endpoint.signing_secret for one in made}) == 3


def test_replayed_actions_have_no_further_effect(platform: Platform) -> None:
    sdk = destinations(platform)
    made = sdk.create(WEBHOOK)
    sdk.disable(made.id, options=keyed("off"))
    sdk.enable(made.id)
    sdk.update(made.id, {"name": "First"}, keyed("name"))
    sdk.update(made.id, {"name": "Second"})

    assert sdk.disable(made.id, options=keyed("off")).status == "enabled"
    assert sdk.update(made.id, {"name": "First"}, keyed("name")).name == "Second"


def test_there_are_sixteen_in_each_mode_however_many_ask_at_once(platform: Platform) -> None:
    sdk = destinations(platform)
    for number in range(14):
        sdk.create({**WEBHOOK, "name": f"Number {number}"})

    def create(number: int) -> str:
        try:
            return str(destinations(platform).create(WEBHOOK, keyed(f"key-{number}")).id)
        except stripe.QuotaExceededError:
            return ""

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(create, range(6)))

    found = list(sdk.list({"limit": 5}).auto_paging_iter())
    assert (len(found), sum(bool(one) for one in made)) == (16, 2)
    assert destinations(platform, live=True).create(WEBHOOK).livemode
    with pytest.raises(stripe.QuotaExceededError) as error:
        sdk.create(WEBHOOK)
    assert (error.value.http_status, error.value.code) == (400, "quota_exceeded")
    refused_key = f"key-{made.index('')}"
    sdk.delete(found[0].id)
    assert sdk.create(WEBHOOK, keyed(refused_key)).id


def test_no_column_holds_what_the_platform_said(platform: Platform) -> None:
    said = {
        "name": f"{MARKER} name",
        "description": f"{MARKER} description",
        "metadata": {MARKER: MARKER},
        "webhook_endpoint": {"url": HOOK},
        "include": [SECRET, URL],
    }
    made = destinations(platform).create({**WEBHOOK, **said}, keyed(f"key of {MARKER}"))
    destinations(platform).ping(made.id, options=keyed(f"ping of {MARKER}"))

    tables = ("event_destinations", "idempotency_keys", "events", "pending_deliveries")
    plain = "\n".join(
        row[0]
        for table in tables
        for row in platform.server.fetch(f"SELECT t::text FROM {table} t")  # noqa: S608 -- our own names
    )
    assert made.id in plain
    for secret in (*MARKER.split(), made.webhook_endpoint.signing_secret, made.webhook_endpoint.signing_secret[6:]):
        assert secret not in plain
        assert secret.encode().hex() not in plain


def test_stored_secret_is_the_one_that_was_shown(platform: Platform) -> None:
    made = destinations(platform).create({**WEBHOOK, "include": [SECRET]})
    ((secret,),) = platform.server.fetch("SELECT secret FROM event_destinations WHERE id = $1", made.id)

    opened = platform.server.engine.ring.open_platform(
        secret, platform=platform.id, purpose="signing-secret", ref=made.id
    )

    assert opened.decode() == made.webhook_endpoint.signing_secret


def test_a_concurrent_change_waits_for_the_other(platform: Platform) -> None:
    made = destinations(platform).create({**WEBHOOK, "metadata": {}})

    def tag(number: int) -> None:
        destinations(platform).update(made.id, {"metadata": {f"k{number}": "x"}})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tag, range(8)))

    assert len(destinations(platform).retrieve(made.id).metadata.to_dict()) == 8


def test_destination_made_by_hand_can_be_read(platform: Platform) -> None:
    # The table is older than this interface.
    made = destinations(platform).create(WEBHOOK)
    platform.server.fetch("UPDATE event_destinations SET sealed = NULL WHERE id = $1", made.id)

    shown = destinations(platform).disable(made.id)

    assert (shown.id, shown.name, shown.status) == (made.id, "", "disabled")

"""Account links: made by the official SDK, opened once by whoever bears them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import stripe

from onboarding.account_links import AccountLink
from onboarding.domain.errors import Refusal
from onboarding.settings import Settings
from onboarding.storage.links import Opening
from tests.support.samples import COMPANY, CONTROLLED, MARKER, RECIPIENT, patched
from tests.support.serving import ApiServer, Platform, new_platform

V2, V1 = "/v2/core/account_links", "/v1/account_links"
WORD = MARKER.split()[0]
REFRESH, RETURN = f"https://platform.test/refresh?of={WORD}", f"https://platform.test/done?of={WORD}"
RETURNED = "SELECT data FROM events WHERE type LIKE '%returned' AND account_id = $1"
DAHLIA = {"stripe_version": "2026-06-24.dahlia"}


def link(account_id: str, kind: str = "account_onboarding", **options: Any) -> Any:
    return {"account": account_id, "use_case": {"type": kind, kind: {"refresh_url": REFRESH, **options}}}


def new_account(platform: Platform, sample: Any = CONTROLLED, *, live: bool = False) -> str:
    return str(platform.sdk(live=live).v2.core.accounts.create(sample).id)


def make(platform: Platform, account_id: str, **options: Any) -> Any:
    return platform.sdk().v2.core.account_links.create(link(account_id, **options))


def keyed(key: str) -> Any:
    return {"idempotency_key": key}


def secret_of(url: str) -> str:
    return url.partition("#")[2]


def open_link(platform: Platform, account_id: str, secret: str) -> tuple[AccountLink, Opening]:
    server = platform.server
    return server.run(server.engine.account_links.open(account_id, secret))


def expire(platform: Platform, account_id: str, by: str = "1 millisecond") -> None:
    platform.server.fetch(
        "UPDATE account_links SET expires_at = clock_timestamp() - $2::text::interval WHERE account_id = $1",
        account_id,
        by,
    )


def refused(platform: Platform, json: Any, *, live: bool = False, **options: Any) -> Any:
    before = platform.server.count_rows()
    answer = platform.request("POST", V2, json=json, live=live, **options)
    assert 400 <= answer.status_code < 500, answer.text
    assert platform.server.count_rows() == before
    assert WORD not in answer.text
    return answer.json()["error"] | {"status": answer.status_code}


# --- making -----------------------------------------------------------------------------------------------------------


def test_link_is_made_as_the_contract_says(platform: Platform) -> None:
    account = new_account(platform)

    made = make(platform, account, return_url=RETURN, collection_options={"fields": "eventually_due"})

    assert type(made).__name__ == "AccountLink"
    options = {"fields": "eventually_due", "future_requirements": "omit"}
    assert made.to_dict() == {
        "object": "v2.core.account_link",
        "account": account,
        "created": made.created,
        "expires_at": made.expires_at,
        "livemode": False,
        "url": made.url,
        "use_case": {
            "type": "account_onboarding",
            "account_onboarding": {"collection_options": options, "refresh_url": REFRESH, "return_url": RETURN},
            "account_update": None,
        },
    }
    assert re.fullmatch(rf"{re.escape(platform.server.url)}/r/{account}#alu_test_[A-Za-z0-9]{{32}}", made.url)
    lifetime = datetime.fromisoformat(made.expires_at) - datetime.fromisoformat(made.created)
    assert lifetime == timedelta(minutes=10)


def test_every_link_has_a_secret_of_its_own_and_live_ones_say_so(platform: Platform) -> None:
    account, live = new_account(platform), new_account(platform, live=True)
    made = platform.sdk(live=True).v2.core.account_links.create(link(live))

    assert len({make(platform, account).url for _ in range(5)}) == 5
    assert re.fullmatch(r"alu_[A-Za-z0-9]{32}", secret_of(made.url))
    assert made.livemode


def test_update_is_only_for_accounts_whose_requirements_the_platform_collects(platform: Platform) -> None:
    own = new_account(platform)
    theirs = new_account(platform, patched(CONTROLLED, dashboard="express"))

    made = platform.sdk().v2.core.account_links.create(link(own, "account_update"))

    assert made.use_case.account_update.collection_options.fields == "currently_due"
    assert make(platform, theirs).account == theirs
    error = refused(platform, link(theirs, "account_update"))
    assert (error["status"], error["code"], error["param"]) == (400, "parameter_invalid", "use_case.type")


def test_configurations_are_of_clients_before_endive(platform: Platform) -> None:
    account = new_account(platform, RECIPIENT)
    links = platform.sdk().v2.core.account_links
    asked = link(account, configurations=["recipient"])

    older = links.create(asked, DAHLIA)
    silent = links.create(link(account), DAHLIA)
    newer = links.create(asked)

    assert older.use_case.account_onboarding.configurations == ["recipient"]
    assert silent.use_case.account_onboarding.configurations is None
    assert "configurations" not in newer.use_case.account_onboarding.to_dict()
    for headers in ({}, {"Stripe-Version": "2026-06-24.dahlia"}):
        error = refused(platform, link(account, configurations=["merchant", WORD]), headers=headers)
        assert error["param"] == "use_case.account_onboarding.configurations[1]"


def test_hosted_pages_may_be_elsewhere(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"hosted_url": "https://hosted.platform.test/pages"})
    server = ApiServer(elsewhere)
    server.start()
    try:
        platform = server.run(new_platform(server))
        account = new_account(platform)
        assert make(platform, account).url.startswith(f"https://hosted.platform.test/pages/r/{account}#alu_test_")
    finally:
        server.stop()


def test_address_of_hosted_pages_is_checked_at_the_start(settings: Settings) -> None:
    values = {"DATABASE_URL": settings.database_url, "ONBOARDING_ROOT_KEYS": settings.root_keys.get_secret_value()}

    ends_well = Settings.model_validate({**values, "ONBOARDING_HOSTED_URL": "https://hosted.platform.test/"})

    assert ends_well.hosted_url == "https://hosted.platform.test"
    with pytest.raises(ValueError, match="must begin with https://"):
        Settings.model_validate({**values, "ONBOARDING_HOSTED_URL": "hosted.platform.test"})


def test_nothing_pretends_to_be_the_page(platform: Platform) -> None:
    made = make(platform, new_account(platform))

    answer = platform.server.http.get(made.url)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_foreign_unknown_and_closed_accounts_get_no_link(platform: Platform, other_platform: Platform) -> None:
    account, live = new_account(platform), new_account(platform, live=True)
    foreign = new_account(other_platform)
    platform.sdk().v2.core.accounts.close(account)

    for name in (foreign, live, "acct_0", WORD, "x" * 4000, "acct_\u00e9\ud7ff"):
        assert (refused(platform, link(name))["status"], refused(platform, link(name))["code"]) == (404, "not_found")
    assert refused(platform, link(account))["code"] == "account_closed"


BAD: dict[str, tuple[Any, str, str]] = {
    "no use case": ({"account": "{account}"}, "parameter_missing", "use_case"),
    "no account": (
        {"use_case": {"type": "account_update", "account_update": {"refresh_url": REFRESH}}},
        "parameter_missing",
        "account",
    ),
    "no type": (
        {"account": "{account}", "use_case": {"account_onboarding": {"refresh_url": REFRESH}}},
        "parameter_missing",
        "use_case.type",
    ),
    "other type": (link("{account}", WORD), "parameter_invalid", "use_case.type"),
    "options of another type": (
        {"account": "{account}", "use_case": {"type": "account_update", "account_onboarding": {"refresh_url": "x"}}},
        "parameter_missing",
        "use_case.account_update",
    ),
    "options of both": (
        patched(link("{account}"), use_case__account_update={"refresh_url": REFRESH}),
        "parameter_invalid",
        "use_case.account_update",
    ),
    "no refresh_url": (
        {"account": "{account}", "use_case": {"type": "account_onboarding", "account_onboarding": {}}},
        "parameter_missing",
        "use_case.account_onboarding.refresh_url",
    ),
    "refresh_url that leads nowhere": (
        link("{account}", refresh_url=f"/{WORD}"),
        "url_invalid",
        "use_case.account_onboarding.refresh_url",
    ),
    "return_url that is a script": (
        link("{account}", "account_update", return_url=f"javascript:{WORD}"),
        "url_invalid",
        "use_case.account_update.return_url",
    ),
    "return_url of another scheme": (
        link("{account}", return_url=f"app://{WORD}"),
        "url_invalid",
        "use_case.account_onboarding.return_url",
    ),
    "other fields": (
        link("{account}", collection_options={"fields": WORD}),
        "parameter_invalid",
        "use_case.account_onboarding.collection_options.fields",
    ),
    "other future requirements": (
        link("{account}", collection_options={"future_requirements": "all"}),
        "parameter_invalid",
        "use_case.account_onboarding.collection_options.future_requirements",
    ),
    "unknown option": (
        link("{account}", colour=WORD),
        "parameter_unknown",
        "use_case.account_onboarding.colour",
    ),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_request_is_refused_and_leaves_nothing(platform: Platform, name: str) -> None:
    sent, code, param = BAD[name]
    account = new_account(platform)
    json = {**sent, "account": account} if "account" in sent else sent

    error = refused(platform, json)

    assert (error["status"], error["code"], error["param"]) == (400, code, param)


@pytest.mark.parametrize("name", ["refresh_url", "return_url"])
def test_live_mode_wants_https(platform: Platform, name: str) -> None:
    account, live = new_account(platform), new_account(platform, live=True)
    plain = {name: "http://localhost:3000/onboarding"}

    assert make(platform, account, **plain).account == account
    assert refused(platform, link(live, **plain), live=True)["param"] == f"use_case.account_onboarding.{name}"


# --- v1 ---------------------------------------------------------------------------------------------------------------


def test_v1_makes_the_same_link_in_its_own_words(platform: Platform) -> None:
    account = new_account(platform)
    asked = {"account": account, "refresh_url": REFRESH, "return_url": RETURN, "type": "account_onboarding"}

    made = platform.sdk().v1.account_links.create(
        {**asked, "collection_options": {"fields": "eventually_due", "future_requirements": "include"}}
    )
    older = platform.sdk().v1.account_links.create({**asked, "collect": "eventually_due", "expand": ["account"]})

    assert made.to_dict() == {
        "object": "account_link",
        "created": made.created,
        "expires_at": made.created + 300,
        "url": made.url,
    }
    opened, opening = open_link(platform, account, secret_of(made.url))
    assert (opening, opened.refresh_url, opened.return_url) == (Opening.OPENED, REFRESH, RETURN)
    assert opened.collection_options == {"fields": "eventually_due", "future_requirements": "include"}
    opened, _ = open_link(platform, account, secret_of(older.url))
    assert opened.collection_options == {"fields": "eventually_due", "future_requirements": "omit"}


def test_v1_refuses_in_its_own_words(platform: Platform) -> None:
    theirs = new_account(platform, patched(CONTROLLED, dashboard="full"))
    asked = {"account": theirs, "refresh_url": REFRESH, "type": "account_onboarding"}
    before = platform.server.count_rows()

    for changes, param in (
        ({"type": "account_update"}, "type"),
        ({"type": WORD}, "type"),
        ({"refresh_url": WORD}, "refresh_url"),
        ({"return_url": "ftp://platform.test"}, "return_url"),
        ({"collect": "currently_due", "collection_options": {"fields": "currently_due"}}, "collect"),
        ({"collection_options": {"fields": WORD}}, "collection_options[fields]"),
        ({"colour": "red"}, "colour"),
    ):
        with pytest.raises(stripe.InvalidRequestError) as error:
            platform.sdk().v1.account_links.create({**asked, **changes})
        assert (error.value.http_status, error.value.param) == (400, param)
        assert WORD not in str(error.value)
    assert platform.server.count_rows() == before


def test_v1_replay_answers_with_the_first_answer_even_when_the_link_has_expired(platform: Platform) -> None:
    account = new_account(platform)
    links = platform.sdk().v1.account_links
    asked = {"account": account, "refresh_url": REFRESH, "type": "account_onboarding"}

    first, again = (links.create(asked, keyed("v1")) for _ in range(2))
    expire(platform, account)
    late = links.create(asked, keyed("v1"))

    assert first.to_dict() == again.to_dict() == late.to_dict()
    with pytest.raises(stripe.IdempotencyError) as error:
        links.create({**asked, "refresh_url": RETURN}, keyed("v1"))
    assert error.value.http_status == 400


# --- keys and secrets -------------------------------------------------------------------------------------------------


def test_replay_answers_with_the_same_link_in_its_time_and_with_none_afterwards(platform: Platform) -> None:
    account = new_account(platform)
    links = platform.sdk(retries=2).v2.core.account_links
    first = links.create(link(account), keyed("once"))
    before = platform.server.count_rows()

    again = links.create(link(account), keyed("once"))

    assert again.to_dict() == first.to_dict()
    assert platform.server.count_rows() == before
    assert links.create(link(account), keyed("other")).url != first.url
    with pytest.raises(stripe.IdempotencyError):
        links.create(link(account, return_url=RETURN), keyed("once"))
    expire(platform, account)
    with pytest.raises(stripe.IdempotencyError) as error:
        links.create(link(account), keyed("once"))
    assert (error.value.http_status, error.value.code) == (409, "idempotency_error")
    assert links.create(link(account), keyed("new")).url != first.url


def test_neither_secret_nor_addresses_stand_in_any_column(platform: Platform) -> None:
    account = new_account(platform)
    made = platform.sdk().v2.core.account_links.create(link(account, return_url=RETURN), keyed(f"key {WORD}"))
    secret = secret_of(made.url)
    open_link(platform, account, secret)

    tables = ("account_links", "idempotency_keys", "audit_log", "events", "sealed_values", "accounts")
    plain = "\n".join(
        row[0]
        for table in tables
        for row in platform.server.fetch(f"SELECT t::text FROM {table} t")  # noqa: S608 -- our own names
    )
    assert account in plain
    for said in (secret, secret.removeprefix("alu_test_"), WORD, "platform.test"):
        assert said not in plain
        assert said.encode().hex() not in plain


def test_making_a_link_is_told_in_the_timeline_and_changes_no_document(platform: Platform) -> None:
    account = new_account(platform)
    before = platform.sdk().v2.core.accounts.retrieve(account).to_dict()
    make(platform, account)

    moments = platform.request("GET", f"/v2/verification/accounts/{account}/timeline").json()["data"]

    assert "An account link was made" in [change["text"] for moment in moments for change in moment["changes"]]
    assert platform.sdk().v2.core.accounts.retrieve(account).to_dict() == before
    told = platform.server.fetch("SELECT type FROM events WHERE account_id = $1", account)
    assert [row[0] for row in told] == ["v2.core.account.created"]


# --- opening ----------------------------------------------------------------------------------------------------------


def test_link_opens_once_and_says_where_to_go(platform: Platform) -> None:
    account = new_account(platform, RECIPIENT)
    made = platform.sdk().v2.core.account_links.create(
        link(account, "account_update", return_url=RETURN, configurations=["recipient"]), DAHLIA
    )
    secret = secret_of(made.url)

    (first, opening), (second, closing) = (open_link(platform, account, secret) for _ in range(2))

    assert (opening, closing) == (Opening.OPENED, Opening.USED)
    assert first == second
    assert (first.account_id, first.use_case, first.livemode) == (account, "account_update", False)
    assert (first.refresh_url, first.return_url, first.configurations) == (REFRESH, RETURN, ["recipient"])
    assert first.secret is None


def test_of_many_at_once_one_is_let_in(platform: Platform) -> None:
    account = new_account(platform)
    secrets = [secret_of(make(platform, account).url) for _ in range(3)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda secret: open_link(platform, account, secret)[1], secrets * 8))

    assert sorted(found) == sorted([Opening.OPENED] * 3 + [Opening.USED] * 21)


def test_expired_link_lets_nobody_in(platform: Platform) -> None:
    account = new_account(platform)
    secret = secret_of(make(platform, account).url)
    expire(platform, account)

    found, opening = open_link(platform, account, secret)

    assert (opening, found.refresh_url) == (Opening.EXPIRED, REFRESH)
    ((opened_at,),) = platform.server.fetch("SELECT opened_at FROM account_links WHERE account_id = $1", account)
    assert opened_at is None


def test_closing_the_account_revokes_its_links(platform: Platform) -> None:
    account = new_account(platform)
    secret = secret_of(make(platform, account).url)
    platform.sdk().v2.core.accounts.close(account)

    assert open_link(platform, account, secret)[1] is Opening.REVOKED


def test_link_lives_by_the_real_time_on_a_test_clock_too(platform: Platform) -> None:
    account = new_account(platform)
    frozen = "2035-01-01T00:00:00Z"
    clock = platform.request("POST", "/v2/verification/test_clocks", json={"frozen_time": frozen}).json()
    attached = platform.request("POST", f"/v2/verification/test_clocks/{clock['id']}/attach", json={"account": account})
    assert attached.status_code == 200

    made = make(platform, account)

    assert not made.created.startswith("2035")
    assert open_link(platform, account, secret_of(made.url))[1] is Opening.OPENED


def test_secret_is_of_its_account_alone(platform: Platform) -> None:
    account, other = new_account(platform), new_account(platform)
    secret = secret_of(make(platform, account).url)

    for name, said in ((other, secret), (account, f"{secret}x"), (account, ""), ("acct_0", secret)):
        with pytest.raises(Refusal, match="not_found"):
            open_link(platform, name, said)
    assert open_link(platform, account, secret)[1] is Opening.OPENED


def test_links_of_an_erased_account_are_gone(platform: Platform) -> None:
    account = new_account(platform)
    secret = secret_of(make(platform, account).url)
    platform.server.fetch("UPDATE accounts SET data_key = NULL, digest_key = NULL WHERE id = $1", account)

    with pytest.raises(Refusal, match="not_found"):
        open_link(platform, account, secret)


def test_old_links_are_swept_away(platform: Platform) -> None:
    old, recent = new_account(platform), new_account(platform)
    secrets = {account: secret_of(make(platform, account).url) for account in (old, recent)}
    expire(platform, old, "31 days")
    expire(platform, recent, "29 days")

    platform.server.run(platform.server.engine.work.swept())

    with pytest.raises(Refusal, match="not_found"):
        open_link(platform, old, secrets[old])
    assert open_link(platform, recent, secrets[recent])[1] is Opening.EXPIRED


# --- coming back ------------------------------------------------------------------------------------------------------


def returned(platform: Platform, found: AccountLink) -> bool:
    server = platform.server
    return server.run(server.engine.account_links.returned(found))


def test_platform_is_told_once_that_the_user_came_back(platform: Platform) -> None:
    sdk = platform.sdk()
    destination = sdk.v2.core.event_destinations.create(
        {
            "name": "Links",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v2.core.account_link.returned"],
            "webhook_endpoint": {"url": REFRESH},
        }
    )
    account = new_account(platform, COMPANY)
    found, _ = open_link(platform, account, secret_of(make(platform, account).url))

    with ThreadPoolExecutor(4) as pool:
        effects = list(pool.map(lambda _: returned(platform, found), range(4)))

    assert sorted(effects) == [False, False, False, True]
    rows = platform.server.fetch("SELECT event_id FROM pending_deliveries WHERE destination_id = $1", destination.id)
    (event,) = (sdk.v2.core.events.retrieve(row[0]) for row in rows)
    assert type(event).__name__ == "V2CoreAccountLinkReturnedEvent"
    assert event.data.to_dict() == {
        "account_id": account,
        "configurations": ["merchant"],
        "use_case": "account_onboarding",
    }
    assert (event.related_object, event.changes, event.reason, event.context) == (None, None, None, None)
    moments = platform.request("GET", f"/v2/verification/accounts/{account}/timeline").json()["data"]
    told = [change for moment in moments for change in moment["changes"] if change["type"] == "account_link.returned"]
    assert [change["actor"] for change in told] == ["end_user"]


def test_configurations_of_the_link_are_told_where_it_had_any(platform: Platform) -> None:
    account = new_account(platform, RECIPIENT)
    made = platform.sdk().v2.core.account_links.create(link(account, configurations=["customer"]), DAHLIA)
    found, _ = open_link(platform, account, secret_of(made.url))

    assert returned(platform, found)
    ((data,),) = platform.server.fetch(RETURNED, account)
    assert data["configurations"] == ["customer"]


def test_nobody_comes_back_from_a_link_that_was_never_opened(platform: Platform) -> None:
    account = new_account(platform)
    unopened = secret_of(make(platform, account).url)
    expire(platform, account)
    found, _ = open_link(platform, account, unopened)

    with pytest.raises(Refusal, match="not_found"):
        returned(platform, found)
    assert platform.server.fetch(RETURNED, account) == []

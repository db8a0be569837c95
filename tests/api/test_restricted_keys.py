"""``onboarding keys``: keys that may do less, that end, and that are replaced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
from typer.testing import CliRunner, Result

from onboarding.cli import app
from onboarding.cli.operations import CommandFailed
from onboarding.scopes import SCOPES, Level, Resource, UnknownScope, allows, known_scopes, scope
from onboarding.settings import Settings
from tests.support.samples import BANK_ACCOUNT, BARE, COMPANY
from tests.support.serving import ApiServer, Platform

Command = Callable[..., Result]


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("ONBOARDING_ROOT_KEYS", settings.root_keys.get_secret_value())

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["keys", *arguments])

    return run


def made_by(result: Result) -> tuple[str, str]:
    """The id and the secret that a command shows."""
    assert result.exception is None, result.exception
    shown = dict(line.split(maxsplit=1) for line in result.stdout.splitlines()[:2])
    return shown["id"], shown["key"]


def client(api: ApiServer, key: str) -> Any:
    return stripe.StripeClient(key, base_addresses={"api": api.url, "files": api.url})


def ask(api: ApiServer, key: str, method: str, path: str, **options: Any) -> Any:
    return api.http.request(method, path, headers={"Authorization": f"Bearer {key}"}, **options)


def test_restricted_key_does_what_its_scopes_say_and_nothing_else(
    api: ApiServer, platform: Platform, command: Command
) -> None:
    _, key = made_by(command("add", platform.id, "--scope", "accounts:read", "--scope", "persons:write"))
    account = platform.sdk().v2.core.accounts.create(COMPANY)
    restricted = client(api, key).v2.core.accounts
    before = api.count_rows()

    with pytest.raises(stripe.PermissionError) as refused:
        restricted.update(account.id, {"display_name": "Mine"})

    assert key.startswith("rk_test_")
    assert refused.value.http_status == 403
    assert refused.value.error is not None
    assert refused.value.error.code == "permission_denied"
    assert "accounts:write" in str(refused.value)
    assert api.count_rows() == before
    assert restricted.retrieve(account.id).id == account.id
    person = restricted.persons.create(account.id, {"given_name": "Jenny"})
    assert [one.id for one in restricted.persons.list(account.id).data] == [person.id]
    for path in ("/v2/core/events", f"/v1/accounts/{account.id}/external_accounts", "/v2/verification/checks"):
        assert ask(api, key, "GET", path).status_code == 403


def test_v1_tells_a_missing_scope_in_v1s_way(api: ApiServer, platform: Platform, command: Command) -> None:
    _, key = made_by(command("add", platform.id, "--scope", "external_accounts:read"))
    account = platform.sdk().v2.core.accounts.create(COMPANY)
    external = client(api, key).v1.accounts.external_accounts

    with pytest.raises(stripe.PermissionError, match="external_accounts:write"):
        external.create(account.id, {"external_account": BANK_ACCOUNT})

    assert external.list(account.id).data == []


def test_key_sees_nothing_of_another_platform(
    api: ApiServer, platform: Platform, other_platform: Platform, command: Command
) -> None:
    _, key = made_by(command("add", platform.id, "--scope", "accounts:write"))
    foreign = other_platform.sdk().v2.core.accounts.create(BARE)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client(api, key).v2.core.accounts.retrieve(foreign.id)

    assert refused.value.code == "not_found"


def test_key_without_scopes_may_do_everything_in_its_mode(api: ApiServer, platform: Platform, command: Command) -> None:
    _, key = made_by(command("add", platform.id, "--live"))

    account = client(api, key).v2.core.accounts.create(BARE)

    assert (key[:8], account.livemode) == ("sk_live_", True)


def test_revoked_key_is_refused_at_once(api: ApiServer, platform: Platform, command: Command) -> None:
    key_id, key = made_by(command("add", platform.id, "--scope", "accounts:read"))
    assert ask(api, key, "GET", "/v2/core/accounts").status_code == 200

    assert command("revoke", key_id).stdout == "revoked\n"

    assert ask(api, key, "GET", "/v2/core/accounts").status_code == 401
    assert isinstance(command("revoke", key_id).exception, CommandFailed)


def test_key_ends_when_it_was_said_to(api: ApiServer, platform: Platform, command: Command) -> None:
    past, future = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
    _, ended = made_by(command("add", platform.id, "--expires-at", f"{past:%Y-%m-%dT%H:%M:%S}"))
    _, valid = made_by(command("add", platform.id, "--expires-at", f"{future:%Y-%m-%dT%H:%M:%S}"))

    assert ask(api, ended, "GET", "/v2/core/accounts").status_code == 401
    assert ask(api, valid, "GET", "/v2/core/accounts").status_code == 200


def test_rolled_key_may_do_the_same_and_the_old_one_ends_later(
    api: ApiServer, platform: Platform, command: Command
) -> None:
    old_id, old = made_by(command("add", platform.id, "--scope", "accounts:read"))

    new_id, new = made_by(command("roll", old_id, "--overlap", "2"))

    for key in (old, new):
        assert ask(api, key, "GET", "/v2/core/accounts").status_code == 200
        assert ask(api, key, "POST", "/v2/core/accounts", json={}).status_code == 403
    [row] = api.fetch("SELECT expires_at - clock_timestamp() AS left FROM api_keys WHERE id = $1", old_id)
    assert timedelta(hours=1, minutes=50) < row["left"] <= timedelta(hours=2)
    _, newest = made_by(command("roll", new_id, "--overlap", "0"))
    assert ask(api, new, "GET", "/v2/core/accounts").status_code == 401
    assert ask(api, newest, "GET", "/v2/core/accounts").status_code == 200
    # A key that has ended is not brought back by rolling it, and rolling never prolongs one.
    assert isinstance(command("roll", new_id).exception, CommandFailed)


def test_rolling_never_prolongs_a_key(api: ApiServer, platform: Platform, command: Command) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    key_id, _ = made_by(command("add", platform.id, "--expires-at", f"{soon:%Y-%m-%dT%H:%M:%S}"))

    made_by(command("roll", key_id, "--overlap", "100"))

    [row] = api.fetch("SELECT expires_at FROM api_keys WHERE id = $1", key_id)
    assert row["expires_at"] == soon.replace(microsecond=0)


def test_list_shows_what_keys_may_do_and_no_secret(platform: Platform, command: Command) -> None:
    key_id, key = made_by(command("add", platform.id, "--scope", "events:read", "--scope", "accounts:write"))
    command("revoke", key_id)

    shown = command("list", platform.id).stdout

    lines = {line.split()[0]: line for line in shown.splitlines()}
    assert len(lines) == 3
    assert "restricted" in lines[key_id]
    assert "revoked" in lines[key_id]
    assert lines[key_id].endswith("accounts:write events:read")
    assert key[8:] not in shown


@pytest.mark.parametrize("scopes", [["accounts:everything"], ["accounts:read", "coffee:read"]])
def test_unknown_scope_makes_no_key(api: ApiServer, platform: Platform, command: Command, scopes: list[str]) -> None:
    before = api.count_rows()

    refused = command("add", platform.id, *[part for one in scopes for part in ("--scope", one)])

    assert isinstance(refused.exception, CommandFailed)
    assert "accounts:read" in str(refused.exception)
    assert api.count_rows() == before


def test_unknown_platform_gets_no_key(api: ApiServer, command: Command) -> None:
    before = api.count_rows()

    assert isinstance(command("add", "plat_0000").exception, CommandFailed)
    assert api.count_rows() == before


def test_writing_includes_reading_and_no_scope_reaches_another_resource() -> None:
    for resource in Resource:
        writing, reading = scope(resource, Level.WRITE), scope(resource, Level.READ)
        assert allows({writing}, resource, Level.READ)
        assert not allows({reading}, resource, Level.WRITE)
        assert not allows(set(SCOPES) - {writing, reading}, resource, Level.READ)
        assert not allows(frozenset(), resource, Level.READ)
        assert allows(None, resource, Level.WRITE)


def test_scopes_are_put_in_order_once() -> None:
    assert known_scopes(["events:read", "accounts:read", "events:read"]) == ["accounts:read", "events:read"]
    with pytest.raises(UnknownScope):
        known_scopes(["accounts"])

"""Settings come from the environment, and a wrong one is named in one line."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from pydantic import ValidationError

from onboarding.activators.configured import downstream_from
from onboarding.activators.port import NOBODY
from onboarding.ids import new_id, request_id
from onboarding.settings import SettingsError, load_settings

KEY = base64.b64encode(bytes(32)).decode()
GOOD = {"DATABASE_URL": "postgresql://app:hidden@127.0.0.1/onboarding", "ONBOARDING_ROOT_KEYS": f"1:{KEY}"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "ONBOARDING_SANDBOX", "ONBOARDING_API_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_everything_but_the_database_and_the_keys_has_a_default(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ONBOARDING_SWEEP_INTERVAL", "30")
    settings = load_settings()

    assert settings.temporal_address == "127.0.0.1:7233"
    assert (settings.sandbox, settings.api_port, settings.worker_health_port) == ("on", 8080, 8081)
    assert (settings.profile_reviews, settings.profile_denylist) == ("on", "")
    assert settings.files == "var/files"
    assert settings.key_memory == timedelta(seconds=5)
    assert settings.sweep_interval == timedelta(seconds=30)
    limits = (settings.rate_limits, settings.rate_limit_live, settings.rate_limit_sandbox, settings.concurrency_limit)
    assert limits == ("on", 100, 25, 50)
    assert settings.key_ring().current_id == 1


def test_secrets_are_not_printed_and_nothing_changes(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ONBOARDING_API_PORT", "9000")
    settings = load_settings()

    assert settings.api_port == 9000
    assert "hidden" not in repr(settings)
    assert KEY not in repr(settings)
    with pytest.raises(ValidationError):
        settings.api_port = 1  # type: ignore[misc]  # that it is refused is the point


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("DATABASE_URL", "", "DATABASE_URL: is not set"),
        ("DATABASE_URL", "mysql://secret", "DATABASE_URL: must begin with postgresql://"),
        ("ONBOARDING_ROOT_KEYS", "", "ONBOARDING_ROOT_KEYS: is not set"),
        ("ONBOARDING_ROOT_KEYS", "1:c2VjcmV0", "ONBOARDING_ROOT_KEYS: key 1 must be 32 bytes long, is 6"),
        ("ONBOARDING_SANDBOX", "secret", "ONBOARDING_SANDBOX: Input should be 'on' or 'off'"),
        ("ONBOARDING_PROFILE_REVIEWS", "secret", "ONBOARDING_PROFILE_REVIEWS: Input should be 'on' or 'off'"),
        ("ONBOARDING_RATE_LIMITS", "secret", "ONBOARDING_RATE_LIMITS: Input should be 'on' or 'off'"),
        ("ONBOARDING_RATE_LIMIT_LIVE", "0", "ONBOARDING_RATE_LIMIT_LIVE: Input should be greater than 0"),
        ("ONBOARDING_TRUSTED_PROXIES", "secret", "ONBOARDING_TRUSTED_PROXIES: must be IP addresses or networks"),
        ("ONBOARDING_TRUSTED_PROXIES", "10.0.0.1/8", "ONBOARDING_TRUSTED_PROXIES: must be IP addresses or networks"),
        ("ONBOARDING_ACTIVATOR_URL", "secret", "ONBOARDING_ACTIVATOR_URL: must begin with https://"),
        ("ONBOARDING_ACTIVATOR_STEPS", "limits,limits", "ONBOARDING_ACTIVATOR_STEPS: must be words in lower case"),
        ("ONBOARDING_ACTIVATOR_STEPS", ",", "ONBOARDING_ACTIVATOR_STEPS: must be words in lower case"),
        ("ONBOARDING_API_PORT", "secret", "ONBOARDING_API_PORT: Input should be a valid integer"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(
    environment: pytest.MonkeyPatch, variable: str, value: str, line: str
) -> None:
    environment.setenv(variable, value)
    with pytest.raises(SettingsError) as failure:
        load_settings()

    message = str(failure.value)
    assert message.startswith(line)
    assert "\n" not in message
    assert "secret" not in message


def test_calls_downstream_are_signed_or_nothing_starts(environment: pytest.MonkeyPatch) -> None:
    assert downstream_from(load_settings()) is NOBODY
    environment.setenv("ONBOARDING_ACTIVATOR_URL", "https://ledger.example/capabilities")
    with pytest.raises(SettingsError, match="ONBOARDING_ACTIVATOR_SECRETS"):
        downstream_from(load_settings())
    environment.setenv("ONBOARDING_ACTIVATOR_SECRETS", "whsec_new, whsec_old")
    environment.setenv("ONBOARDING_ACTIVATOR_STEPS", "limits, enable")
    downstream = downstream_from(load_settings())
    assert downstream.steps == ("limits", "enable")
    assert (downstream.is_told(livemode=True), downstream.is_told(livemode=False)) == (True, False)


def test_ids_sort_by_time_and_are_never_the_same() -> None:
    ids = [new_id("acct_") for _ in range(5000)]

    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {len(one) for one in ids} == {32}
    assert request_id().startswith("req_")

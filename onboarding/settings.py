"""Settings of a process, read from its environment once, at its start."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from onboarding.crypto import KeyRing

NO_REMINDERS = "off"

MOST_SILENT_DAYS = 29
"""The next day an onboarding is abandoned (``onboarding.door.view.SILENT_AFTER``)."""

_BOUND = re.compile(r"[1-9]\d{0,6}")
_OWN_BOUND = re.compile(r"[a-z][a-z0-9_]{0,40}=[1-9]\d{0,6}")
_STEP = re.compile(r"[a-z][a-z0-9_]{0,39}")


class SettingsError(Exception):
    """A setting is missing or unusable. One line for a person; names the variable, never its value."""


class Settings(BaseSettings):
    """What the environment says. Every field names its variable; none has another way in."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str = Field(validation_alias="DATABASE_URL", repr=False)
    database_pool_size: int = Field(10, ge=1, le=200, validation_alias="ONBOARDING_DATABASE_POOL_SIZE")
    temporal_address: str = Field("127.0.0.1:7233", validation_alias="TEMPORAL_ADDRESS")
    temporal_namespace: str = Field("default", validation_alias="TEMPORAL_NAMESPACE")
    temporal_metrics: str = Field(
        "",
        pattern=r"^((\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):\d{1,5})?$",
        validation_alias="ONBOARDING_TEMPORAL_METRICS",
    )
    task_queue: str = Field("onboarding", min_length=1, validation_alias="ONBOARDING_TASK_QUEUE")
    worker_version: str = Field(
        "", pattern=r"^([A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_.-]{1,128})?$", validation_alias="ONBOARDING_WORKER_VERSION"
    )
    root_keys: SecretStr = Field(validation_alias="ONBOARDING_ROOT_KEYS")
    hosted_url: str | None = Field(None, validation_alias="ONBOARDING_HOSTED_URL")
    sandbox: Literal["on", "off"] = Field("on", validation_alias="ONBOARDING_SANDBOX")
    api_host: str = Field("127.0.0.1", validation_alias="ONBOARDING_API_HOST")
    api_port: int = Field(8080, ge=0, le=65535, validation_alias="ONBOARDING_API_PORT")
    trusted_proxies: str = Field("", validation_alias="ONBOARDING_TRUSTED_PROXIES")
    worker_health_port: int = Field(8081, ge=0, le=65535, validation_alias="ONBOARDING_WORKER_HEALTH_PORT")
    sweep_interval_seconds: float = Field(60.0, gt=0, le=3600, validation_alias="ONBOARDING_SWEEP_INTERVAL")
    sweep_rate: float = Field(50.0, ge=15, le=10_000, validation_alias="ONBOARDING_SWEEP_RATE")
    rate_limits: Literal["on", "off"] = Field("on", validation_alias="ONBOARDING_RATE_LIMITS")
    rate_limit_live: float = Field(100.0, gt=0, le=100_000, validation_alias="ONBOARDING_RATE_LIMIT_LIVE")
    rate_limit_sandbox: float = Field(25.0, gt=0, le=100_000, validation_alias="ONBOARDING_RATE_LIMIT_SANDBOX")
    concurrency_limit: int = Field(50, ge=1, le=100_000, validation_alias="ONBOARDING_CONCURRENCY_LIMIT")
    key_memory_seconds: float = Field(5.0, ge=0, le=60, validation_alias="ONBOARDING_KEY_MEMORY_SECONDS")
    files: str = Field("var/files", min_length=1, validation_alias="ONBOARDING_FILES")
    remind_after_days: str = Field("3,7,14", validation_alias="ONBOARDING_REMIND_AFTER_DAYS")
    max_restricted_share: float = Field(0.05, ge=0, le=1, validation_alias="ONBOARDING_MAX_RESTRICTED_SHARE")

    verifiers: str = Field("", validation_alias="ONBOARDING_VERIFIERS")
    verifier_backlog: str = Field("500", validation_alias="ONBOARDING_VERIFIER_BACKLOG")
    screening_lists: str = Field("", validation_alias="ONBOARDING_SCREENING_LISTS")
    list_delta_rate: float = Field(200.0, gt=0, le=10_000, validation_alias="ONBOARDING_LIST_DELTA_RATE")
    manual_checks: str = Field("", validation_alias="ONBOARDING_MANUAL_CHECKS")
    profile_reviews: Literal["on", "off"] = Field("on", validation_alias="ONBOARDING_PROFILE_REVIEWS")
    profile_denylist: str = Field("", validation_alias="ONBOARDING_PROFILE_DENYLIST")
    stripe_identity_key: SecretStr | None = Field(None, validation_alias="ONBOARDING_STRIPE_IDENTITY_KEY")
    stripe_identity_webhook_secrets: SecretStr = Field(
        SecretStr(""), validation_alias="ONBOARDING_STRIPE_IDENTITY_WEBHOOK_SECRETS"
    )
    stripe_identity_url: str = Field("https://api.stripe.com", validation_alias="ONBOARDING_STRIPE_IDENTITY_URL")
    stripe_identity_return_url: str = Field("", validation_alias="ONBOARDING_STRIPE_IDENTITY_RETURN_URL")

    activator_url: str | None = Field(None, validation_alias="ONBOARDING_ACTIVATOR_URL")
    activator_secrets: SecretStr = Field(SecretStr(""), validation_alias="ONBOARDING_ACTIVATOR_SECRETS")
    activator_steps: str = Field("enable", validation_alias="ONBOARDING_ACTIVATOR_STEPS")

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, url: str) -> str:
        if not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql://")
        return url

    @field_validator("stripe_identity_url", "hosted_url", "activator_url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if not url.startswith(("https://", "http://")):
            raise ValueError("must begin with https://")
        return url.rstrip("/")

    @field_validator("activator_steps")
    @classmethod
    def _are_steps(cls, steps: str) -> str:
        names = _listed(steps)
        if not names or len(set(names)) < len(names) or not all(map(_STEP.fullmatch, names)):
            raise ValueError("must be words in lower case, each once")
        return steps

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: str) -> str:
        try:
            return ",".join(str(ip_network(proxy)) for proxy in _listed(proxies))
        except ValueError:
            raise ValueError("must be IP addresses or networks") from None  # the first one quotes the value

    @field_validator("root_keys")
    @classmethod
    def _is_key_ring(cls, keys: SecretStr) -> SecretStr:
        KeyRing.parse(keys.get_secret_value())
        return keys

    @field_validator("remind_after_days")
    @classmethod
    def _are_ascending_days(cls, days: str) -> str:
        if days == NO_REMINDERS:
            return days
        found = _listed(days)
        if not all(day.isdecimal() and 1 <= int(day) <= MOST_SILENT_DAYS for day in found):
            raise ValueError(f"must be days from 1 to {MOST_SILENT_DAYS}, such as 3,7,14, or {NO_REMINDERS}")
        if [int(day) for day in found] != sorted({int(day) for day in found}):
            raise ValueError("must ascend")
        return ",".join(found)

    @field_validator("verifier_backlog")
    @classmethod
    def _are_bounds(cls, bounds: str) -> str:
        usual, *own = _listed(bounds) or ("",)
        if not _BOUND.fullmatch(usual) or not all(map(_OWN_BOUND.fullmatch, own)):
            raise ValueError("must be a number, and name=number for single verifiers, such as 500,registry=20000")
        return bounds

    def key_ring(self) -> KeyRing:
        """The root keys, ready to use."""
        return KeyRing.parse(self.root_keys.get_secret_value())

    @property
    def backlog_bounds(self) -> tuple[int, dict[str, int]]:
        """How many questions a verifier may have in hand before checks are held back: usually, and single ones."""
        usual, *own = _listed(self.verifier_backlog)
        return int(usual), {name: int(number) for name, _, number in (one.partition("=") for one in own)}

    @property
    def own_verifiers(self) -> tuple[str, ...]:
        """Where a deployment's own verifiers are made, each as ``module:function``."""
        return _listed(self.verifiers)

    @property
    def manual_check_kinds(self) -> tuple[str, ...]:
        """Kinds of check that go to people at once."""
        return _listed(self.manual_checks)

    @property
    def stripe_identity_secrets(self) -> tuple[str, ...]:
        """Secrets of the callback; two while one is rotated."""
        return _listed(self.stripe_identity_webhook_secrets.get_secret_value())

    @property
    def reminder_days(self) -> tuple[int, ...]:
        """Days without a sign of life of the user after which the platform is reminded."""
        return () if self.remind_after_days == NO_REMINDERS else tuple(map(int, _listed(self.remind_after_days)))

    @property
    def downstream_secrets(self) -> tuple[str, ...]:
        """Secrets with which calls of the downstream system are signed; two while one is rotated."""
        return _listed(self.activator_secrets.get_secret_value())

    @property
    def downstream_steps(self) -> tuple[str, ...]:
        """What an activation consists of, in order."""
        return _listed(self.activator_steps)

    @property
    def key_memory(self) -> timedelta:
        """How long a process remembers an API key, and so how long a revoked one may still be good."""
        return timedelta(seconds=self.key_memory_seconds)

    @property
    def sweep_interval(self) -> timedelta:
        """How often the sweep looks for accounts that nobody looked at."""
        return timedelta(seconds=self.sweep_interval_seconds)


def _listed(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated setting."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: one line that names the first unusable variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        variable = str(first["loc"][0]) if first["loc"] else "the environment"
        reason = "is not set" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{variable}: {reason}") from None

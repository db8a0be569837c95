"""Parameters of the account endpoints."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from api.schemas.configurations import Configuration
from api.schemas.fields import ConfigurationName, Currency, Include, Locale, Metadata, Parameters, Text
from api.schemas.identity import Identity


class Profile(Parameters):
    """How the business presents itself."""

    business_url: Text | None = None
    doing_business_as: Text | None = None
    product_description: Text | None = None


class Responsibilities(Parameters):
    """Who collects fees and who bears losses; who collects requirements follows from them and is read-only."""

    fees_collector: Literal["application", "application_custom", "application_express", "stripe"]
    losses_collector: Literal["application", "stripe"]


class Defaults(Parameters):
    """Defaults of the account. ``payout_methods`` can only be sent with an update."""

    currency: Currency | None = None
    locales: Annotated[list[Locale], Field(max_length=100)] | None = None
    payout_methods: dict[Currency, Text | None] | None = None
    profile: Profile | None = None
    responsibilities: Responsibilities | None = None


class AccountUpdate(Parameters):
    """``POST /v2/core/accounts/{id}``."""

    account_token: Text = ""
    configuration: Configuration = Configuration()
    contact_email: Text | None = None
    contact_phone: Text | None = None
    dashboard: Literal["express", "full", "none"] | None = None
    defaults: Defaults | None = None
    display_name: Text | None = None
    identity: Identity = Identity()
    include: list[Include] = Field(default_factory=list, max_length=100)
    metadata: Metadata | None = None


class AccountCreate(AccountUpdate):
    """``POST /v2/core/accounts``."""

    complete: ClassVar[dict[str, tuple[str, ...]]] = {
        "identity.attestations.terms_of_service.account": ("date", "ip"),
    }
    update_only: ClassVar[tuple[str, ...]] = (
        "configuration.customer.applied",
        "configuration.customer.automatic_indirect_tax.validate_location",
        "configuration.customer.billing.default_payment_method",
        "configuration.merchant.applied",
        "configuration.recipient.applied",
        "defaults.payout_methods",
        "identity.attestations.terms_of_service.crypto_money_manager",
        "identity.attestations.terms_of_service.money_manager",
    )


class AccountClose(Parameters):
    """``POST /v2/core/accounts/{id}/close``: all configurations that the account has must be named."""

    applied_configurations: list[ConfigurationName] = Field(default_factory=list, max_length=100)

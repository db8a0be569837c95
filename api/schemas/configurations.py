"""``configuration`` of an account's parameters: the roles an account plays, and the capabilities it wants.

No configuration can be null: an update switches it off with ``applied: false``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.facts import Address
from api.schemas.fields import Capabilities, Colour, Count, Country, Parameters, Text


class BacsDebitPayments(Parameters):
    """Settings of Bacs direct debit."""

    display_name: Text | None = None


class Branding(Parameters):
    """How the business looks: ids of files and colours."""

    icon: Text | None = None
    logo: Text | None = None
    primary_color: Colour | None = None
    secondary_color: Colour | None = None


class DeclineOn(Parameters):
    """When a card payment is declined whatever the issuer says."""

    avs_failure: bool | None = None
    cvc_failure: bool | None = None


class CardPayments(Parameters):
    """Settings of card payments."""

    decline_on: DeclineOn | None = None


class KonbiniHours(Parameters):
    """When support for konbini payments can be reached."""

    end_time: Text | None = None
    start_time: Text | None = None


class KonbiniSupport(Parameters):
    """Support for konbini payments."""

    email: Text | None = None
    hours: KonbiniHours | None = None
    phone: Text | None = None


class KonbiniPayments(Parameters):
    """Settings of konbini payments."""

    support: KonbiniSupport | None = None


class StatementDescriptor(Parameters):
    """What a payer reads on a statement."""

    descriptor: Text | None = None
    prefix: Text | None = None


class ScriptStatementDescriptor(Parameters):
    """What a payer reads on a statement in the Japanese scripts."""

    kana: StatementDescriptor | None = None
    kanji: StatementDescriptor | None = None


class SepaDebitPayments(Parameters):
    """Settings of SEPA direct debit."""

    creditor_id: Text | None = None


class Support(Parameters):
    """Where the business's customers find help."""

    address: Address | None = None
    email: Text | None = None
    phone: Text | None = None
    url: Text | None = None


class Merchant(Parameters):
    """The account takes payments. ``applied`` can only be sent with an update."""

    applied: bool = True
    bacs_debit_payments: BacsDebitPayments | None = None
    branding: Branding | None = None
    capabilities: Capabilities = Field(default_factory=dict)
    card_payments: CardPayments | None = None
    konbini_payments: KonbiniPayments | None = None
    mcc: Text | None = None
    script_statement_descriptor: ScriptStatementDescriptor | None = None
    sepa_debit_payments: SepaDebitPayments | None = None
    statement_descriptor: StatementDescriptor | None = None
    support: Support | None = None


class Recipient(Parameters):
    """The account is paid out to. ``applied`` can only be sent with an update."""

    applied: bool = True
    capabilities: Capabilities = Field(default_factory=dict)


class AutomaticIndirectTax(Parameters):
    """Settings of tax on what the account buys. ``validate_location`` can only be sent with an update."""

    exempt: Literal["exempt", "none", "reverse"] | None = None
    ip_address: Text | None = None
    validate_location: Literal["auto", "deferred", "immediately"] | None = None


class InvoiceCustomField(Parameters):
    """A line that stands on each invoice."""

    name: Text
    value: Text


class InvoiceRendering(Parameters):
    """How an invoice is printed."""

    amount_tax_display: Literal["exclude_tax", "include_inclusive_tax"] | None = None
    template: Text | None = None


class Invoice(Parameters):
    """Settings of invoices to the account."""

    custom_fields: Annotated[list[InvoiceCustomField], Field(max_length=100)] | None = None
    footer: Text | None = None
    next_sequence: Count | None = None
    prefix: Text | None = None
    rendering: InvoiceRendering | None = None


class Billing(Parameters):
    """How the account is billed. ``default_payment_method`` can only be sent with an update."""

    default_payment_method: Text | None = None
    invoice: Invoice | None = None


class ShippingAddress(Parameters):
    """Where goods are sent."""

    city: Text | None = None
    country: Country | None = None
    line1: Text | None = None
    line2: Text | None = None
    postal_code: Text | None = None
    state: Text | None = None


class Shipping(Parameters):
    """To whom and where goods are sent."""

    address: ShippingAddress | None = None
    name: Text | None = None
    phone: Text | None = None


class Customer(Parameters):
    """The account buys. Stored and returned; nothing is decided from it. ``applied`` comes only with an update."""

    applied: bool = True
    automatic_indirect_tax: AutomaticIndirectTax | None = None
    billing: Billing | None = None
    capabilities: Capabilities = Field(default_factory=dict)
    shipping: Shipping | None = None
    test_clock: Text | None = None


class Configuration(Parameters):
    """The configurations of an account."""

    customer: Customer = Customer()
    merchant: Merchant = Merchant()
    recipient: Recipient = Recipient()

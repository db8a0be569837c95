"""Schemas of what stands beside accounts and persons: event destinations, links, tokens, files, the vault."""

from __future__ import annotations

from api.openapi.accounts import ACCOUNT_ID
from api.openapi.schemas import (
    BOOLEAN,
    INSTANT,
    INTEGER,
    METADATA,
    TEXT,
    Schema,
    constant,
    ident,
    listed,
    nullable,
    one_of,
    record,
)
from onboarding.files.purposes import MIME_TYPES, UPLOADED

BANK_ACCOUNT_ID, DESTINATION_ID, FILE_ID = ident("ba_"), ident("ed_"), ident("file_")
NOTHING: Schema = {"type": "null"}


def beside_schemas() -> dict[str, Schema]:
    """The components, by name."""
    return {
        "AccountLink": _account_link(),
        "AccountToken": _token(
            "accttok_", "v2.core.account_token", "Values of an account. What it holds is not shown; it is used once."
        ),
        "BankAccountToken": _bank_account_token(),
        "DeletedBankAccount": record(
            {"id": BANK_ACCOUNT_ID, "object": constant("bank_account"), "deleted": BOOLEAN},
            "What is left of a bank account.",
        ),
        "DeletedEventDestination": record(
            {"id": DESTINATION_ID, "object": constant("v2.core.event_destination"), "deleted": BOOLEAN},
            "What is left of an event destination.",
        ),
        "EventDestination": _event_destination(),
        "File": _file(),
        "GbBankAccount": record({**_vault("gbba_", "gb"), "sort_code": TEXT}, "A kept bank account of Great Britain."),
        "PersonToken": _token(
            "perstok_",
            "v2.core.account_person_token",
            "Values of a person of one account. What it holds is not shown; it is used once.",
        ),
        "UsBankAccount": _us_bank_account(),
        "V1AccountLink": record(
            {"object": constant("account_link"), "created": INTEGER, "expires_at": INTEGER, "url": TEXT},
            "A link to the hosted pages, in v1's words. Times are in seconds since 1970.",
        ),
    }


def _event_destination() -> Schema:
    return record(
        {
            "id": DESTINATION_ID,
            "object": constant("v2.core.event_destination"),
            "amazon_eventbridge": NOTHING,
            "azure_event_grid": NOTHING,
            "created": INSTANT,
            "description": {**TEXT, "description": "The platform's own words about it."},
            "enabled_events": listed(TEXT),
            "event_payload": one_of("snapshot", "thin"),
            "events_from": listed(one_of("@accounts", "@self")),
            "livemode": BOOLEAN,
            "metadata": METADATA,
            "name": TEXT,
            "snapshot_api_version": nullable(TEXT),
            "status": one_of("disabled", "enabled"),
            "status_details": nullable(record({"disabled": record({"reason": constant("user")})})),
            "type": constant("webhook_endpoint"),
            "updated": INSTANT,
            "webhook_endpoint": record({"signing_secret": nullable(TEXT), "url": nullable(TEXT)}),
        },
        "Where events are sent. `webhook_endpoint.url` is null unless it is included, and the signing secret is only "
        "in the answer to the request that made it.",
    )


def _account_link() -> Schema:
    options = record(
        {
            "collection_options": record(
                {
                    "fields": one_of("currently_due", "eventually_due"),
                    "future_requirements": one_of("include", "omit"),
                }
            ),
            "configurations": nullable(listed(TEXT)),
            "refresh_url": TEXT,
            "return_url": nullable(TEXT),
        },
        "`configurations` is told to clients of versions before endive.",
        optional=("configurations",),
    )
    kinds = ("account_onboarding", "account_update")
    return record(
        {
            "object": constant("v2.core.account_link"),
            "account": ACCOUNT_ID,
            "created": INSTANT,
            "expires_at": INSTANT,
            "livemode": BOOLEAN,
            "url": TEXT,
            "use_case": record({**{kind: nullable(options) for kind in kinds}, "type": one_of(*kinds)}),
        },
        "A link to the hosted pages, which lets its bearer in once. `refresh_url` is where a bearer is sent for whom "
        "it is too late.",
    )


def _token(prefix: str, kind: str, description: str) -> Schema:
    return record(
        {
            "id": ident(prefix),
            "object": constant(kind),
            "created": INSTANT,
            "expires_at": INSTANT,
            "livemode": BOOLEAN,
            "used": BOOLEAN,
        },
        description,
    )


def _bank_account_token() -> Schema:
    bank_account = record(
        {
            "id": BANK_ACCOUNT_ID,
            "object": constant("bank_account"),
            "account_holder_name": nullable(TEXT),
            "account_holder_type": nullable(TEXT),
            "account_type": nullable(TEXT),
            "bank_name": NOTHING,
            "country": TEXT,
            "currency": TEXT,
            "fingerprint": NOTHING,
            "last4": TEXT,
            "routing_number": nullable(TEXT),
            "status": constant("new"),
        }
    )
    return record(
        {
            "id": ident("btok_"),
            "object": constant("token"),
            "bank_account": nullable(bank_account),
            "card": NOTHING,
            "client_ip": nullable(TEXT),
            "created": INTEGER,
            "livemode": BOOLEAN,
            "type": constant("bank_account"),
            "used": BOOLEAN,
        },
        "A bank account that a user's own browser sent. `bank_account` and `client_ip` are gone once it was used or "
        "has expired.",
    )


def _file() -> Schema:
    return record(
        {
            "id": FILE_ID,
            "object": constant("file"),
            "created": INTEGER,
            "expires_at": NOTHING,
            "filename": nullable(TEXT),
            "links": record(
                {
                    "object": constant("list"),
                    "data": {"type": "array", "maxItems": 0},
                    "has_more": BOOLEAN,
                    "url": TEXT,
                },
                "Always empty: file links are not offered.",
            ),
            "purpose": one_of(*sorted(UPLOADED)),
            "size": INTEGER,
            "title": NOTHING,
            "type": one_of(*sorted(MIME_TYPES)),
            "url": TEXT,
        },
        "What is known of a file. `url` is where it can be downloaded, with the API key.",
    )


def _vault(prefix: str, country: str) -> dict[str, Schema]:
    return {
        "id": ident(prefix),
        "object": constant(f"v2.core.vault.{country}_bank_account"),
        "archived": BOOLEAN,
        "bank_account_type": one_of("checking", "savings"),
        "bank_name": NOTHING,
        "created": INSTANT,
        "last4": TEXT,
        "livemode": BOOLEAN,
        "restricted": BOOLEAN,
        "supported_currencies": listed(TEXT),
    }


def _us_bank_account() -> Schema:
    return record(
        {
            **_vault("usba_", "us"),
            "fedwire_routing_number": nullable(TEXT),
            "financial_connections_account": NOTHING,
            "routing_number": nullable(TEXT),
            "verification": record({"microdeposit_verification_details": NOTHING, "status": constant("unverified")}),
        },
        "A kept bank account of the United States. Nothing is verified about it here.",
    )

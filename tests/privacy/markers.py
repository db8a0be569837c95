"""Markers that are planted in every string a caller can send, and the scan that looks for them in any form."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from tests.support import samples

CORE = "zqxmarkerqxz"
"""In every planted text."""

DIGITS = "9184627"
"""In every planted number."""

ADDRESS_OF_USER = "203.0.113.219"
"""The planted IP address."""


def forms(core: str) -> Iterator[bytes]:
    """A text as it may stand somewhere: as it is, in hex, in base64 at each of its three places, in UTF-16."""
    for spelled in {core, core.capitalize(), core.upper()}:
        plain = spelled.encode()
        yield plain
        yield plain.hex().encode()
        yield plain.hex().upper().encode()
        yield spelled.encode("utf-16-le")
        yield spelled.encode("utf-16-be")
        for shift in range(3):
            encoded = base64.b64encode(b"x" * shift + plain)
            # The first and the last group also hold what stands beside the text.
            inner = encoded[4 if shift else 0 : len(encoded) - 4]
            yield inner
            yield inner.replace(b"+", b"-").replace(b"/", b"_")
    yield "".join(f"\\u{ord(char):04x}" for char in core).encode()


def patterns(*cores: str) -> frozenset[bytes]:
    """Everything to look for."""
    return frozenset(form for core in cores or (CORE, DIGITS, ADDRESS_OF_USER) for form in forms(core))


def found(content: bytes | str, wanted: Iterable[bytes] | None = None) -> list[bytes]:
    """The forms of markers that stand in a content."""
    plain = content.encode() if isinstance(content, str) else content
    return sorted(form for form in (patterns() if wanted is None else wanted) if form in plain)


def found_in_files(folder: Path, wanted: Iterable[bytes] | None = None) -> list[tuple[str, list[bytes]]]:
    """Files below a folder that hold a marker."""
    looked = patterns() if wanted is None else frozenset(wanted)
    hits = []
    for file in sorted(folder.rglob("*")):
        try:
            content = file.read_bytes() if file.is_file() else b""
        except FileNotFoundError:  # recycled by the server meanwhile
            continue
        if forms_found := found(content, looked):
            hits.append((file.name, forms_found))
    return hits


FILE = "file_document_not_readable"
"""Ids of files are ours, so the sandbox's token for one that no check passes is no marker."""

_numbers = count(1)


def text() -> str:
    """A marker of its own."""
    return f"Zqxmarkerqxz {CORE}{next(_numbers):03}"


def word() -> str:
    """The same without a space."""
    return f"{CORE}{next(_numbers):03}"


def email() -> str:
    return f"{word()}@{word()}.com"


def phone() -> str:
    return f"+1415{DIGITS}"


def url() -> str:
    return f"https://{word()}.com/{word()}?{word()}={word()}"


def destination() -> dict[str, Any]:
    """An event destination whose every string is a marker."""
    return {
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": ["*"],
        "name": text(),
        "description": text(),
        "metadata": {word(): text()},
        "webhook_endpoint": {"url": url()},
    }


def address(country: str = "US") -> dict[str, Any]:
    return {
        "line1": text(),
        "line2": text(),
        "city": text(),
        "town": text(),
        "state": "CA",
        "postal_code": "94103",
        "country": country,
    }


def acceptance() -> dict[str, Any]:
    return {**samples.ACCEPTANCE, "ip": ADDRESS_OF_USER, "user_agent": text()}


def files() -> dict[str, Any]:
    return {"files": [FILE], "type": "files"}


def front_back() -> dict[str, Any]:
    return {"front_back": {"front": FILE, "back": FILE}, "type": "front_back"}


def person(**changes: Any) -> dict[str, Any]:
    """A person whose every string is a marker."""
    return samples.patched(  # type: ignore[no-any-return]
        {
            "given_name": text(),
            "surname": text(),
            "email": email(),
            "phone": phone(),
            "date_of_birth": {"day": 3, "month": 4, "year": 1981},
            "address": address(),
            "additional_addresses": [{**address(), "purpose": "registered"}],
            "additional_names": [
                {"full_name": text(), "given_name": text(), "surname": text(), "purpose": "alias"},
            ],
            "documents": {
                "primary_verification": front_back(),
                "secondary_verification": front_back(),
                "passport": files(),
                "visa": files(),
                "company_authorization": files(),
            },
            "id_numbers": [{"type": "us_ssn", "value": f"53{DIGITS}"}, {"type": "cn_pp", "value": word()}],
            "metadata": {word(): text()},
        },
        **changes,
    )


def account(entity_type: str) -> dict[str, Any]:
    """A request whose every string is a marker; ``individual`` or ``company``."""
    business = {
        "registered_name": text(),
        "address": address(),
        "additional_addresses": [{**address(), "purpose": "principal_place_of_business"}],
        "phone": phone(),
        "id_numbers": [{"type": "us_ein", "value": f"12-{DIGITS}"}],
        "documents": {
            "company_tax_id_verification": front_back(),
            "bank_account_ownership_verification": files(),
            "company_license": files(),
        },
    }
    identity: dict[str, Any] = {
        "country": "US",
        "entity_type": entity_type,
        "attestations": {
            "terms_of_service": {"account": acceptance()},
            "representative_declaration": acceptance(),
            "persons_provided": {"owners": True},
        },
    }
    if entity_type == "company":
        identity["business_details"] = business
    else:
        identity["individual"] = person()
    return {
        "contact_email": email(),
        "contact_phone": phone(),
        "dashboard": "none",
        "display_name": text(),
        "metadata": {word(): text(), word(): text()},
        "identity": identity,
        "defaults": {
            **samples.CONTROLLED["defaults"],
            "profile": {
                "business_url": f"https://{word()}.com/{word()}",
                "doing_business_as": text(),
                "product_description": text(),
            },
        },
        "configuration": {
            "merchant": {
                "capabilities": {"card_payments": {"requested": True}},
                "mcc": "5734",
                "branding": {"icon": FILE, "logo": FILE},
                "statement_descriptor": {"descriptor": word(), "prefix": CORE[:10]},
                "support": {"address": address(), "email": email(), "phone": phone(), "url": f"https://{word()}.com"},
            },
            "recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}},
            "customer": {
                "automatic_indirect_tax": {"ip_address": ADDRESS_OF_USER},
                "billing": {"invoice": {"footer": text(), "custom_fields": [{"name": word(), "value": word()}]}},
                "shipping": {"name": text(), "phone": phone(), "address": address()},
            },
        },
    }


def bank_account() -> dict[str, Any]:
    return {
        "external_account": {
            "object": "bank_account",
            "country": "US",
            "currency": "usd",
            "account_number": f"00{DIGITS}12",
            "routing_number": "110000000",
            "account_holder_name": text(),
            "account_holder_type": "individual",
        },
        "metadata": {word(): text()},
    }


def account_token(entity_type: str) -> dict[str, Any]:
    """What a token holds of such an account."""
    whole = account(entity_type)
    identity = {name: value for name, value in whole["identity"].items() if name not in {"attestations", "country"}}
    terms = {"terms_of_service": {"account": {"shown_and_accepted": True}}}
    return {
        **{name: whole[name] for name in ("contact_email", "contact_phone", "display_name")},
        "identity": {**identity, "attestations": terms},
    }


def bank_token() -> dict[str, Any]:
    """A bank account whose every string is a marker, as v1's token has it."""
    return {name: value for name, value in bank_account()["external_account"].items() if name != "object"}


def vault_bank_account() -> dict[str, Any]:
    return {"account_number": f"00{DIGITS}12", "currency": "usd"}

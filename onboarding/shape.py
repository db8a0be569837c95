"""The shape of an account or a person: what is there, leaf by leaf, and what the rules read off it.

A *leaf* is a path of the Accounts v2 contract (``identity.business_details.address.line1``) with one canonical,
normalised string. Digests are made of these strings, so two spellings of the same fact are the same fact. Whenever a
normalisation changes, ``NORMALISER_VERSION`` must change with it: digests of different versions can't be compared.

::

    {"id_numbers": [{"type": "us_ein", "value": "12-3456789"}]}      ->  id_numbers.us_ein = "123456789"
    {"documents": {"passport": {"type": "files", "files": ["f"]}}}   ->  documents.passport = '{"files":["f"]}'
    {"relationship": {"owner": True, "director": False}}             ->  relationship.owner = "true"
    {"nationalities": ["DE", "FR"]}                                  ->  nationalities = '["de","fr"]'
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import phonenumbers

NORMALISER_VERSION = 1
"""Version of the rules in this module that turn a value into its canonical string."""

ROLES = ("authorizer", "director", "executive", "legal_guardian", "owner", "representative")
_PHONES = frozenset({"phone", "contact_phone"})
# Ids of other objects: their case carries meaning.
_OPAQUE = frozenset({"icon", "logo", "test_clock", "default_payment_method", "template", "payout_methods"})
# Wishes, labels and switches, not facts about the subject; an individual's facts are those of its person.
_ACCOUNT_SECTIONS = ("contact_email", "contact_phone", "dashboard", "defaults", "display_name")
_BANK_FACTS = ("account_holder_name", "account_number", "country", "currency", "routing_number")
_NOT_CONFIGURATION_LEAVES = frozenset({"applied", "capabilities"})


def account_leaves(values: Mapping[str, Any]) -> dict[str, str]:
    """Flatten an account's values to ``leaf path -> canonical string``.

    Args:
        values: the account's stored values document (see ``onboarding.values``).

    Returns:
        Only leaves that hold something. ``metadata``, ``capabilities`` and ``applied`` are not leaves, and neither is
        anything under ``identity.individual``: an individual is a person.
    """
    identity = {key: value for key, value in _mapping(values, "identity").items() if key != "individual"}
    region = _region(identity.get("country"))
    leaves: dict[str, str] = {}
    for section in _ACCOUNT_SECTIONS:
        leaves.update(_leaves(section, section, values.get(section), region))
    leaves.update(_leaves("identity", "identity", identity, region))
    for name, configuration in _mapping(values, "configuration").items():
        for key, value in (configuration or {}).items():
            if key not in _NOT_CONFIGURATION_LEAVES:
                leaves.update(_leaves(f"configuration.{name}.{key}", key, value, region))
    return leaves


def person_leaves(values: Mapping[str, Any], *, region: str | None = None) -> dict[str, str]:
    """Flatten a person's values to ``leaf path -> canonical string``.

    Args:
        values: the person's stored values.
        region: where a phone number without country code is, if the person's own address doesn't tell.

    Returns:
        Only leaves that hold something; ``metadata`` is not a leaf.
    """
    home = _region(_mapping(values, "address").get("country")) or _region(region)
    leaves: dict[str, str] = {}
    for key, value in values.items():
        if key != "metadata":
            leaves.update(_leaves(key, key, value, home))
    return leaves


def bank_accounts_leaf(banks: Mapping[str, Mapping[str, Any]]) -> str:
    """The bank accounts of an account as one canonical string: a JSON list in the order of their ids.

    Args:
        banks: the stored values of each, by its id.

    Returns:
        ``[{"account_holder_name", "account_number", "country", "currency", "id", "routing_number"}, ...]``, without
        what is not there.
    """
    told = [
        {"id": bank_id, **{name: str(values[name]) for name in _BANK_FACTS if values.get(name)}}
        for bank_id, values in sorted(banks.items())
    ]
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def applied_configurations(values: Mapping[str, Any]) -> list[str]:
    """Names of the configurations that are on the account and not switched off, sorted."""
    return sorted(
        name
        for name, configuration in _mapping(values, "configuration").items()
        if configuration is not None and configuration.get("applied") is not False
    )


def requested_capabilities(values: Mapping[str, Any]) -> list[str]:
    """Dotted names of the requested capabilities of the applied configurations, sorted.

    Example: ``["merchant.card_payments", "recipient.stripe_balance.stripe_transfers"]``.
    """
    configuration = _mapping(values, "configuration")
    names: list[str] = []
    for name in applied_configurations(values):
        names.extend(_requested(name, configuration[name].get("capabilities")))
    return sorted(names)


def roles(values: Mapping[str, Any]) -> set[str]:
    """The roles of a person: its relationship flags that are true."""
    relationship = _mapping(values, "relationship")
    return {role for role in ROLES if relationship.get(role) is True}


def percent_ownership(values: Mapping[str, Any]) -> Decimal | None:
    """The person's share of the company in percent; None if it was not given."""
    percent = _mapping(values, "relationship").get("percent_ownership")
    if percent is None:
        return None
    try:
        return Decimal(str(percent))
    except InvalidOperation:
        return None


def birth_date(values: Mapping[str, Any]) -> date | None:
    """The person's date of birth; None if it is absent, incomplete or no date of the calendar."""
    parts = _mapping(values, "date_of_birth")
    try:
        return date(parts["year"], parts["month"], parts["day"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _mapping(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = values.get(key)
    return value if isinstance(value, Mapping) else {}


def _region(country: object) -> str | None:
    return country.upper() if isinstance(country, str) and country else None


def _requested(prefix: str, node: object) -> Iterator[str]:
    """Dotted names below ``node`` of a capability tree whose ``requested`` is true."""
    if not isinstance(node, Mapping):
        return
    if node.get("requested") is True:
        yield prefix
    for name, child in node.items():
        yield from _requested(f"{prefix}.{name}", child)


def _leaves(path: str, key: str, value: object, region: str | None) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        if key == "documents":
            yield from _document_leaves(path, value)
            return
        for name, child in value.items():
            yield from _leaves(f"{path}.{name}", key if key in _OPAQUE else name, child, region)
    elif key == "id_numbers" and isinstance(value, list):
        yield from _id_number_leaves(path, value)
    elif (canonical := _canonical(key, value, region)) is not None:
        yield path, canonical if isinstance(canonical, str) else _json(canonical)


def _document_leaves(path: str, documents: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """One leaf per kind of document: the same files for the same purpose are the same document."""
    for kind, document in documents.items():
        content = _kept({name: part for name, part in (document or {}).items() if name != "type"})
        if content:
            yield f"{path}.{kind}", _json(content)


def _id_number_leaves(path: str, numbers: list[Any]) -> Iterator[tuple[str, str]]:
    for number in numbers:
        if value := _alphanumeric(str(number.get("value") or "")):
            yield f"{path}.{number['type']}", value
            if registrar := _text(str(number.get("registrar") or "")):
                yield f"{path}.{number['type']}.registrar", registrar


def _canonical(key: str, value: object, region: str | None) -> object:  # noqa: PLR0911 -- one return per JSON type
    """The canonical form of a value that is not an object of its own leaves; None where there is nothing."""
    if value is None or value is False:
        return None
    if value is True:
        return "true"
    if isinstance(value, Mapping):
        parts = {name: _canonical(name, part, region) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part is not None} or None
    if isinstance(value, list):
        items = [_canonical(key, item, region) for item in value]
        return [item for item in items if item is not None] or None
    text = str(value)
    if key == "percent_ownership":
        return _decimal(text)
    if key in _PHONES:
        return _phone(text, region)
    return (text.strip() if key in _OPAQUE else _text(text)) or None


def _kept(value: object) -> object:
    """``value`` without whatever is null or empty, at any depth."""
    if isinstance(value, Mapping):
        parts = {name: _kept(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part}
    if isinstance(value, list):
        return [part for part in map(_kept, value) if part]
    return value


def _text(text: str) -> str:
    # Casefolding can undo the composition, so it stands between two normalisations (Unicode 3.13, caseless matching).
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def _alphanumeric(text: str) -> str:
    return "".join(character for character in _text(text) if character.isalnum())


def _decimal(text: str) -> str | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _text(text) or None
    return format(number.normalize(), "f")


def _phone(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return _alphanumeric(text) or None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

"""Field types that the request models share, and the model they are fields of.

A field that may be unset by ``null`` is ``X | None``. Enumerations follow the official SDK's parameter types: a closed
one is a ``Literal`` here, an open one (``Literal[...] | str`` there) is a string here.

What a validator demands pydantic can't know: ``WithJsonSchema`` beside it tells those who read the API's description.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from onboarding.domain.instants import rfc3339
from onboarding.validation.standards import COUNTRIES, CURRENCIES, LOCALES

MAX_TEXT = 5000
"""Longest string accepted anywhere; the limit of the v1 API."""

_METADATA_KEYS = 50
_METADATA_KEY_LENGTH = 40
_METADATA_VALUE_LENGTH = 500
_CAPABILITY_DEPTH = 3
_DECIMAL_DIGITS = 20
_CAPABILITY_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Parameters(BaseModel):
    """An object of a JSON request: unknown keys are refused and nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def refusal(
    code: Literal["parameter_invalid", "parameter_missing", "parameter_unknown"],
    message: str,
    path: tuple[str | int, ...] = (),
) -> PydanticCustomError:
    """An error of a field for a validator to raise.

    Args:
        code: the wire's code.
        message: a sentence without any value of the request.
        path: where inside the field's value the error is.
    """
    return PydanticCustomError(code, "{message}", {"message": message, "path": path})


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise refusal("parameter_invalid", "Strings must not contain the NUL character.")
    return text


def _country(text: str) -> str:
    if text.upper() not in COUNTRIES or not text.isascii():
        raise refusal("parameter_invalid", "Must be the two-letter code of a country (ISO 3166-1 alpha-2), like US.")
    return text.upper()


def _currency(text: str) -> str:
    if text.lower() not in CURRENCIES or not text.isascii():
        raise refusal("parameter_invalid", "Must be the three-letter code of a currency (ISO 4217), like usd.")
    return text.lower()


def _locale(text: str) -> str:
    if text not in LOCALES:
        raise refusal("parameter_invalid", "Must be a locale that Accounts v2 knows, like en-US or de.")
    return text


def _colour(text: str) -> str:
    if re.fullmatch(r"#[0-9A-Fa-f]{6}", text) is None:
        raise refusal("parameter_invalid", "Must be a colour in six hexadecimal digits, like #336699.")
    return text


def _timestamp(text: str) -> str:
    try:
        return rfc3339(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise refusal("parameter_invalid", "Must be a time with its offset from UTC (RFC 3339).") from None


def _calendar_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise refusal("parameter_invalid", "Must be a date like 2026-12-31.") from None


def _decimal(value: object) -> str:
    """A canonical decimal string: ``25.50``, ``25.5`` and ``"25.5"`` are one value."""
    problem = refusal("parameter_invalid", "Must be a decimal number, as a number or a string.")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise problem
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise problem from None
    # Bounded before it is written out: "1e999999" is a short string for a long one.
    if not number.is_finite() or abs(number.adjusted()) > _DECIMAL_DIGITS or len(str(value)) > _DECIMAL_DIGITS:
        raise problem
    return format(number.normalize(), "f") if number else "0"


def _metadata(metadata: dict[str, str | None]) -> dict[str, str | None]:
    """Limits of the v1 API, which Accounts v2 shares."""
    if len(metadata) > _METADATA_KEYS:
        raise refusal("parameter_invalid", f"Metadata has at most {_METADATA_KEYS} keys.")
    for key, value in metadata.items():
        if not 1 <= len(key) <= _METADATA_KEY_LENGTH or "[" in key or "]" in key:
            raise refusal(
                "parameter_invalid",
                f"Metadata keys have 1 to {_METADATA_KEY_LENGTH} characters and no square brackets.",
            )
        if value is not None and len(value) > _METADATA_VALUE_LENGTH:
            raise refusal(
                "parameter_invalid", f"Metadata values have at most {_METADATA_VALUE_LENGTH} characters.", (key,)
            )
    return metadata


def _capabilities(capabilities: dict[str, Any]) -> dict[str, Any]:
    """Check the form only: ``{"requested": bool}`` under a name, or under a name in a group of names."""
    _capability_group(capabilities, ())
    return capabilities


def _capability_group(group: object, path: tuple[str, ...]) -> None:
    if not isinstance(group, dict):
        raise refusal("parameter_invalid", "Must be an object.", path)
    if "requested" in group:
        if path and not isinstance(group["requested"], bool):
            raise refusal("parameter_invalid", "Must be true or false.", (*path, "requested"))
        if others := [name for name in group if name != "requested" or not path]:
            raise refusal("parameter_unknown", "There is no such parameter.", (*path, others[0]))
        return
    for name, node in group.items():
        if _CAPABILITY_NAME.fullmatch(name) is None or len(path) >= _CAPABILITY_DEPTH:
            raise refusal("parameter_unknown", "There is no such parameter.", (*path, name))
        _capability_group(node, (*path, name))


Text = Annotated[str, StringConstraints(max_length=MAX_TEXT), AfterValidator(_without_nul)]
Country = Annotated[str, AfterValidator(_country), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{2}$"})]
"""ISO 3166-1 alpha-2 in any case; stored upper case."""
Currency = Annotated[str, AfterValidator(_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{3}$"})]
"""ISO 4217 in any case; stored lower case."""
Locale = Annotated[str, AfterValidator(_locale), WithJsonSchema({"type": "string", "enum": sorted(LOCALES)})]
Colour = Annotated[str, AfterValidator(_colour), WithJsonSchema({"type": "string", "pattern": "^#[0-9A-Fa-f]{6}$"})]
"""``#rrggbb``."""
Timestamp = Annotated[str, AfterValidator(_timestamp), WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 with an offset; stored in UTC with milliseconds."""
CalendarDate = Annotated[str, AfterValidator(_calendar_date), WithJsonSchema({"type": "string", "format": "date"})]
DecimalText = Annotated[
    str,
    BeforeValidator(_decimal),
    WithJsonSchema(
        {"type": ["string", "number"], "pattern": r"^[+-]?[0-9]+(\.[0-9]+)?$", "maxLength": _DECIMAL_DIGITS}
    ),
]
"""A number or a string; stored as a canonical decimal string."""
Metadata = Annotated[
    dict[str, Text | None],
    AfterValidator(_metadata),
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": _METADATA_KEYS,
            "propertyNames": {"pattern": r"^[^\[\]]+$", "minLength": 1, "maxLength": _METADATA_KEY_LENGTH},
            "additionalProperties": {"type": ["string", "null"], "maxLength": _METADATA_VALUE_LENGTH},
        }
    ),
]
_REQUEST_OF_ONE = {
    "type": "object",
    "properties": {"requested": {"type": "boolean"}},
    "required": ["requested"],
    "additionalProperties": False,
}
_CAPABILITY_NAMES = {"pattern": f"^{_CAPABILITY_NAME.pattern}$", "not": {"const": "requested"}}
Capabilities = Annotated[
    dict[str, Any],
    AfterValidator(_capabilities),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": _CAPABILITY_NAMES,
            "additionalProperties": {
                "anyOf": [
                    _REQUEST_OF_ONE,
                    {"type": "object", "propertyNames": _CAPABILITY_NAMES, "additionalProperties": _REQUEST_OF_ONE},
                ]
            },
        }
    ),
]
"""``{name: {"requested": bool}}``, also inside groups; which names exist is the policy's business."""
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Amount64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Include = Literal[
    "configuration.customer",
    "configuration.merchant",
    "configuration.recipient",
    "defaults",
    "future_requirements",
    "identity",
    "requirements",
]
"""Sections of an account that a response carries only when asked (Accounts v2 contract, include)."""
ConfigurationName = Literal["customer", "merchant", "recipient"]

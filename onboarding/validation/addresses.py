"""Postal addresses: states, postal codes, countries.

Only form is checked: that a city, a state and a postal code belong together is for a check to find out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.validation.objects import Exempt, object_at, words
from onboarding.validation.scripts import check_scripts, is_text

_TEXTS = ("city", "line1", "line2", "postal_code", "state", "town")

# USPS Publication 28, appendix B (states, possessions, military "states"); Canada Post; Australia Post.
_STATES: dict[str, frozenset[str]] = {
    "US": words(
        "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND "
        "OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI FM MH PW AA AE AP"
    ),
    "CA": words("AB BC MB NB NL NS NT NU ON PE QC SK YT"),
    "AU": words("ACT NSW NT QLD SA TAS VIC WA"),
}
# Universal Postal Union, addressing by country.
_POSTAL_CODES: dict[str, re.Pattern[str]] = {
    country: re.compile(pattern, re.IGNORECASE)
    for country, pattern in {
        "AT": r"[0-9]{4}",
        "AU": r"[0-9]{4}",
        "BE": r"[0-9]{4}",
        "BG": r"[0-9]{4}",
        "BR": r"[0-9]{5}-?[0-9]{3}",
        "CA": r"[ABCEGHJ-NPRSTVXY][0-9][A-Z][ -]?[0-9][A-Z][0-9]",
        "CH": r"[0-9]{4}",
        "CY": r"[0-9]{4}",
        "CZ": r"[0-9]{3} ?[0-9]{2}",
        "DE": r"[0-9]{5}",
        "DK": r"[0-9]{4}",
        "EE": r"[0-9]{5}",
        "ES": r"[0-9]{5}",
        "FI": r"[0-9]{5}",
        "FR": r"[0-9]{5}",
        "GB": r"(GIR ?0AA|[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2})",
        "GR": r"[0-9]{3} ?[0-9]{2}",
        "HR": r"(HR-)?[0-9]{5}",
        "HU": r"[0-9]{4}",
        # The eircode: a routing key, of which D6W is the odd one, and four characters.
        "IE": r"([AC-FHKNPRTV-Y][0-9]{2}|D6W)[ -]?[0-9AC-FHKNPRTV-Y]{4}",
        "IN": r"[0-9]{3} ?[0-9]{3}",
        "IS": r"[0-9]{3}",
        "IT": r"[0-9]{5}",
        "JP": r"[0-9]{3}-?[0-9]{4}",
        "LI": r"[0-9]{4}",
        "LT": r"(LT-)?[0-9]{5}",
        "LU": r"(L-)?[0-9]{4}",
        "LV": r"(LV-)?[0-9]{4}",
        "MT": r"[A-Z]{3} ?[0-9]{4}",
        "MX": r"[0-9]{5}",
        "NL": r"[0-9]{4} ?[A-Z]{2}",
        "NO": r"[0-9]{4}",
        "NZ": r"[0-9]{4}",
        "PL": r"[0-9]{2}-?[0-9]{3}",
        "PT": r"[0-9]{4}-?[0-9]{3}",
        "RO": r"[0-9]{6}",
        "SE": r"[0-9]{3} ?[0-9]{2}",
        "SG": r"[0-9]{6}",
        "SI": r"(SI-)?[0-9]{4}",
        "SK": r"[0-9]{3} ?[0-9]{2}",
        "US": r"[0-9]{5}(-[0-9]{4})?",
    }.items()
}
_ANY_POSTAL_CODE = re.compile(r"[A-Z0-9][A-Z0-9 -]{0,15}", re.IGNORECASE)


def check_address(
    patch: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    param: str,
    exempt: Exempt,
    *,
    country_required: bool = True,
) -> None:
    """Check the address that a request touches.

    Args:
        patch: what the request says about the address; None if it says nothing or unsets it.
        after: the address with the patch merged into it.
        param: path of the address.
        exempt: see the package.
        country_required: whether such an address always needs its country.

    Raises:
        Refusal: ``address_characters_invalid``, ``address_country_required``, ``address_state_invalid`` or
            ``address_postal_code_invalid``.
    """
    if not patch:
        return
    for name in _TEXTS:
        text = patch.get(name)
        if text is not None and not is_text(text) and not (name == "line1" and exempt("address_line1", text)):
            raise Refusal(
                "address_characters_invalid",
                "The address holds characters that are not allowed.",
                param=f"{param}.{name}",
            )
    country = after.get("country")
    if country is None and country_required and after:
        raise Refusal("address_country_required", "An address needs its country.", param=f"{param}.country")
    state = after.get("state")
    if state and not _is_state(state, country):
        raise Refusal(
            "address_state_invalid",
            "The state is not one of the address's country; write its postal abbreviation.",
            param=f"{param}.state",
        )
    postal_code = after.get("postal_code")
    if postal_code and not _is_postal_code(postal_code, country):
        raise Refusal(
            "address_postal_code_invalid",
            "The postal code has not the form of those of the address's country.",
            param=f"{param}.postal_code",
        )


def check_additional_addresses(
    addresses: Sequence[Mapping[str, Any]] | None, param: str, exempt: Exempt, *, country_required: bool
) -> None:
    """Check each address of a list, which is always sent whole.

    Raises:
        Refusal: as ``check_address``, with the index in ``param``.
    """
    for index, address in enumerate(addresses or ()):
        given = {key: value for key, value in address.items() if value is not None}
        check_address(given, given, f"{param}[{index}]", exempt, country_required=country_required)


def check_script_addresses(scripts: Mapping[str, Any] | None, country: str | None, param: str) -> None:
    """Check an address in the Japanese scripts, which only a Japanese one has.

    Args:
        scripts: what the request says.
        country: the country of whom the address is of, if it is known.
        param: path of ``scripts``.

    Raises:
        Refusal: ``non_jp_kana_kanji_address`` or ``script_characters_invalid``.
    """
    for script in ("kana", "kanji"):
        address = object_at(scripts or {}, script)
        if address and (address.get("country") or country or "JP") != "JP":
            raise Refusal(
                "non_jp_kana_kanji_address",
                "Only a Japanese address can be given in kana and kanji.",
                param=f"{param}.{script}",
            )
    check_scripts(scripts, param)


def _is_state(state: str, country: str | None) -> bool:
    known = _STATES.get(country or "")
    return known is None or state.strip().upper() in known


def _is_postal_code(postal_code: str, country: str | None) -> bool:
    pattern = _POSTAL_CODES.get(country or "", _ANY_POSTAL_CODE)
    return pattern.fullmatch(postal_code.strip()) is not None

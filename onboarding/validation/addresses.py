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
_STATE_LIKE = {"AU": "NSW", "CA": "ON", "US": "CA"}
_POSTAL_CODE_LIKE = {
    "AT": "1010",
    "AU": "2000",
    "BE": "1000",
    "CA": "K1A 0B1",
    "CH": "8001",
    "DE": "10115",
    "ES": "28001",
    "FR": "75001",
    "GB": "SW1A 1AA",
    "IE": "D02 X285",
    "IT": "00184",
    "JP": "150-0001",
    "NL": "1011 AB",
    "PL": "00-001",
    "PT": "1000-001",
    "SE": "111 22",
    "US": "94103 or 94103-1234",
}
"""Examples for those that get it wrong: where the form is not guessed."""
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
        Refusal: ``address_characters_invalid``, ``address_country_required``, ``address_town_invalid``,
            ``postal_code_required_for_jp_address``, ``address_state_invalid`` or ``address_postal_code_invalid``.
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
    if patch.get("town") and not any(character.isalpha() for character in patch["town"]):
        raise Refusal("address_town_invalid", "The town must be named: it has no letters.", param=f"{param}.town")
    _refuse_japanese_without_postal_code(after, param)
    state = after.get("state")
    if state and not _is_state(state, country):
        raise Refusal(
            "address_state_invalid",
            "The state is not one of the address's country; write its postal abbreviation, like "
            f"{_STATE_LIKE[country or '']}.",
            param=f"{param}.state",
        )
    postal_code = after.get("postal_code")
    if postal_code and not _is_postal_code(postal_code, country):
        raise Refusal(
            "address_postal_code_invalid",
            "The postal code has not the form of those of the address's country" + _example(country),
            param=f"{param}.postal_code",
        )


def _refuse_japanese_without_postal_code(address: Mapping[str, Any], param: str) -> None:
    """A Japanese address is found by its postal code, so it never comes without."""
    if address.get("country") == "JP" and set(address) - {"country"} and not address.get("postal_code"):
        raise Refusal(
            "postal_code_required_for_jp_address",
            "An address in Japan needs its postal code, like 150-0001.",
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


def check_script_addresses(
    scripts: Mapping[str, Any] | None, after: Mapping[str, Any], country: str | None, same: str | None, param: str
) -> None:
    """Check an address in the Japanese scripts, which only a Japanese one has.

    Args:
        scripts: what the request says.
        after: both addresses with the request merged into them.
        country: the country of whom the address is of, if it is known.
        same: the country of the same address in Latin letters, if it has one.
        param: path of ``scripts``.

    Raises:
        Refusal: ``non_jp_kana_kanji_address``, ``address_country_mismatch``,
            ``postal_code_required_for_jp_address`` or ``script_characters_invalid``.
    """
    for script in ("kana", "kanji"):
        address = object_at(scripts or {}, script)
        if not address:
            continue
        merged = object_at(after, script)
        if (merged.get("country") or country or "JP") != "JP":
            raise Refusal(
                "non_jp_kana_kanji_address",
                "Only an address in Japan can be given in kana and kanji.",
                param=f"{param}.{script}",
            )
        if same not in {None, "JP"}:
            raise Refusal(
                "address_country_mismatch",
                "The address in kana and kanji is the same as the one in Latin letters, which is not in Japan.",
                param=f"{param}.{script}.country",
            )
        _refuse_japanese_without_postal_code({**merged, "country": "JP"}, f"{param}.{script}")
    check_scripts(scripts, param)


def _example(country: str | None) -> str:
    return f", like {_POSTAL_CODE_LIKE[country]}." if country in _POSTAL_CODE_LIKE else "."


def _is_state(state: str, country: str | None) -> bool:
    known = _STATES.get(country or "")
    return known is None or state.strip().upper() in known


def _is_postal_code(postal_code: str, country: str | None) -> bool:
    pattern = _POSTAL_CODES.get(country or "", _ANY_POSTAL_CODE)
    return pattern.fullmatch(postal_code.strip()) is not None

"""Forms of European id numbers, structures and postal codes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from onboarding.domain.errors import Refusal
from onboarding.validation import validate_account, validate_person
from onboarding.validation.objects import nothing_exempt
from onboarding.values import merge

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)

BUSINESS_NUMBERS = [
    ("at_fn", "FN 122119m", "122119"),
    ("at_vat", "ATU13585627", "ATU13585626"),
    ("be_cbe", "0403.019.261", "0403.019.262"),
    ("bg_uic", "175074752", "17507475"),
    ("ch_chid", "CH-020.7.001.357-8", "020.7.001.357-8"),
    ("ch_uid", "CHE-100.155.212", "CHE-100.155.213"),
    ("cy_he", "HE 123456", "HEX 123456"),
    ("cz_ico", "25123891", "25123892"),
    ("de_hrn", "HRB 12345", "12345 HRB 6"),
    ("de_stn", "181/815/08155", "1234"),
    ("de_vat", "DE136695976", "DE136695978"),
    ("dk_cvr", "13585628", "13585627"),
    ("ee_rk", "12345678", "12345679"),
    ("es_cif", "A-58818501", "A-58818502"),
    ("es_vat", "ESA58818501", "ESA58818502"),
    ("fi_yt", "2077474-0", "2077474-1"),
    ("fr_rna", "W751004076", "751004076"),
    ("fr_siren", "732 829 320", "732 829 321"),
    ("gb_crn", "SC123456", "S1234567"),
    ("gr_afm", "094259216", "094259217"),
    ("hr_oib", "33392005961", "33392005962"),
    ("hu_vat", "12892312", "12892313"),
    ("ie_crn", "368047", "IE368047"),
    ("ie_trn", "6433435F", "6433435E"),
    ("ie_vat", "IE6433435F", "IE6433435E"),
    ("it_rea", "MI-1234567", "MIL-123456"),
    ("it_vat", "00743110157", "00743110158"),
    ("lt_ccrn", "123456789", "12345678"),
    ("lu_rcs", "B 123456", "123456"),
    ("lv_urn", "40003521600", "40003521601"),
    ("mt_crn", "C 12345", "12345"),
    ("nl_kvk", "27312152", "2731215"),
    ("nl_rsin", "111222333", "111222334"),
    ("nl_vat", "NL004495445B01", "NL123456789B90"),
    ("no_orgnr", "988 077 917", "988 077 918"),
    ("pl_nip", "856-734-62-15", "856-734-62-16"),
    ("pl_regon", "192598184", "192598183"),
    ("pt_vat", "501 964 843", "501 964 842"),
    ("ro_cui", "185 472 90", "185 472 91"),
    ("ro_orc", "J52/750/2012", "52/750/2012"),
    ("se_orgnr", "123456-7897", "123456-7891"),
    ("si_msp", "9331310000", "9331320000"),
    ("sk_ico", "31 322 832", "31 322 833"),
]
PERSON_NUMBERS = [
    ("be_nrn", "85 07 30 033 28", "85 07 30 033 29"),
    ("es_nif", "54362315-K", "54362315-Z"),
    ("es_nif", "X-2482300W", "X-2482300A"),
    ("es_nif", "K-1234567L", "A-58818501"),
    ("fr_nir", "2 95 10 99 126 111 93", "2 95 10 99 126 111 94"),
    ("gb_nino", "AB123456C", "AB123456E"),
    ("ie_ppsn", "6433435F", "6433435E"),
    ("it_cf", "RCCMNL83S18D969H", "00743110157"),
    ("nl_bsn", "1112.22.333", "1112.22.334"),
    ("pl_pesel", "44051401359", "44051401358"),
    ("pt_nif", "501 964 843", "501 964 842"),
]


def _account(patch: dict[str, Any]) -> None:
    validate_account(
        patch, {}, merge({}, patch), livemode=False, creating=True, was_active=False, as_of=AS_OF, exempt=nothing_exempt
    )


def _business(kind: str, value: str) -> dict[str, Any]:
    numbers = [{"type": kind, "value": value}]
    return {"identity": {"country": kind[:2].upper(), "business_details": {"id_numbers": numbers}}}


@pytest.mark.parametrize(("kind", "right", "wrong"), BUSINESS_NUMBERS)
def test_a_business_s_number_has_the_form_of_its_register(kind: str, right: str, wrong: str) -> None:
    _account(_business(kind, right))

    with pytest.raises(Refusal) as refused:
        _account(_business(kind, wrong))

    assert refused.value.code == "id_number_invalid"
    assert refused.value.param == "identity.business_details.id_numbers[0].value"


@pytest.mark.parametrize(("kind", "right", "wrong"), PERSON_NUMBERS)
def test_a_person_s_number_has_the_form_of_its_country(kind: str, right: str, wrong: str) -> None:
    def check(value: str) -> None:
        patch = {"id_numbers": [{"type": kind, "value": value}]}
        account = {"identity": {"country": "US", "entity_type": "company"}}
        validate_person(patch, None, patch, [], account, as_of=AS_OF, exempt=nothing_exempt)

    check(right)
    with pytest.raises(Refusal) as refused:
        check(wrong)

    assert (refused.value.code, refused.value.param) == ("id_number_invalid", "id_numbers[0].value")


@pytest.mark.parametrize("number", ["de_hrn", "gb_crn", "ie_crn"])
def test_what_is_in_no_register_has_no_number_of_it(number: str) -> None:
    patch = _business(number, "12345678" if number == "gb_crn" else "12345")
    patch["identity"]["business_details"]["structure"] = "unincorporated_partnership"

    with pytest.raises(Refusal) as refused:
        _account(patch)

    assert refused.value.code == "invalid_id_number_for_structure"


@pytest.mark.parametrize(
    ("country", "entity_type", "right", "wrong"),
    [
        ("FR", "company", "sole_proprietorship", "single_member_llc"),
        ("FR", "non_profit", "registered_charity", "private_corporation"),
        ("FR", "individual", "sole_proprietorship", "private_corporation"),
        ("ES", "company", "cooperative", "free_zone_llc"),
        ("IT", "company", "sole_proprietorship", "multi_member_llc"),
        ("NL", "company", "unincorporated_partnership", "trust"),
        ("IE", "company", "public_corporation", "sole_proprietorship"),
        ("IE", "non_profit", "registered_charity", "cooperative"),
    ],
)
def test_a_structure_is_one_of_its_country(country: str, entity_type: str, right: str, wrong: str) -> None:
    def identity(structure: str) -> dict[str, Any]:
        details = {"structure": structure}
        return {"identity": {"country": country, "entity_type": entity_type, "business_details": details}}

    _account(identity(right))
    with pytest.raises(Refusal) as refused:
        _account(identity(wrong))

    assert refused.value.code == "structure_incompatible_for_entity_type_country"


@pytest.mark.parametrize(
    ("country", "right", "wrong"),
    [
        ("CZ", "110 00", "1100"),
        ("GR", "105 57", "10-557"),
        ("IE", "D02 X285", "D2 X285"),
        ("IE", "d6w f6c9", "D6W F6CO"),
        ("LV", "LV-1010", "LV1010A"),
        ("MT", "VLT 1117", "1117"),
        ("NL", "1012 ab", "1012"),
        ("RO", "010011", "10011"),
        ("SI", "1000", "10000"),
    ],
)
def test_a_postal_code_has_the_form_of_its_country(country: str, right: str, wrong: str) -> None:
    def address(postal_code: str) -> dict[str, Any]:
        details = {"address": {"country": country, "line1": "1", "postal_code": postal_code}}
        return {"identity": {"country": country, "business_details": details}}

    _account(address(right))
    with pytest.raises(Refusal) as refused:
        _account(address(wrong))

    assert refused.value.code == "address_postal_code_invalid"

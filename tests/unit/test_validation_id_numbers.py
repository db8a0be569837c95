"""Numbers with a check digit, or another form of their own, of countries without a pack: made up, with right digits."""

from __future__ import annotations

import pytest

from onboarding.domain.errors import Refusal
from onboarding.validation.id_numbers import check_business_numbers, check_person_numbers
from onboarding.validation.objects import nothing_exempt

PERSONS = [
    ("ar_cuil", "20123456786", "20123456787"),
    ("ar_dni", "12345678", "123456789"),
    ("az_tin", "1000012121", "1000012221"),
    ("bg_ucn", "8001011236", "8001011237"),
    ("br_cpf", "12345678909", "12345678900"),
    ("ch_oasi", "7561234567897", "7561234567898"),
    ("cl_rut", "123456785", "123456786"),
    ("cr_ci", "0112340567", "1112340567"),
    ("cr_dimex", "112345678900", "212345678900"),
    ("cz_rc", "8001011238", "8001011239"),
    ("de_stn", "12345678900", "123456789009"),
    ("dk_cpr", "0101801230", "010180123"),
    ("do_cie", "00112345673", "00112345674"),
    ("do_rcn", "123456786", "123456787"),
    ("ec_ci", "1712345675", "1712345676"),
    ("fi_hetu", "010180-1232", "010180-1242"),
    ("fi_hetu", "0101801232", "0101801233"),
    ("gt_nit", "12345679", "12345670"),
    ("id_nik", "3171010101800001", "4171010101800001"),
    ("is_kt", "0101801049", "0101801059"),
    ("jp_inc", "123456789018", "123456789019"),
    ("ke_pin", "A123456789Z", "A123456789"),
    ("lv_pk", "01018011230", "01018011231"),
    ("mx_rfc", "ABCD800101AB0", "ABCD800101AB"),
    ("my_nric", "800101145678", "80010114567"),
    ("mz_nuit", "123456785", "123456786"),
    ("no_nin", "01018012371", "01018012372"),
    ("nz_ird", "12345674", "12345675"),
    ("pe_dni", "12345678", "1234567"),
    ("pk_cnic", "1234512345671", "123451234567"),
    ("se_pin", "8001011231", "8001011232"),
    ("th_pin", "1234567890121", "1234567890122"),
    ("tr_tin", "12345678950", "12345678951"),
    ("za_id", "8001015009087", "8001015009088"),
]
BUSINESSES = [
    ("ar_cuit", "30123456781", "30123456782"),
    ("br_cnpj", "12345678000195", "12345678000196"),
    ("ca_gst_hst", "123456782", "123456783"),
    ("cr_cpj", "3101123456", "3111123456"),
    ("do_rcn", "101123451", "101123452"),
    ("jp_cn", "9234567890123", "9234567890124"),
    ("pe_ruc", "20123456786", "20123456787"),
    ("sg_uen", "12345678M", "12345679M"),
    ("th_prn", "0123456789016", "0123456789017"),
    ("th_tin", "1234567890121", "1234567890122"),
]


@pytest.mark.parametrize(("kind", "right", "wrong"), PERSONS)
def test_a_person_s_number_has_the_form_of_its_type(kind: str, right: str, wrong: str) -> None:
    check_person_numbers([{"type": kind, "value": right}], "id_numbers", nothing_exempt)

    with pytest.raises(Refusal) as refused:
        check_person_numbers([{"type": kind, "value": wrong}], "id_numbers", nothing_exempt)

    assert (refused.value.code, refused.value.param) == ("id_number_invalid", "id_numbers[0].value")


@pytest.mark.parametrize(("kind", "right", "wrong"), BUSINESSES)
def test_a_business_s_number_has_the_form_of_its_type(kind: str, right: str, wrong: str) -> None:
    def check(value: str) -> None:
        details = {"id_numbers": [{"type": kind, "value": value}]}
        account = {"identity": {"country": kind[:2].upper(), "business_details": details}}
        check_business_numbers(account, account, nothing_exempt)

    check(right)
    with pytest.raises(Refusal) as refused:
        check(wrong)

    assert refused.value.code == "id_number_invalid"

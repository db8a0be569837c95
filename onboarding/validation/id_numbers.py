"""Numbers in public registers, of persons and of businesses.

Form only: length, alphabet, prefix and check digit, where there is one. US numbers have no check digit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stdnum.au import abn, acn
from stdnum.ca import sin
from stdnum.de import vat as de_vat
from stdnum.fr import siren, tva
from stdnum.gb import vat as gb_vat
from stdnum.us import ein, itin, ssn

from onboarding.domain.errors import Refusal
from onboarding.validation.objects import Exempt, at, object_at, words

PERSON_TYPES = words(
    "ae_eid ao_nif ar_cuil ar_dni at_stn az_tin bd_brc bd_etin bd_nid be_nrn bg_ucn bn_nric br_cpf ca_sin ch_oasi "
    "cl_rut cn_pp co_nuip cr_ci cr_cpf cr_dimex cr_nite cy_tic cz_rc de_stn dk_cpr do_cie do_rcn ec_ci ee_ik "
    "es_nif fi_hetu fr_nir gb_nino gr_afm gt_nit hk_id hr_oib hu_ad id_nik ie_ppsn is_kt it_cf jp_inc ke_pin "
    "kz_iin li_peid lt_ak lu_nif lv_pk mx_rfc my_nric mz_nuit ng_nin nl_bsn no_nin nz_ird pe_dni pk_cnic pk_snic "
    "pl_pesel pt_nif ro_cnp sa_tin se_pin sg_fin sg_nric sk_dic th_lc th_pin tr_tin us_itin us_itin_last_4 us_ssn "
    "us_ssn_last_4 uy_dni za_id"
)
BUSINESS_TYPES = words(
    "ae_crn ae_vat ao_nif ar_cuit at_fn at_stn at_vat au_abn au_acn au_in az_tin bd_etin be_cbe be_vat bg_uic "
    "bg_vat br_cnpj ca_cn ca_crarr ca_gst_hst ca_neq ca_rid ch_chid ch_uid cr_cpj cr_nite cy_he cy_tic cy_vat "
    "cz_ico cz_vat de_hrn de_stn de_vat dk_cvr dk_vat do_rcn ee_rk ee_vat es_cif es_vat fi_vat fi_yt fr_rna "
    "fr_siren fr_vat gb_crn gb_vat gi_crn gr_afm gr_gemi gr_vat gt_nit hk_br hk_cr hr_mbs hr_oib hr_vat hu_cjs "
    "hu_tin hu_vat ie_crn ie_trn ie_vat it_rea it_vat jp_cn kz_bin li_uid lt_ccrn lt_vat lu_nif lu_rcs lu_vat "
    "lv_urn lv_vat mt_crn mt_tin mt_vat mx_rfc my_brn my_coid my_itn my_sst mz_nuit nl_kvk nl_rsin nl_vat "
    "no_orgnr nz_bn nz_ird pe_ruc pk_ntn pl_nip pl_regon pl_vat pt_vat ro_cui ro_orc ro_vat sa_crn sa_tin "
    "se_orgnr se_vat sg_uen si_msp si_tin si_vat sk_dic sk_ico sk_vat th_crn th_prn th_tin us_ein"
)

_Rule = Callable[[str], bool]


def _four_digits(value: str) -> bool:
    return re.fullmatch(r"[0-9]{4}", value) is not None


def _four_digits_not_zero(value: str) -> bool:
    # The Social Security Administration never issued the serial 0000.
    return _four_digits(value) and value != "0000"


_PERSON_RULES: dict[str, _Rule] = {
    "ca_sin": sin.is_valid,
    "gb_nino": lambda value: re.fullmatch(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]", value) is not None,
    "us_itin": itin.is_valid,
    "us_itin_last_4": _four_digits,
    "us_ssn": ssn.is_valid,
    "us_ssn_last_4": _four_digits_not_zero,
}
_BUSINESS_RULES: dict[str, _Rule] = {
    "au_abn": abn.is_valid,
    "au_acn": acn.is_valid,
    "de_vat": de_vat.is_valid,
    "fr_siren": siren.is_valid,
    "fr_vat": tva.is_valid,
    "gb_crn": lambda value: re.fullmatch(r"([A-Z]{2}[0-9]{6}|[A-Z]{2}[0-9]{5}[A-Z]|[0-9]{7,8})", value) is not None,
    "gb_vat": gb_vat.is_valid,
    "us_ein": ein.is_valid,
}
# Registers in which an entity of such a structure can't stand.
_NOT_REGISTERED = frozenset(
    {"sole_proprietorship", "unincorporated_association", "unincorporated_non_profit", "unincorporated_partnership"}
)
_NOT_FOR_STRUCTURE = {"de_hrn": _NOT_REGISTERED, "gb_crn": _NOT_REGISTERED}
_WITH_REGISTRAR = "de_"
_LONGEST = 64


def check_person_numbers(numbers: Sequence[Mapping[str, Any]] | None, param: str, exempt: Exempt) -> None:
    """Check a person's id numbers. They may be of any country, whatever the account's is.

    Args:
        numbers: ``[{"type", "value"}]`` as the request says.
        param: path of the list.
        exempt: see the package.

    Raises:
        Refusal: ``id_number_invalid``, on the item's ``type`` or ``value``.
    """
    for index, number in enumerate(numbers or ()):
        if number["type"] not in PERSON_TYPES:
            raise Refusal(
                "id_number_invalid", "There is no such type of a person's id number.", param=f"{param}[{index}].type"
            )
        _check_value(number, _PERSON_RULES, f"{param}[{index}].value", exempt)


def check_business_numbers(patch: Mapping[str, Any], after: Mapping[str, Any], exempt: Exempt) -> None:
    """Check a business's id numbers, and again those it has when its country or structure is set.

    Args:
        patch: what the request says about the account.
        after: the account's values with it merged into them.
        exempt: see the package.

    Raises:
        Refusal: ``id_number_invalid``, ``incorrect_id_number_for_country``, ``invalid_id_number_for_structure`` or
            ``invalid_id_number_registrar``.
    """
    country = at(after, "identity", "country")
    structure = at(after, "identity", "business_details", "structure")
    path = "identity.business_details.id_numbers"
    for index, number in enumerate(at(patch, "identity", "business_details", "id_numbers") or ()):
        _check_type(number["type"], country, structure, f"{path}[{index}].type")
        if number.get("registrar") is not None and not number["type"].startswith(_WITH_REGISTRAR):
            raise Refusal(
                "invalid_id_number_registrar",
                "Only German id numbers have a registrar.",
                param=f"{path}[{index}].registrar",
            )
        _check_value(number, _BUSINESS_RULES, f"{path}[{index}].value", exempt)
    kept = [number["type"] for number in object_at(after, "identity", "business_details").get("id_numbers") or ()]
    for touched, param in (
        (at(patch, "identity", "country"), "identity.country"),
        (at(patch, "identity", "business_details", "structure"), "identity.business_details.structure"),
    ):
        for type_ in kept if touched is not None else ():
            _check_type(type_, country, structure, param)


def _check_type(type_: str, country: str | None, structure: str | None, param: str) -> None:
    if type_ not in BUSINESS_TYPES:
        raise Refusal("id_number_invalid", "There is no such type of a business's id number.", param=param)
    if country is not None and type_.partition("_")[0] != country.lower():
        raise Refusal(
            "incorrect_id_number_for_country", "This type of id number is one of another country.", param=param
        )
    if structure in _NOT_FOR_STRUCTURE.get(type_, ()):
        raise Refusal(
            "invalid_id_number_for_structure", "An entity of this structure has no id number of this type.", param=param
        )


def _check_value(number: Mapping[str, Any], rules: Mapping[str, _Rule], param: str, exempt: Exempt) -> None:
    value = "".join(character for character in number["value"].upper() if character.isalnum())
    if exempt("id_number", value):
        return
    rule = rules.get(number["type"])
    if not value.isascii() or not 1 <= len(value) <= _LONGEST or not (rule is None or rule(value)):
        raise Refusal("id_number_invalid", "The id number has not the form of its type.", param=param)

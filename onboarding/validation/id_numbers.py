"""Numbers in public registers, of persons and of businesses.

Form only: length, alphabet, prefix and check digit, where there is one. US numbers have no check digit. A type without
a rule of its own, here or in the registers' own publications, is taken as it comes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stdnum.ar import cuit
from stdnum.ar import dni as ar_dni
from stdnum.at import tin as at_tin
from stdnum.at import uid as at_uid
from stdnum.au import abn, acn
from stdnum.az import voen
from stdnum.be import nn as be_nn
from stdnum.be import vat as be_vat
from stdnum.bg import egn
from stdnum.bg import vat as bg_vat
from stdnum.br import cnpj, cpf
from stdnum.ca import bn as ca_bn
from stdnum.ca import sin
from stdnum.ch import ssn as ch_ssn
from stdnum.ch import uid as ch_uid
from stdnum.cl import rut
from stdnum.cr import cpf as cr_cpf
from stdnum.cr import cpj as cr_cpj
from stdnum.cr import cr as cr_dimex
from stdnum.cy import vat as cy_vat
from stdnum.cz import dic as cz_dic
from stdnum.cz import rc as cz_rc
from stdnum.de import idnr, stnr
from stdnum.de import vat as de_vat
from stdnum.dk import cpr, cvr
from stdnum.do import cedula, rnc
from stdnum.ec import ci as ec_ci
from stdnum.ee import ik, kmkr, registrikood
from stdnum.es import cif, dni, nie, nif
from stdnum.fi import alv, hetu, ytunnus
from stdnum.fr import nir, siren, tva
from stdnum.gb import vat as gb_vat
from stdnum.gr import vat as gr_vat
from stdnum.gt import nit as gt_nit
from stdnum.hr import oib
from stdnum.hu import anum
from stdnum.id import nik
from stdnum.ie import pps
from stdnum.ie import vat as ie_vat
from stdnum.is_ import kennitala
from stdnum.it import codicefiscale, iva
from stdnum.jp import cn as jp_cn
from stdnum.jp import in_ as jp_in
from stdnum.ke import pin as ke_pin
from stdnum.li import peid
from stdnum.lt import asmens, pvm
from stdnum.lu import tva as lu_tva
from stdnum.lv import pvn
from stdnum.mt import vat as mt_vat
from stdnum.mx import rfc
from stdnum.my import nric as my_nric
from stdnum.mz import nuit
from stdnum.nl import bsn, btw
from stdnum.no import fodselsnummer
from stdnum.no import orgnr as no_orgnr
from stdnum.nz import ird
from stdnum.pe import cui as pe_cui
from stdnum.pe import ruc
from stdnum.pk import cnic
from stdnum.pl import nip, pesel, regon
from stdnum.pt import nif as pt_nif
from stdnum.ro import cnp, cui
from stdnum.se import orgnr as se_orgnr
from stdnum.se import personnummer
from stdnum.se import vat as se_vat
from stdnum.sg import uen
from stdnum.si import ddv, maticna
from stdnum.sk import dph
from stdnum.th import moa
from stdnum.th import pin as th_pin
from stdnum.th import tin as th_tin
from stdnum.tr import tckimlik, vkn
from stdnum.us import ein, itin, ssn
from stdnum.za import idnr as za_idnr

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
_LENGTH_OF_CODICE_FISCALE = 16  # a business's has eleven digits


def _form(pattern: str) -> _Rule:
    """A rule for numbers without a check digit that anybody publishes."""
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _any_of(*rules: _Rule) -> _Rule:
    return lambda value: any(rule(value) for rule in rules)


# A Spanish NIF without a prefix of a company: of a citizen, a foreigner, or one of those who have neither number.
_is_spanish_person = _any_of(
    dni.is_valid, nie.is_valid, lambda value: value[:1] in frozenset("KLM") and nif.is_valid(value)
)


def _is_ico(value: str) -> bool:
    """Czech and Slovak register number: seven digits weighted 8 to 2, modulo 11."""
    if re.fullmatch(r"[0-9]{8}", value) is None:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(range(8, 1, -1), value[:7], strict=True))
    return int(value[7]) == (11 - total % 11) % 10


def _is_hetu(value: str) -> bool:
    """A Finnish personal code; the hyphen that stands for births before 2000 has gone with other separators."""
    return bool(hetu.is_valid(value) or hetu.is_valid(f"{value[:6]}-{value[6:]}"))


_PERSON_RULES: dict[str, _Rule] = {
    "ar_cuil": cuit.is_valid,
    "ar_dni": ar_dni.is_valid,
    "at_stn": at_tin.is_valid,
    "az_tin": voen.is_valid,
    "be_nrn": be_nn.is_valid,
    "bg_ucn": egn.is_valid,
    "br_cpf": cpf.is_valid,
    "ca_sin": sin.is_valid,
    "ch_oasi": ch_ssn.is_valid,
    "cl_rut": rut.is_valid,
    "cr_ci": cr_cpf.is_valid,
    "cr_cpf": cr_cpf.is_valid,
    "cr_dimex": cr_dimex.is_valid,
    "cz_rc": cz_rc.is_valid,
    "de_stn": _any_of(idnr.is_valid, stnr.is_valid),
    "dk_cpr": cpr.is_valid,
    "do_cie": cedula.is_valid,
    "do_rcn": _any_of(rnc.is_valid, cedula.is_valid),
    "ec_ci": ec_ci.is_valid,
    "ee_ik": ik.is_valid,
    "es_nif": _is_spanish_person,
    "fi_hetu": _is_hetu,
    "fr_nir": nir.is_valid,
    "gb_nino": _form(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]"),
    "gr_afm": gr_vat.is_valid,
    "gt_nit": gt_nit.is_valid,
    "hr_oib": oib.is_valid,
    "id_nik": nik.is_valid,
    "ie_ppsn": pps.is_valid,
    "is_kt": kennitala.is_valid,
    "it_cf": lambda value: len(value) == _LENGTH_OF_CODICE_FISCALE and codicefiscale.is_valid(value),
    "jp_inc": jp_in.is_valid,
    "ke_pin": ke_pin.is_valid,
    "li_peid": peid.is_valid,
    "lt_ak": asmens.is_valid,
    "lv_pk": pvn.is_valid,
    "mx_rfc": rfc.is_valid,
    "my_nric": my_nric.is_valid,
    "mz_nuit": nuit.is_valid,
    "nl_bsn": bsn.is_valid,
    "no_nin": fodselsnummer.is_valid,
    "nz_ird": ird.is_valid,
    "pe_dni": _any_of(pe_cui.is_valid, _form(r"[0-9]{8}")),
    "pk_cnic": cnic.is_valid,
    "pk_snic": cnic.is_valid,
    "pl_pesel": pesel.is_valid,
    "pt_nif": pt_nif.is_valid,
    "ro_cnp": cnp.is_valid,
    "se_pin": personnummer.is_valid,
    "th_pin": th_pin.is_valid,
    "tr_tin": _any_of(tckimlik.is_valid, vkn.is_valid),
    "us_itin": itin.is_valid,
    "us_itin_last_4": _form(r"[0-9]{4}"),
    "us_ssn": ssn.is_valid,
    # The Social Security Administration never issued the serial 0000.
    "us_ssn_last_4": _form(r"(?!0000)[0-9]{4}"),
    "za_id": za_idnr.is_valid,
}
_BUSINESS_RULES: dict[str, _Rule] = {
    "ar_cuit": cuit.is_valid,
    "at_fn": _form(r"(FN)?[0-9]{1,6}[A-Z]"),
    "at_stn": at_tin.is_valid,
    "at_vat": at_uid.is_valid,
    "au_abn": abn.is_valid,
    "au_acn": acn.is_valid,
    "az_tin": voen.is_valid,
    "be_cbe": be_vat.is_valid,
    "be_vat": be_vat.is_valid,
    "bg_uic": _form(r"[0-9]{9}([0-9]{4})?"),
    "bg_vat": bg_vat.is_valid,
    "br_cnpj": cnpj.is_valid,
    "ca_gst_hst": ca_bn.is_valid,
    "ch_chid": _form(r"CH[0-9]{11}"),
    "ch_uid": ch_uid.is_valid,
    "cr_cpj": cr_cpj.is_valid,
    "cy_he": _form(r"[A-Z]{0,2}[0-9]{1,6}"),
    "cy_vat": cy_vat.is_valid,
    "cz_ico": _is_ico,
    "cz_vat": cz_dic.is_valid,
    # Part and number of the register: HRA, HRB, GnR, PR, VR; some courts add letters.
    "de_hrn": _form(r"(HRA|HRB|GNR|GSR|PR|VR)?[0-9]{1,6}[A-Z]{0,3}"),
    "de_stn": stnr.is_valid,
    "de_vat": de_vat.is_valid,
    "dk_cvr": cvr.is_valid,
    "dk_vat": cvr.is_valid,
    "do_rcn": rnc.is_valid,
    "ee_rk": registrikood.is_valid,
    "ee_vat": kmkr.is_valid,
    "es_cif": cif.is_valid,
    "es_vat": nif.is_valid,
    "fi_vat": alv.is_valid,
    "fi_yt": ytunnus.is_valid,
    "fr_rna": _form(r"W[0-9][0-9A-Z][0-9]{7}"),
    "fr_siren": siren.is_valid,
    "fr_vat": tva.is_valid,
    "gb_crn": _form(r"[A-Z]{2}[0-9]{6}|[A-Z]{2}[0-9]{5}[A-Z]|[0-9]{7,8}"),
    "gb_vat": gb_vat.is_valid,
    "gr_afm": gr_vat.is_valid,
    "gr_gemi": _form(r"[0-9]{9,12}"),
    "gr_vat": gr_vat.is_valid,
    "gt_nit": gt_nit.is_valid,
    "hr_mbs": _form(r"[0-9]{8,9}"),
    "hr_oib": oib.is_valid,
    "hr_vat": oib.is_valid,
    "hu_cjs": _form(r"[0-9]{10}"),
    "hu_tin": _form(r"[0-9]{8}([0-9]{3})?"),
    "hu_vat": anum.is_valid,
    "ie_crn": _form(r"[0-9]{1,7}"),
    "ie_trn": _any_of(ie_vat.is_valid, pps.is_valid),
    "ie_vat": ie_vat.is_valid,
    # The chamber's province and its number.
    "it_rea": _form(r"([A-Z]{2})?[0-9]{1,7}"),
    "it_vat": iva.is_valid,
    "jp_cn": jp_cn.is_valid,
    "li_uid": ch_uid.is_valid,
    "lt_ccrn": _form(r"[0-9]{7}|[0-9]{9}"),
    "lt_vat": pvm.is_valid,
    "lu_rcs": _form(r"[A-Z][0-9]{1,6}"),
    "lu_vat": lu_tva.is_valid,
    "lv_urn": pvn.is_valid,
    "lv_vat": pvn.is_valid,
    "mt_crn": _form(r"[A-Z]{1,3}[0-9]{1,6}"),
    "mt_vat": mt_vat.is_valid,
    "mx_rfc": rfc.is_valid,
    "mz_nuit": nuit.is_valid,
    "nl_kvk": _form(r"[0-9]{8}"),
    "nl_rsin": bsn.is_valid,
    "nl_vat": btw.is_valid,
    "no_orgnr": no_orgnr.is_valid,
    "nz_ird": ird.is_valid,
    "pe_ruc": ruc.is_valid,
    "pl_nip": nip.is_valid,
    "pl_regon": regon.is_valid,
    "pl_vat": nip.is_valid,
    "pt_vat": pt_nif.is_valid,
    "ro_cui": cui.is_valid,
    "ro_orc": _form(r"[CFJ][0-9]{5,14}"),
    "ro_vat": cui.is_valid,
    "se_orgnr": se_orgnr.is_valid,
    "se_vat": se_vat.is_valid,
    "sg_uen": uen.is_valid,
    "si_msp": maticna.is_valid,
    "si_tin": ddv.is_valid,
    "si_vat": ddv.is_valid,
    "sk_ico": _is_ico,
    "sk_vat": dph.is_valid,
    "th_prn": moa.is_valid,
    "th_tin": th_tin.is_valid,
    "us_ein": ein.is_valid,
}
# Registers in which an entity of such a structure can't stand.
_NOT_REGISTERED = frozenset(
    {"sole_proprietorship", "unincorporated_association", "unincorporated_non_profit", "unincorporated_partnership"}
)
_NOT_FOR_STRUCTURE = {"de_hrn": _NOT_REGISTERED, "gb_crn": _NOT_REGISTERED, "ie_crn": _NOT_REGISTERED}
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

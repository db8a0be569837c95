"""ISO codes of the countries that sanctions lists name, by the names that they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onboarding.verifiers.lists.names import tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMES = """
AE united arab emirates|AF afghanistan|AL albania|AM armenia|AO angola|AR argentina|AT austria|AU australia|
AZ azerbaijan|BA bosnia and herzegovina|BD bangladesh|BE belgium|BF burkina faso|BG bulgaria|BH bahrain|BI burundi|
BJ benin|BO bolivia|BR brazil|BY belarus|BZ belize|CA canada|CD democratic republic of the congo|
CD congo democratic republic of the|CF central african republic|CG congo|CG congo republic of the|CH switzerland|
CI cote d ivoire|CL chile|CM cameroon|CN china|CO colombia|CR costa rica|CU cuba|CY cyprus|CZ czech republic|
DE germany|DK denmark|DO dominican republic|DZ algeria|EC ecuador|EE estonia|EG egypt|ER eritrea|ES spain|ET ethiopia|
FI finland|FR france|GB united kingdom|GB united kingdom of great britain and northern ireland|GE georgia|GH ghana|
GM the gambia|GN guinea|GQ equatorial guinea|GR greece|GT guatemala|GW guinea bissau|HK hong kong|HN honduras|
HR croatia|HT haiti|HU hungary|ID indonesia|IE ireland|IL israel|IN india|IQ iraq|IR iran|
IR iran islamic republic of|IT italy|JM jamaica|JO jordan|JP japan|KE kenya|KG kyrgyzstan|KH cambodia|
KN saint kitts and nevis|KP korea north|KP democratic peoples republic of korea|KR korea south|KR republic of korea|
KW kuwait|KZ kazakhstan|LA laos|LB lebanon|LK sri lanka|LR liberia|LT lithuania|LV latvia|LY libya|MA morocco|
MD moldova|ME montenegro|MK macedonia the former yugoslav republic of|MK north macedonia|ML mali|MM burma|MM myanmar|
MR mauritania|MT malta|MV maldives|MX mexico|MY malaysia|MZ mozambique|NE niger|NG nigeria|NI nicaragua|
NL netherlands|NO norway|NZ new zealand|OM oman|PA panama|PE peru|PH philippines|PK pakistan|PL poland|
PS palestinian|PS state of palestine|PT portugal|PY paraguay|QA qatar|RO romania|RS serbia|RU russia|
RU russian federation|RW rwanda|SA saudi arabia|SD sudan|SE sweden|SG singapore|SI slovenia|SK slovakia|
SL sierra leone|SN senegal|SO somalia|SS south sudan|SV el salvador|SY syria|SY syrian arab republic|TD chad|
TH thailand|TJ tajikistan|TM turkmenistan|TN tunisia|TR turkey|TR turkiye|TT trinidad and tobago|TW taiwan|
TZ tanzania|TZ united republic of tanzania|UA ukraine|UG uganda|US united states|US united states of america|
UY uruguay|UZ uzbekistan|VE venezuela|VN vietnam|VN viet nam|XK kosovo|YE yemen|ZA south africa|ZW zimbabwe
"""
_CODES = {tuple(name.split()): code for code, _, name in (item.strip().partition(" ") for item in _NAMES.split("|"))}


def compare(code: str, listed: Iterable[str]) -> str:
    """``same``, ``different``, or ``unknown`` where a side states none or none that we know."""
    known = {_CODES.get(tokens_of(name)) for name in listed} - {None}
    if not known or code.upper() not in _CODES.values():
        return "unknown"
    return "same" if code.upper() in known else "different"

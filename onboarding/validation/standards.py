"""Words of international standards that requests must use."""

from __future__ import annotations

from onboarding.validation.objects import words

COUNTRIES = words(
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO "
    "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE "
    "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO "
    "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW "
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM "
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT XK ZA ZM ZW"
)
"""ISO 3166-1 alpha-2, upper case, and XK, which ISO leaves to its users: all write Kosovo so."""

CURRENCIES = words(
    "aed afn all amd aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp byn bzd cad cdf chf "
    "clp cny cop crc cup cve czk djf dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd hnl "
    "htg huf idr ils inr iqd irr isk jmd jod jpy kes kgs khr kmf kpw krw kwd kyd kzt lak lbp lkr lrd lsl lyd mad "
    "mdl mga mkd mmk mnt mop mru mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg "
    "qar ron rsd rub rwf sar sbd scr sdg sek sgd shp sle sos srd ssp stn svc syp szl thb tjs tmt tnd top try ttd "
    "twd tzs uah ugx usd uyu uzs ves vnd vuv wst xaf xcd xcg xof xpf yer zar zmw zwg"
)
"""ISO 4217, lower case: what people pay with, so no metals, funds and codes for tests; ``bgn`` was one until 2025."""

LOCALES = words(
    "ar-SA bg bg-BG cs cs-CZ da da-DK de de-DE el el-GR en en-AU en-CA en-GB en-IE en-IN en-NZ en-SG en-US es "
    "es-419 es-ES et et-EE fi fil fil-PH fi-FI fr fr-CA fr-FR he-IL hr hr-HR hu hu-HU id id-ID it it-IT ja ja-JP ko "
    "ko-KR lt lt-LT lv lv-LV ms ms-MY mt mt-MT nb nb-NO nl nl-NL pl pl-PL pt pt-BR pt-PT ro ro-RO ru ru-RU sk sk-SK "
    "sl sl-SI sv sv-SE th th-TH tr tr-TR vi vi-VN zh zh-Hans zh-Hant-HK zh-Hant-TW zh-HK zh-TW"
)
"""Locales of the Accounts v2 contract."""

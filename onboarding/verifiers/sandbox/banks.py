"""Bank accounts of the sandbox's tokens: Stripe's test numbers (docs, "Testing Connect", bank numbers).

``btok_gb`` is also ``btok_gb_gbp``, by country and currency. Each may be used any number of times. The variants of
``btok_us_verified`` differ in what becomes of a debit, which is not made here. Iceland's number, for which Stripe has
none, is the example of the ISO 13616 registry. All check digits are right, so ordinary validation passes them.
"""

from __future__ import annotations

NAME = "STRIPE TEST BANK"

_LOCAL = {
    "CA": {"account_number": "000123456789", "currency": "cad", "routing_number": "11000-000"},
    "GB": {"account_number": "00012345", "currency": "gbp", "routing_number": "108800"},
    "US": {"account_number": "000123456789", "currency": "usd", "routing_number": "110000000"},
}
_IBANS = {
    "AT": ("AT611904300234573201", "eur"),
    "BE": ("BE62510007547061", "eur"),
    # In the euro since 1 January 2026.
    "BG": ("BG80BNBG96611020345678", "eur"),
    "CH": ("CH9300762011623852957", "chf"),
    "CY": ("CY17002001280000001200527600", "eur"),
    "CZ": ("CZ6508000000192000145399", "czk"),
    "DE": ("DE89370400440532013000", "eur"),
    "DK": ("DK5000400440116243", "dkk"),
    "EE": ("EE382200221020145685", "eur"),
    "ES": ("ES0700120345030000067890", "eur"),
    "FI": ("FI2112345600000785", "eur"),
    "FR": ("FR1420041010050500013M02606", "eur"),
    "GR": ("GR1601101250000000012300695", "eur"),
    "HR": ("HR7624020064583467589", "eur"),
    "HU": ("HU42117730161111101800000000", "huf"),
    "IE": ("IE29AIBK93115212345678", "eur"),
    "IS": ("IS140159260076545510730339", "isk"),
    "IT": ("IT40S0542811101000000123456", "eur"),
    "LI": ("LI21088100002324013AA", "chf"),
    "LT": ("LT121000011101001000", "eur"),
    "LU": ("LU280019400644750000", "eur"),
    "LV": ("LV80BANK0000435195001", "eur"),
    "MT": ("MT84MALT011000012345MTLCAST001S", "eur"),
    "NL": ("NL39RABO0300065264", "eur"),
    "NO": ("NO9386011117947", "nok"),
    "PL": ("PL61109010140000071219812874", "pln"),
    "PT": ("PT50000201231234567890154", "eur"),
    "RO": ("RO49AAAA1B31007593840000", "ron"),
    "SE": ("SE3550000000054910000003", "sek"),
    "SI": ("SI56191000000123438", "eur"),
    "SK": ("SK3112000000198742637541", "eur"),
}
_DEBITS = ("", "_noAccount", "_accountClosed", "_insufficientFunds", "_debitNotAuthorized", "_invalidCurrency")


def _bank_accounts() -> dict[str, dict[str, str]]:
    """Each country's test bank account."""
    found = {country: {**details, "country": country} for country, details in _LOCAL.items()}
    for country, (iban, currency) in _IBANS.items():
        found[country] = {"account_number": iban, "country": country, "currency": currency}
    return {country: {"bank_name": NAME, **details} for country, details in found.items()}


def _by_token() -> dict[str, dict[str, str]]:
    tokens: dict[str, dict[str, str]] = {}
    for country, details in _bank_accounts().items():
        token = f"btok_{country.lower()}"
        tokens |= {token: details, f"{token}_{details['currency']}": details}
    return tokens | {f"btok_us_verified{debit}": tokens["btok_us"] for debit in _DEBITS}


BANK_TOKENS = _by_token()
"""Bank accounts by token."""

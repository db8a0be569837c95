"""Synchronous validation: is the form of what a request says acceptable at all?

A format problem refuses the request (Accounts v2 contract, errors: HTTP 400 with a code, ``param`` names the exact
parameter). Whether something is *true* is not asked here: that is a check, and its failure is a requirement.

``exempt(kind, value)`` says which values pass although they have no valid form: the sandbox's test values. Kinds are
``account_number``, ``address_line1``, ``date_of_birth`` (ISO date), ``file``, ``id_number`` (letters and digits only),
``phone``, ``routing_number`` and ``url``. No message holds a value of the request.
"""

from onboarding.validation.accounts import NOT_AT_CREATION, validate_account
from onboarding.validation.bank_accounts import (
    DEFAULT_CURRENCIES,
    validate_bank_account,
    validate_bank_details,
    validate_vault_bank_account,
)
from onboarding.validation.capabilities import check_required_capabilities
from onboarding.validation.persons import validate_person
from onboarding.validation.responsibilities import requirements_collector

__all__ = [
    "DEFAULT_CURRENCIES",
    "NOT_AT_CREATION",
    "check_required_capabilities",
    "requirements_collector",
    "validate_account",
    "validate_bank_account",
    "validate_bank_details",
    "validate_person",
    "validate_vault_bank_account",
]

"""Canonical wire documents: what an account, a person and a bank account look like to a client.

Every nullable key is present as null at every level that exists (Accounts v2 contract, responses: the official SDK
raises ``AttributeError`` for an absent key). An object that holds nothing is null, so that unsetting the last of its
fields and never having set one look the same. Nothing write-only is ever in a document.
"""

from onboarding.documents.accounts import account_document, select
from onboarding.documents.bank_accounts import bank_account_document
from onboarding.documents.persons import person_document
from onboarding.domain.instants import rfc3339

__all__ = ["account_document", "bank_account_document", "person_document", "rfc3339", "select"]

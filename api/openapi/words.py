"""What properties mean, in Markdown, by name: the same wherever they occur, unless a component says it by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INTRODUCTION = """\
Takes a person or a business from the first API call to active capabilities, and keeps it verified.

Paths of Stripe keep Stripe's meaning, and any official Stripe SDK of Accounts v2 drives them: give its client this
server as base address (`base_addresses={"api": …, "files": …}`). What Stripe has no words for stands under
`/v2/verification/`, in the same style; with an SDK use `raw_request`.

- **Keys.** `Authorization: Bearer sk_test_…`, or HTTP Basic with the key as user name. A test key sees sandbox
  accounts, whose checks obey the published test values; a live key sees live ones.
- **Bodies** are JSON under `/v2/` and forms with brackets (`a[b]=c`) under `/v1/`. What is absent stays as it is; null
  (in a form the empty string) unsets. Unknown parameters are refused. Strings have at most 5000 characters and no NUL.
- **Answers** have every property always, null where there is nothing.
- **Lists** have `data`, `next_page_url` and `previous_page_url`, relative addresses to follow as they are.
- **Idempotency.** Under one `Idempotency-Key` a change is made once. A repeat within 30 days changes nothing and
  answers with the object as it is now; another request under the same key is refused.
- **Errors** are `{"error": {"code", "message"}}`, often with `type` and the dotted path `param`. What is wrong with the
  form of a request is refused at once. What a check finds out comes later, as an entry of `requirements`.
- **Every answer** has a `Request-Id`. `Stripe-Should-Retry` says whether to try again.
"""

TAGS: Mapping[str, str] = {
    "Accounts": "A person or a business, the roles it plays, and what it may do in them.",
    "Persons": "Who belongs to an account: representatives, owners, directors.",
    "Bank accounts": "Where an account's payouts go. Accounts v2 keeps them on v1.",
    "Vault": "Bank accounts that the account of `Stripe-Context` keeps, beside those of its payouts.",
    "Tokens": "Values that a user's own browser sends, with a publishable key, and a later request uses unseen.",
    "Files": "Documents and pictures, which accounts and persons name by their ids.",
    "Account links": "Links to the hosted pages, where a user supplies what is needed.",
    "Events": "What changed, in the order in which it could be seen.",
    "Event destinations": "Where events are sent, signed.",
    "Requirements for people": "What is needed, in words and languages that an end user understands.",
    "Explanation": "Why a capability stands as it does, and what happened to an account.",
    "Checks and reviews": "Questions to verifiers, and those that a person answers.",
    "Orders": "What people decide about an account, beside the rules.",
    "Activity": "What accounts turn over, as their platform reports it: rules can fall due at a volume.",
    "Imports": "A book of accounts from elsewhere, line by line.",
    "Policies": "Versions of the requirement catalogue, and their way to accounts.",
    "Test clocks": "Time that moves as you say, for sandbox accounts.",
    "Callbacks": "For vendors.",
    "Service": "For whoever runs this engine. No key is needed.",
}

PROPERTIES: Mapping[str, str] = {
    "account_holder_name": "Name of the person or business that owns the bank account.",
    "account_holder_type": "`individual` or `company`.",
    "accounts_per_second": "How many accounts are made in a second at most.",
    "account_number": "Write-only: answers show its last four characters.",
    "additional_addresses": "Further addresses. A list replaces the one that is there.",
    "additional_names": "Other names that the person has or had. A list replaces the one that is there.",
    "additional_terms_of_service": "Acceptances by a legal guardian.",
    "allow_restricting": "Roll out although more accounts would lose an active capability than is allowed.",
    "alternatives": "Other ways to settle entries: each of `options` settles `original_entries`.",
    "annual_revenue": "Revenue of a fiscal year.",
    "applied": "Whether the configuration is on. An update with `false` unrequests all its capabilities.",
    "applied_configurations": "The configurations that are on.",
    "as_of": "The account's own time at which this was so.",
    "attestations": "What was declared and accepted on behalf of the account.",
    "authorizer": "Whether the person authorised the account to be opened.",
    "awaiting_action_from": "Who has to act: the `user`, or this engine (`stripe`).",
    "business_details": "The business behind the account.",
    "business_url": "The address of the business's website.",
    "capabilities": 'What the account may do in this role, or asks for: `{"card_payments": {"requested": true}}`.',
    "closed": "Whether the account is closed, which is for good.",
    "configuration": "The roles the account plays. Each is null until it is applied.",
    "contact_email": "Where the account can be written to. Needed for merchants and recipients.",
    "contact_phone": "Where the account can be called, in E.164.",
    "country": "Country, ISO 3166-1 alpha-2.",
    "created": "When it was created.",
    "currency": "Currency, ISO 4217, in lower case.",
    "customer": "The account buys. Stored and returned; nothing is decided from it.",
    "dashboard": "Which dashboard the account holder has. It can't be changed once it is set.",
    "date_of_birth": "The day the person was born.",
    "defaults": "Settings of the account as a whole.",
    "description": "What it is about: the dotted path of a field, or a sentence.",
    "director": "Whether the person sits in the governing body.",
    "display_name": "What the account is called in lists. Never shown to customers.",
    "documents": "Documents by kind, with the ids of their files.",
    "doing_business_as": "The name customers know.",
    "dry_run": "Whether nothing is to be made, only seen what would come of it.",
    "effective_at": "The account's own time at which it happened; `created` is the database's.",
    "email": "E-mail address.",
    "ends_at": "When it ends by itself.",
    "entity_type": "`individual`, `company`, `non_profit` or `government_entity`.",
    "entries": "What is needed, one entry for each field.",
    "errors": "What is wrong with what was supplied; empty if nothing is.",
    "estimated_worker_count": "How many people work there.",
    "executive": "Whether the person manages the business day to day.",
    "fees_collector": "Who collects the fees. It can't be changed once it is set.",
    "fiscal_year_end": "The last day of the fiscal year.",
    "frozen_time": "Where the clock stands: from 1970 to 2100-01-01T00:00:00Z.",
    "full_name": "The whole name.",
    "future_requirements": "What an announced policy will ask.",
    "given_name": "Given names, as in official documents.",
    "id_numbers": "Numbers in public registers. A number replaces the one of its type; null removes all.",
    "identity": "Who the account is.",
    "include": "Sections that the answer carries; every other one is null, whatever it holds.",
    "individual": "The person, of an account whose `entity_type` is `individual`.",
    "ip": "The IP address from which it was done.",
    "legal_gender": "`female` or `male`.",
    "legal_guardian": "Whether the person is the legal guardian of a representative who is a minor.",
    "livemode": "Whether it is live, not of the sandbox.",
    "locales": "Languages of the account holder, as BCP 47, the preferred one first.",
    "losses_collector": "Who bears losses. It can't be changed once it is set.",
    "mcc": "Merchant category code, ISO 18245: what the business sells.",
    "merchant": "The account takes payments.",
    "metadata": "Your own keys and values, at most 50. A key that is set to null is removed.",
    "minimum_deadline": "The strictest of its deadlines.",
    "nationalities": "Countries of which the person is a citizen, ISO 3166-1 alpha-2.",
    "next_action": "What the end user has to do now, and where; null if nothing.",
    "next_page_url": "Address of the next page, relative to this server; null on the last one.",
    "object": "What kind of object it is.",
    "owner": "Whether the person owns a part of the business.",
    "packs": "Packs of rules by name, as YAML.",
    "percent_ownership": "How much of the business the person owns, in percent, as a decimal string.",
    "period": "`lifetime`, a year (`2026`) or a month (`2026-11`) of the UTC calendar.",
    "person": "The id of the person.",
    "persons_provided": "Declarations that all persons of a role were named.",
    "phone": "Telephone number, in E.164.",
    "political_exposure": "Whether the person holds or held a prominent public office: `existing` or `none`.",
    "previous_page_url": "Address of the page before, relative to this server; null on the first one.",
    "product_description": "What the business sells, in a sentence or two.",
    "profile": "How the business presents itself.",
    "recipient": "The account is paid out to.",
    "reference": "Whom or what it is about, if not the account.",
    "registered_name": "The business's name, as it is registered.",
    "registration_date": "When the business was registered.",
    "relationship": "What the person is to the account.",
    "representative": "Whether the person speaks for the account. There is one at most.",
    "requested": "Whether the capability is asked for.",
    "requested_reasons": "Why it is asked: to begin with, or because something could not be verified.",
    "requirements": "What is asked of the account, and by when.",
    "requirements_collector": "Who collects requirements, which follows from the others: `application` if it bears "
    "losses and the account holder has no dashboard.",
    "responsibilities": "Who collects fees, bears losses and collects requirements.",
    "restricts_capabilities": "The capabilities that are off without it, and when on.",
    "script_addresses": "The address in the Japanese scripts.",
    "script_names": "The name in the Japanese scripts.",
    "sepa_debit_payments": "Settings of SEPA direct debit.",
    "share": "Which part of the accounts, more than 0 and at most 1. All shares add up to 1.",
    "starts_at": "When it begins.",
    "statement_descriptor": "What payers read on their statements.",
    "structure": "The legal form, such as `private_corporation` or `sole_proprietorship`.",
    "summary": "The strictest of all.",
    "support": "Where the business's customers find help.",
    "surname": "Surname, as in official documents.",
    "terms_of_service": "Acceptances of terms.",
    "ticket": "A reference of your own.",
    "title": "What the person is called in the business, such as CEO.",
    "transition_at": "From when on accounts are decided by the policy.",
    "updated": "When it was last changed.",
    "user_agent": "The browser with which it was done.",
    "verifier": "Who answered.",
}


def worded(schema: Any) -> Any:
    """The schema with words about its properties; what has a description of its own keeps it."""
    if isinstance(schema, list):
        return [worded(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: worded(value) for key, value in schema.items()}
    properties = found.get("properties")
    if isinstance(properties, dict):
        found["properties"] = {name: _described(name, value) for name, value in properties.items()}
    return found


def _described(name: str, schema: Any) -> Any:
    if name not in PROPERTIES or not isinstance(schema, dict) or "description" in schema:
        return schema
    return {**schema, "description": PROPERTIES[name]}

"""Schemas of accounts and persons, built from the templates that render their documents.

A template says which keys there are, never of what type. That the request's model says, which takes the same values
under the same names; what can't be sent is in ``_ONLY_ANSWERED``. A key that neither knows is an error, so that no
field gets into a document without a description of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.openapi.requests import request_schemas, target
from api.openapi.schemas import (
    BOOLEAN,
    INSTANT,
    METADATA,
    TEXT,
    Schema,
    constant,
    counted,
    ident,
    listed,
    nullable,
    one_of,
    record,
    ref,
)
from api.schemas.accounts import AccountUpdate
from api.schemas.fields import ConfigurationName
from api.schemas.persons import PersonUpdate
from onboarding.documents.accounts import ACCOUNT
from onboarding.documents.configurations import CONFIGURATIONS
from onboarding.documents.persons import PERSON
from onboarding.documents.templates import (
    ACCEPTANCE,
    ADDRESS,
    AMOUNT,
    DATE_PARTS,
    FILES,
    FRONT_BACK,
    SIGNED_FILES,
    Each,
    Template,
)

_COMPONENTS = {
    id(ACCEPTANCE): ("Acceptance", "When, from where and with what somebody accepted or declared something."),
    id(ADDRESS): ("Address", "A postal address."),
    id(AMOUNT): ("Amount", "An amount of money in the currency's smallest unit."),
    id(DATE_PARTS): ("DateParts", "A date of the calendar in three numbers."),
    id(FILES): ("Files", "A document of any number of files, by their ids."),
    id(FRONT_BACK): ("FrontBack", "A document with a front and perhaps a back, by the ids of their files."),
    id(SIGNED_FILES): ("SignedFiles", "A document of files that a person signed."),
}
"""Objects that occur in many places, by the identity of their template."""

_ONLY_ANSWERED: Mapping[str, Schema] = {
    "configuration.customer.automatic_indirect_tax.location.country": TEXT,
    "configuration.customer.automatic_indirect_tax.location.state": TEXT,
    "configuration.customer.automatic_indirect_tax.location_source": TEXT,
    "configuration.merchant.bacs_debit_payments.service_user_number": TEXT,
}
"""What no request sends, by its path."""

_CONSTRAINTS = frozenset(
    {"maxLength", "minLength", "pattern", "maxItems", "minItems", "maximum", "minimum", "propertyNames"}
    | {"maxProperties", "default"}
)

STATUSES = ("active", "pending", "rejected", "restricted", "unsupported")
STATUS_CODES = (
    "determining_status",
    "rejected_fraud",
    "rejected_incomplete_verification",
    "rejected_listed",
    "rejected_other",
    "rejected_platform_fraud",
    "rejected_platform_other",
    "rejected_platform_terms_of_service",
    "rejected_terms_of_service",
    "requirements_past_due",
    "requirements_pending_verification",
    "restricted_other",
    "unsupported_business",
    "unsupported_country",
    "unsupported_entity_type",
)
DUE = one_of("currently_due", "eventually_due", "past_due")
ACCOUNT_ID = ident("acct_")
PERSON_ID = ident("person_")


class _Types:
    """Builds objects of answers from templates, with the types of the request's model."""

    def __init__(self, model: type[AccountUpdate | PersonUpdate]) -> None:
        self._root, self._requests = request_schemas(model)
        self.components: dict[str, Schema] = {}

    def object_of(self, template: Template, path: str, requested: Schema | None) -> Schema:
        """An object with exactly the template's keys."""
        properties = {}
        for name, part in template.items():
            below = f"{path}.{name}" if path else name
            properties[name] = self._property(part, below, self._asked(requested, name))
        return record(properties)

    def request_at(self, path: str) -> Schema | None:
        """What a request may say there."""
        found: Schema | None = self._requests[self._root]
        for name in path.split(".") if path else ():
            found = self._asked(found, name)
        return found

    def _asked(self, requested: Schema | None, name: str) -> Schema | None:
        """A property of a request's object."""
        if requested is None:
            return None
        component = target(requested)
        properties = (self._requests[component] if component else requested).get("properties", {})
        found: Schema | None = properties.get(name)
        return found

    def _property(self, part: Template | Each | None, path: str, requested: Schema | None) -> Schema:
        if isinstance(part, Each):
            items = listed(self.object_of(part.template, path, (requested or {}).get("items")))
            return items if part.empty else nullable(items)
        if part is not None:
            return nullable(self._component(part, path, requested))
        if path in _ONLY_ANSWERED:
            return nullable(_ONLY_ANSWERED[path])
        if requested is None:
            raise LookupError(f"{path} is answered and never asked: say in _ONLY_ANSWERED of what type it is")
        return nullable(_answered(requested))

    def _component(self, part: Template, path: str, requested: Schema | None) -> Schema:
        name, description = _COMPONENTS.get(id(part), (None, ""))
        built = self.object_of(part, path, requested)
        if name is None:
            return built
        self.components.setdefault(name, {**built, "description": description})
        return ref(name)


def account_schemas() -> dict[str, Schema]:
    """The components of accounts, persons and what is in them."""
    accounts, persons = _Types(AccountUpdate), _Types(PersonUpdate)
    person = _person(persons)
    account = _account(accounts)
    return {**persons.components, **accounts.components, **_requirements(), "Account": account, "Person": person}


def _account(types: _Types) -> Schema:
    section = types.object_of(ACCOUNT, "", types.request_at(""))["properties"]
    # Each of these is null unless it was asked for; within it null is what is not known.
    defaults = dict(section["defaults"]["properties"])
    defaults["responsibilities"] = record(
        {
            "fees_collector": nullable(
                one_of("application", "application_custom", "application_express", "stripe")
            ),
            "losses_collector": nullable(one_of("application", "stripe")),
            "requirements_collector": nullable(one_of("application", "stripe")),
        }
    )  # fmt: skip
    identity = {**section["identity"]["properties"], "individual": nullable(ref("Person"))}
    configurations = {
        name: nullable(_configuration(types, name, own, known)) for name, own, known in CONFIGURATIONS
    }  # fmt: skip
    return record(
        {
            "id": ACCOUNT_ID,
            "object": constant("v2.core.account"),
            "applied_configurations": listed(one_of(*ConfigurationName.__args__)),  # type: ignore[attr-defined]
            "closed": BOOLEAN,
            "configuration": nullable(record(configurations)),
            "contact_email": section["contact_email"],
            "contact_phone": section["contact_phone"],
            "created": INSTANT,
            "dashboard": section["dashboard"],
            "defaults": nullable(record(defaults)),
            "display_name": section["display_name"],
            "future_requirements": nullable(ref("FutureRequirements")),
            "identity": nullable(record(identity)),
            "livemode": BOOLEAN,
            "metadata": METADATA,
            "requirements": nullable(ref("Requirements")),
        },
        "A person or a business, with the roles it plays (`configuration`), what it may do in them (their "
        "`capabilities`) and what is asked for that (`requirements`). Sections that `include` does not name are null, "
        "whatever they hold.",
    )


def _configuration(types: _Types, name: str, own: Template, known: Template) -> Schema:
    path = f"configuration.{name}"
    settings = types.object_of(own, path, types.request_at(path))["properties"]
    return record({"applied": BOOLEAN, "capabilities": _capabilities(known), **settings})


def _capabilities(known: Template) -> Schema:
    """Capabilities of the contract by name; a platform's own policy may have others, also in groups."""
    properties = {
        name: nullable(_capabilities(part)) if isinstance(part, Mapping) else nullable(ref("Capability"))
        for name, part in known.items()
    }
    return record(properties, others={"anyOf": [ref("Capability"), counted(ref("Capability"))]})


def _person(types: _Types) -> Schema:
    return record(
        {
            "id": PERSON_ID,
            "object": constant("v2.core.account_person"),
            "account": ACCOUNT_ID,
            "created": INSTANT,
            "livemode": BOOLEAN,
            "metadata": METADATA,
            "updated": INSTANT,
            **types.object_of(PERSON, "", types.request_at(""))["properties"],
        },
        "Somebody who belongs to an account: its representative, an owner, a director, or the individual itself. "
        "Numbers of public registers are write-only: only their types are shown.",
    )


def _answered(requested: Schema) -> Schema:
    """A request's value as an answer shows it: limits on what may be sent say nothing about it."""
    if requested.get("type") == ["string", "number", "null"]:
        return nullable(TEXT)  # a decimal number is always answered as a string
    found: dict[str, Any] = {key: value for key, value in requested.items() if key not in _CONSTRAINTS}
    for patterned in found.pop("patternProperties", {}).values():
        found["additionalProperties"] = patterned  # a map by currency
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = {name: value for name, value in found[key].items() if name not in _CONSTRAINTS}
    return found


def _requirements() -> dict[str, Schema]:
    error = record({"code": TEXT, "description": TEXT}, "What is wrong with what was supplied.")
    reference = nullable(ref("Reference"))
    awaits = one_of("stripe", "user")
    option = record(
        {"awaiting_action_from": awaits, "description": TEXT, "errors": listed(ref("RequirementError")),
         "reference": reference}
    )  # fmt: skip
    parts = {
        "alternatives": listed(
            record(
                {
                    "options": listed(record({"entries": listed(option)})),
                    "original_entries": listed(record({"description": TEXT, "reference": reference})),
                }
            )
        ),
        "entries": listed(ref("RequirementEntry")),
        "summary": record(
            {"minimum_deadline": nullable(record({"status": DUE, "time": nullable(INSTANT)}))},
        ),
    }
    return {
        "Capability": record(
            {
                "status": one_of(*STATUSES),
                "status_details": listed(ref("StatusDetail")),
            },
            "Whether the account may do something, and if not why, and who can change that. `status_details` is "
            "empty where it is active.",
        ),
        "FutureRequirements": record(
            {**parts, "minimum_transition_date": nullable(INSTANT)},
            "What an announced policy will ask from `minimum_transition_date` on; it restricts nothing before.",
        ),
        "Reference": record(
            {
                "type": one_of("inquiry", "payment_method", "person"),
                "resource": nullable(TEXT),
                "inquiry": nullable(TEXT),
            },
            "Whom or what an entry is about. Of a person the entry's description is a path within that person.",
        ),
        "RequirementEntry": record(
            {
                "id": ident("reqent_"),
                "awaiting_action_from": awaits,
                "description": TEXT,
                "errors": listed(ref("RequirementError")),
                "impact": record(
                    {
                        "restricts_capabilities": listed(
                            record(
                                {
                                    "capability": TEXT,
                                    "configuration": one_of(*ConfigurationName.__args__),  # type: ignore[attr-defined]
                                    "deadline": record({"status": DUE}),
                                }
                            )
                        )
                    }
                ),
                "minimum_deadline": record({"status": DUE}),
                "reference": reference,
                "requested_reasons": listed(record({"code": one_of("routine_onboarding", "routine_verification")})),
            },
            "One thing that is needed: where it goes (`description`), who has to act, and which capabilities it "
            "restricts from when on. `stripe` is this engine: something is being checked.",
        ),
        "RequirementError": error,
        "Requirements": record(parts, "All that is asked of the account, and by when."),
        "StatusDetail": record(
            {
                "code": one_of(*STATUS_CODES),
                "resolution": one_of("contact_stripe", "no_resolution", "provide_info"),
            },
            "Why a capability is not active, and who can change that. `contact_stripe` means whoever runs this engine.",
        ),
    }

"""What people may order: the closed lists of reasons by kind, and how far an order may reach.

Pure codes: workflows read them too, to refuse a wrong payload before anything of it is kept.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from onboarding.domain.instants import whole_milliseconds
from onboarding.domain.state import OrderKind

TOPICS = (
    "address_verification",
    "bank_account_verification",
    "business_model_verification",
    "credit_review",
    "customer_service_contact",
    "domain_verification",
    "fulfillment_policy",
    "identity_verification",
    "intellectual_property_usage",
    "legal_hold",
    "other_business_inquiry",
    "other_compliance_inquiry",
    "other_supportability_inquiry",
    "pep_review",
    "platform_concern",
    "product_description",
    "rejection_appeal",
    "reserve_appeal",
    "restricted_or_prohibited_industry_diligence",
    "sanctions_review",
    "statement_descriptor",
    "supportability_rejection_appeal",
    "url_inquiry",
)
"""What a hold may be about: the topics of the wire's inquiries."""

PLATFORM_REJECTIONS = ("platform_fraud", "platform_other", "platform_terms_of_service")
REJECTIONS = ("fraud", "incomplete_verification", "listed", "other", "terms_of_service", *PLATFORM_REJECTIONS)
"""Why an account may be rejected: the wire's status codes without ``rejected_``."""

RECHECKS = ("data_doubted", "list_changed", "periodic_review", "regulator_request", "verifier_incident", "other")
"""Why verifiers are asked again."""

EXTENSIONS = ("authority_delay", "documents_on_their_way", "service_outage", "user_unable", "other")
"""Why a deadline is moved."""

OVERRIDES = ("service_outage", "verified_elsewhere", "wrongly_restricted", "other")
"""Why a capability may be on though demands are open."""

RISK_CLASSES = ("adverse_media", "new_ownership", "politically_exposed", "risk_reassessed", "unusual_activity", "other")
"""Why a person sets the risk class of an account."""

REASONS = {
    OrderKind.HOLD: TOPICS,
    OrderKind.REJECT: REJECTIONS,
    OrderKind.RECHECK: RECHECKS,
    OrderKind.EXTEND_DEADLINE: EXTENSIONS,
    OrderKind.OVERRIDE_CAPABILITY: OVERRIDES,
    OrderKind.SET_RISK_CLASS: RISK_CLASSES,
}
"""Every reason of a kind. A platform's key may give fewer: see ``onboarding.door.orders``."""

OVERRIDE_AT_MOST = timedelta(days=90)
"""An override ends by itself, so far ahead at most: whoever still wants it then has to say so again."""

EXTENSION_AT_MOST = timedelta(days=365)
"""So far ahead a deadline may be moved at most: whoever wants more wants other rules."""

_ENDS_FROM, _ENDS_BEFORE = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
# Temporal counts nanoseconds, which end in 2262; the calendar ends in 9999, in every zone at another instant.

END_BOUNDS = "Must be in the years 1970 to 2199, in UTC."
"""What is said of an end for which :func:`stored_end` has nothing."""


def stored_end(named: datetime) -> datetime | None:
    """The end of an order as it is stored: in UTC, in whole milliseconds; None for one that no order can have.

    Args:
        named: an aware time, in whatever zone.
    """
    if not _ENDS_FROM <= named < _ENDS_BEFORE:
        return None
    return whole_milliseconds(named.astimezone(UTC))

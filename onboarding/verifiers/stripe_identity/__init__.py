"""Stripe Identity: the end user shows a document, and a face; what it says is compared with what was keyed in."""

from onboarding.verifiers.stripe_identity.adapter import StripeIdentity

__all__ = ["StripeIdentity"]

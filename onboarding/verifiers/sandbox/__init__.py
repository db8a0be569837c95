"""The sandbox: answers test accounts by Stripe's published test values. The only place that knows them."""

from onboarding.verifiers.sandbox.banks import BANK_TOKENS
from onboarding.verifiers.sandbox.values import asks_for_what_is_announced, is_test_value
from onboarding.verifiers.sandbox.verifier import SandboxVerifier

__all__ = ["BANK_TOKENS", "SandboxVerifier", "asks_for_what_is_announced", "is_test_value"]

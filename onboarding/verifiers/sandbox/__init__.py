"""The sandbox: answers test accounts by Stripe's published test values. The only place that knows them."""

from onboarding.verifiers.sandbox.banks import BANK_TOKENS
from onboarding.verifiers.sandbox.values import is_test_value
from onboarding.verifiers.sandbox.verifier import SandboxVerifier

__all__ = ["BANK_TOKENS", "SandboxVerifier", "is_test_value"]

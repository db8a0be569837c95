"""Policies from their packs to the accounts: published, compared, tried on the book, rolled out, taken back."""

from onboarding.policies.book import PolicyBook, Published
from onboarding.policies.rollouts import Rollouts
from onboarding.policies.steps import Pace, RolloutSteps, Step

__all__ = ["Pace", "PolicyBook", "Published", "RolloutSteps", "Rollouts", "Step"]

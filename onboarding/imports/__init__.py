"""Imports: a platform's book of accounts from elsewhere, received in parts, checked, and made through the door."""

from onboarding.imports.imports import LONGEST, MOST_AT_ONCE, MOST_LINES, Imports, Line
from onboarding.imports.steps import ImportSteps, Pace, Step

__all__ = ["LONGEST", "MOST_AT_ONCE", "MOST_LINES", "ImportSteps", "Imports", "Line", "Pace", "Step"]

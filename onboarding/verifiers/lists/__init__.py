"""Screening of persons against sanctions lists and house lists that lie on disk."""

from onboarding.verifiers.lists.files import Format, LoadedList, Source, sources_in
from onboarding.verifiers.lists.matcher import MATCHER_VERSION
from onboarding.verifiers.lists.refusal import ListRefused
from onboarding.verifiers.lists.verifier import ListVerifier, bundled_lists

__all__ = [
    "MATCHER_VERSION",
    "Format",
    "ListRefused",
    "ListVerifier",
    "LoadedList",
    "Source",
    "bundled_lists",
    "sources_in",
]

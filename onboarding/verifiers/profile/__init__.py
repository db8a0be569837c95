"""Reviews of what a business says of itself, by rules and a list: names, descriptors, description, website."""

from onboarding.verifiers.profile.denylist import Denylist, bundled_denylist, read_denylist
from onboarding.verifiers.profile.verifier import ProfileVerifier

__all__ = ["Denylist", "ProfileVerifier", "bundled_denylist", "read_denylist"]

"""Files that platforms upload: what is accepted, how they are sealed, and who may use them."""

from onboarding.files.files import Files
from onboarding.files.upload import Upload

__all__ = ["Files", "Upload"]

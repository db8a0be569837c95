"""Files that a request names: each must be there for the account, and of the purpose that its place wants.

Which files there are is known to the caller; only what a place wants is known here (Stripe, the SDK's parameters of
Accounts v2): ``front_back`` wants ``identity_document``, ``files`` want ``account_requirement``, and branding its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.validation.objects import Exempt, object_at

_FRONT_BACK = "identity_document"
_FILES = "account_requirement"
_BRANDING = {"icon": "business_icon", "logo": "business_logo"}


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file that a request names: where, and which purpose that place wants."""

    file: str
    param: str
    purpose: str


def account_files(patch: Mapping[str, Any], exempt: Exempt) -> list[FileReference]:
    """The files that parameters of an account name, ``identity.individual`` included; not those that are exempt."""
    found: list[FileReference] = []
    branding = object_at(patch, "configuration", "merchant", "branding")
    for name, purpose in _BRANDING.items():
        if branding.get(name) is not None:
            found.append(FileReference(branding[name], f"configuration.merchant.branding.{name}", purpose))
    for owner in ("business_details", "individual"):
        documents = object_at(patch, "identity", owner, "documents")
        found += _documents(documents, f"identity.{owner}.documents")
    return _not_exempt(found, exempt)


def person_files(patch: Mapping[str, Any], exempt: Exempt) -> list[FileReference]:
    """The files that parameters of a person name; not those that are exempt."""
    return _not_exempt(list(_documents(object_at(patch, "documents"), "documents")), exempt)


def check_files(named: list[FileReference], usable: Mapping[str, str]) -> None:
    """Refuse files that can't be used where they are named.

    Args:
        named: by the request.
        usable: purpose of every file that the account may use, of those that are named.

    Raises:
        Refusal: ``document_invalid``: there is no such file for this account; ``document_purpose_invalid``.
    """
    for reference in named:
        purpose = usable.get(reference.file)
        if purpose is None:
            message = "There is no such file of this account or its platform."
            raise Refusal("document_invalid", message, param=reference.param)
        if purpose != reference.purpose:
            message = f"The file must have been uploaded with the purpose {reference.purpose}."
            raise Refusal("document_purpose_invalid", message, param=reference.param)


def _documents(documents: Mapping[str, Any], path: str) -> Iterator[FileReference]:
    for kind, document in documents.items():
        if document is None:
            continue
        for index, file in enumerate(document.get("files") or ()):
            yield FileReference(file, f"{path}.{kind}.files[{index}]", _FILES)
        for side, file in object_at(document, "front_back").items():
            if file is not None:
                yield FileReference(file, f"{path}.{kind}.front_back.{side}", _FRONT_BACK)


def _not_exempt(found: list[FileReference], exempt: Exempt) -> list[FileReference]:
    return [reference for reference in found if not exempt("file", reference.file)]

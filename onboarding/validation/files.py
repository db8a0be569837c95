"""Ids of files and the documents that are made of them. Whose file it is, and what it is for, is checked elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from onboarding.domain.errors import Refusal
from onboarding.validation.objects import Exempt, object_at

_FILE_ID = re.compile(r"file_[A-Za-z0-9_]{1,250}")
_PERSON_ID = re.compile(r"person_[A-Za-z0-9_]{1,250}")


def check_file(file: str | None, param: str, exempt: Exempt) -> None:
    """Refuse what can't be the id of a file.

    Raises:
        Refusal: ``document_invalid``.
    """
    if file is not None and _FILE_ID.fullmatch(file) is None and not exempt("file", file):
        raise Refusal("document_invalid", "There can be no file with this id.", param=param)


def check_documents(patch: Mapping[str, Any] | None, after: Mapping[str, Any], param: str, exempt: Exempt) -> None:
    """Check the documents that a request touches.

    Args:
        patch: what the request says, by kind of document.
        after: all documents with the patch merged into them.
        param: path of the documents.
        exempt: see the package.

    Raises:
        Refusal: ``document_invalid``: an id that is none, a document without files or without its front.
    """
    for kind, document in (patch or {}).items():
        if document is not None:
            _check_document(document, object_at(after, kind), f"{param}.{kind}", exempt)


def _check_document(patch: Mapping[str, Any], after: Mapping[str, Any], param: str, exempt: Exempt) -> None:
    files = patch.get("files")
    if files is not None and not files:
        raise Refusal("document_invalid", "A document needs at least one file.", param=f"{param}.files")
    for index, file in enumerate(files or ()):
        check_file(file, f"{param}.files[{index}]", exempt)
    signer = object_at(patch, "signer").get("person")
    if signer is not None and _PERSON_ID.fullmatch(signer) is None:
        raise Refusal("document_invalid", "There can be no person with this id.", param=f"{param}.signer.person")
    if "front_back" in patch:
        for side in ("front", "back"):
            check_file(object_at(patch, "front_back").get(side), f"{param}.front_back.{side}", exempt)
        if object_at(after, "front_back").get("front") is None:
            raise Refusal("document_invalid", "A document needs its front.", param=f"{param}.front_back.front")

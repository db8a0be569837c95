"""Documents as a verifier reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from onboarding.domain.errors import Refusal
from onboarding.files.files import FileDamaged
from onboarding.objects import StoreUnavailable
from onboarding.verifiers.port import VerifierUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from onboarding.files.files import Files

# A document is a leaf of JSON, so an id stands between quotes; a picture's is the whole leaf (``onboarding/shape.py``).
_NAMED = re.compile(r'(?:^|")(file_[A-Za-z0-9_]{1,250})(?="|$)')


class NamedDocuments:
    """The files that the inputs of one question name, for as long as the account may use them."""

    def __init__(self, files: Files, account_id: str, inputs: Mapping[str, str]) -> None:
        self._files = files
        self._account_id = account_id
        self._named = frozenset(file for value in inputs.values() for file in _NAMED.findall(value))

    async def read(self, file: str) -> AsyncIterator[bytes]:
        """See ``onboarding.verifiers.port.Documents``."""
        if file not in self._named:
            raise VerifierUnavailable("file_missing")
        try:
            contents = await self._files.contents_for(self._account_id, file)
            async for part in contents.parts:
                yield part
        except Refusal:
            raise VerifierUnavailable("file_missing") from None
        except FileDamaged:
            raise VerifierUnavailable("file_damaged") from None
        except StoreUnavailable:
            raise VerifierUnavailable("files_unavailable") from None

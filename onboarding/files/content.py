"""What a file is, told from its first bytes while it is still on its way. Names and announced types count for nothing.

Only headers are read: no pixel is ever decoded, so a small file that unfolds to an enormous image costs nothing.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import PngImagePlugin
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from onboarding.domain.errors import Refusal
from onboarding.files.purposes import MIME_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.ImageFile import ImageFile

MAX_SIDE = 8000
"""Pixels (Accounts v2 contract, §4)."""

HEAD_BYTES = 1 << 20
"""A header ends within so much: some cameras put a second picture in front of the first one's size."""

# Compressed texts in front of an image's data are unfolded with its header; there is no use for more than this.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 256 * 1024

_PDF = b"%PDF-"
_IMAGES: tuple[tuple[bytes, str, type[ImageFile]], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png", PngImageFile),
    (b"\xff\xd8\xff", "jpg", JpegImageFile),
    (b"GIF87a", "gif", GifImageFile),
    (b"GIF89a", "gif", GifImageFile),
)


class Inspection:
    """Looks at a file's head until it knows what the file is.

    Attributes:
        type: ``jpg``, ``png``, ``gif`` or ``pdf``; None until it is known.
    """

    def __init__(self) -> None:
        self.type: str | None = None
        self._head = bytearray()

    def look(self, part: bytes | bytearray | memoryview, *, last: bool) -> None:
        """Take in the next part.

        Raises:
            Refusal: it is of no type that is accepted for anything, has too many pixels, or no readable header.
        """
        if self.type is not None:
            return
        self._head += part
        if self._head.startswith(_PDF):
            self._found("pdf")
            return
        for magic, kind, reader in _IMAGES:
            if self._head.startswith(magic):
                self._look_at_image(kind, reader, last=last or len(self._head) >= HEAD_BYTES)
                return
        raise unsupported(tuple(MIME_TYPES))

    def _look_at_image(self, kind: str, reader: type[ImageFile], *, last: bool) -> None:
        try:
            width, height = reader(BytesIO(self._head)).size
        except Exception:  # noqa: BLE001 -- a reader fails in many ways over a strange file, or one not wholly here yet
            if last:
                raise Refusal(
                    "parameter_invalid", "The image can't be read.", param="file", type="invalid_request_error"
                ) from None
            return
        if not 0 < width <= MAX_SIDE or not 0 < height <= MAX_SIDE:
            raise Refusal(
                "parameter_invalid",
                f"An image must be at most {MAX_SIDE} pixels wide and {MAX_SIDE} pixels high.",
                param="file",
                type="invalid_request_error",
            )
        self._found(kind)

    def _found(self, kind: str) -> None:
        self.type = kind
        self._head.clear()


def unsupported(types: Sequence[str]) -> Refusal:
    """The refusal of a file that is none of these types."""
    accepted = ", ".join(MIME_TYPES[kind] for kind in types)
    return Refusal(
        "parameter_invalid",
        f"Files of this type are not accepted here. The content must be one of: {accepted}.",
        param="file",
        type="invalid_request_error",
    )

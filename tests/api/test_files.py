"""Uploading, describing, listing and downloading files, with the official SDK."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from tests.support.pictures import filled, image, pdf
from tests.support.samples import BARE
from tests.support.serving import Platform


def test_file_goes_up_and_comes_down(platform: Platform, tmp_path: Path) -> None:
    sdk = platform.sdk()
    path = tmp_path / "passport of Zelmira.png"
    path.write_bytes(image())

    with path.open("rb") as file:
        made = sdk.v1.files.create({"purpose": "identity_document", "file": file})

    assert made.id.startswith("file_")
    assert (made.object, made.purpose, made.type) == ("file", "identity_document", "png")
    assert (made.size, made.filename) == (len(image()), "passport of Zelmira.png")
    assert (made.title, made.expires_at, made.links.data) == (None, None, [])
    assert sdk.v1.files.retrieve(made.id).to_dict() == made.to_dict()
    answer = platform.request("GET", made.url.removeprefix(platform.server.url))
    assert (answer.status_code, answer.content) == (200, image())
    assert answer.headers["content-type"] == "image/png"


@pytest.mark.parametrize("size", [1, 262_143, 262_144, 262_145, 524_288, 1_000_000, 10_000_000])
def test_content_is_the_same_byte_for_byte(platform: Platform, size: int) -> None:
    content = filled(max(size, 200)) if size > 1 else pdf()

    made = platform.sdk().v1.files.create({"purpose": "account_requirement", "file": BytesIO(content)})

    answer = platform.request("GET", f"/v1/files/{made.id}/contents")
    assert (made.size, answer.content == content) == (len(content), True)


def test_account(platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(BARE)
    made = platform.sdk().v1.files.create(
        {"purpose": "account_requirement", "file": BytesIO(pdf())}, {"stripe_account": account.id}
    )
    assert made.filename == "blob"

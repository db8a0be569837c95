"""Uploads that are refused: each with a clear answer, and nothing is kept of any."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.support.pictures import filled, image, pdf
from tests.support.serving import Platform

BOUNDARY = "a-line-between"
HUGE = 10_000_001


def part(name: str, content: bytes, file_name: str | None = None, more: str = "") -> bytes:
    named = f'; filename="{file_name}"' if file_name is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n{more}\r\n'
    return head.encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


PURPOSE = part("purpose", b"account_requirement")
FILE = part("file", pdf(), "a.pdf")


def send(platform: Platform, body: Any, content_type: str = f"multipart/form-data; boundary={BOUNDARY}") -> Any:
    return platform.request("POST", "/v1/files", content=body, headers={"Content-Type": content_type})


def png(width: int, height: int) -> bytes:
    """A small file that says it has so many pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    body = b"IDAT" + zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def unfolding_png() -> bytes:
    """Texts in front of the image that unfold to 400 MB."""
    whole = image()
    text = b"zTXtA\x00\x00" + zlib.compress(bytes(4_000_000))
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return whole[:33] + 100 * chunk + whole[33:]


@pytest.fixture(autouse=True)
def nothing_is_kept(platform: Platform, files_folder: Path) -> Iterator[None]:
    rows, files = platform.server.count_rows(), sorted(files_folder.rglob("*/*/*"))
    yield
    assert (platform.server.count_rows(), sorted(files_folder.rglob("*/*/*"))) == (rows, files)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (form(PURPOSE), "file"),
        (form(FILE), "purpose"),
        (form(PURPOSE, part("file", b"not a file")), "file"),
        (form(PURPOSE, FILE, FILE), "file"),
        (form(PURPOSE, PURPOSE, FILE), "purpose"),
        (form(PURPOSE, FILE, part("photo", pdf(), "b.pdf")), "photo"),
        (form(PURPOSE, FILE, part("owner", b"me")), "owner"),
        (form(part("purpose", b"holiday"), FILE), "purpose"),
        (form(part("purpose", b"selfie"), FILE), "purpose"),
        (form(part("purpose", b"terminal_android_apk"), FILE), "purpose"),
        (form(part("purpose", b"\xff\xfe"), FILE), "purpose"),
        (form(PURPOSE, FILE, part("file_link_data[create]", b"true")), "file_link_data[create]"),
        (form(PURPOSE, FILE, part("file_link_data[expires_at]", b"1")), "file_link_data[create]"),
        (form(PURPOSE, FILE, part("a[b", b"1")), "a"),
        (form(PURPOSE, part("file", b"", "a.pdf")), "file"),
        (form(FILE, *[part(f"field{number}", b"1") for number in range(200)]), None),
        (form(PURPOSE, part("x", bytes(70_000)), FILE), None),
        (form(part("x" * 5000, b"1"), FILE), None),
        (form(part("purpose", b"account_requirement", more="X-Padding: " + "x" * 9000 + "\r\n"), FILE), None),
        (form(part("purpose", b"account_requirement", more=20 * "X-More: 1\r\n"), FILE), None),
        (form(PURPOSE, FILE)[:-4], None),
        (form(PURPOSE, FILE)[:300], None),
        (form(PURPOSE, part("file", filled(900_000), "a.png"))[:-100], None),
        (form(PURPOSE, FILE).replace(b"form-data", b"attachment"), None),
        (form(PURPOSE, FILE).replace(b'name="file"', b""), None),
        (b"--another\r\n" + form(PURPOSE, FILE), None),
        (b"", None),
        (b"purpose=account_requirement", None),
    ],
)
def test_form_is_checked(platform: Platform, body: bytes, param: str | None) -> None:
    answer = send(platform, body)

    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error.get("param")) == (400, "invalid_request_error", param), error


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'b' * 400}",
        f"multipart/mixed; boundary={BOUNDARY}",
        "application/x-www-form-urlencoded",
        "application/json",
        "",
    ],
)
def test_content_type_is_checked(platform: Platform, content_type: str) -> None:
    answer = send(platform, form(PURPOSE, FILE), content_type)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "parameter_invalid")


@pytest.mark.parametrize(
    ("purpose", "content"),
    [
        ("identity_document", image("GIF")),
        ("business_icon", pdf()),
        ("pci_document", image()),
        ("identity_document", b"<svg xmlns='http://www.w3.org/2000/svg'></svg>"),
        ("identity_document", b"<html>%PDF-1.4"),
        ("identity_document", b"PK\x03\x04" + bytes(400_000)),
        ("identity_document", b"MZ"),
        ("identity_document", b"%PD"),
        ("identity_document", b"\x89PNG\r\n\x1a\n" + bytes(400_000)),
        ("identity_document", image()[:20]),
        ("identity_document", b"\xff\xd8\xff" + bytes(2_000_000)),
        ("identity_document", image("JPEG")[:20]),
        ("business_icon", b"GIF89a"),
        ("identity_document", png(8001, 1)),
        ("identity_document", png(1, 8001)),
        ("identity_document", png(2**31 - 1, 2**31 - 1)),
        ("identity_document", png(0, 0)),
        ("identity_document", unfolding_png()),
        ("business_icon", b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + image("GIF")[13:]),
    ],
)
def test_content_is_checked(platform: Platform, purpose: str, content: bytes) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        platform.sdk().v1.files.create({"purpose": purpose, "file": BytesIO(content)})

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, "parameter_invalid", "file")


@pytest.mark.parametrize(
    ("purpose", "size"),
    [("account_requirement", HUGE), ("account_requirement", 12_000_000), ("business_logo", 512_001)],
)
def test_a_file_has_a_largest_size(platform: Platform, purpose: str, size: int) -> None:
    with pytest.raises(stripe.APIError) as refused:
        platform.sdk().v1.files.create({"purpose": purpose, "file": BytesIO(filled(size))})

    assert refused.value.http_status == 413
    assert refused.value.error is not None
    assert (refused.value.error.code, refused.value.error.type) == ("request_too_large", "invalid_request_error")


def test_a_body_that_does_not_say_its_length_is_counted(platform: Platform) -> None:
    def pieces() -> Iterator[bytes]:
        yield PURPOSE + part("file", filled(100_000), "a.png")[:-2]
        for _ in range(200):
            yield bytes(100_000)

    answer = send(platform, pieces())

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_nobody_uploads_without_a_key(platform: Platform) -> None:
    answer = platform.server.http.post("/v1/files", files={"file": ("a.pdf", pdf())}, data={"purpose": "x"})

    assert answer.status_code == 401


def test_query_is_none(platform: Platform) -> None:
    answer = platform.request("POST", "/v1/files?purpose=account_requirement", content=form(FILE))

    assert answer.json()["error"]["code"] == "parameter_unknown"

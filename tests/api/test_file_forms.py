"""Forms as other clients write them, and names and contents that try to be something else."""

from __future__ import annotations

import pytest

from tests.api.test_file_refusals import FILE, PURPOSE, form, part, send
from tests.support.pictures import image, pdf
from tests.support.serving import Platform


@pytest.mark.parametrize(
    "body",
    [
        form(PURPOSE, FILE),
        form(FILE, PURPOSE),
        form(FILE, part("expand[0]", b"links"), PURPOSE),
        form(FILE, part("file_link_data[create]", b"false"), PURPOSE),
        form(PURPOSE, FILE) + b"an epilogue that nobody reads",
    ],
)
def test_parts_come_in_any_order(platform: Platform, body: bytes) -> None:
    made = send(platform, body)

    assert (made.status_code, made.json().get("size")) == (200, len(pdf()))
    contents = platform.request("GET", f"/v1/files/{made.json()['id']}/contents")
    assert contents.content == pdf()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("/home/zelmira/passport.png", "passport.png"),
        (r"C:\\Users\\zelmira\\passport.png", "passport.png"),
        ("pass\x00port.png", "passport.png"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        ("a\tb\x1b[31m.png", "ab[31m.png"),
        ("Zoe\u0308.png", "Zo\u00eb.png"),
        ("%22quoted%22.png", "%22quoted%22.png"),
        ("..", None),
        ("", None),
        ("/", None),
        ("x" * 400 + ".png", "x" * 251 + ".png"),
    ],
)
def test_names_are_made_harmless(platform: Platform, sent: str, shown: str | None) -> None:
    answer = send(platform, form(PURPOSE, part("file", pdf(), sent)))

    assert (answer.status_code, answer.json().get("filename")) == (200, shown)
    down = platform.request("GET", f"/v1/files/{answer.json()['id']}/contents")
    assert (down.status_code, down.headers["content-disposition"].isascii()) == (200, True)


@pytest.mark.parametrize(
    ("content", "kind", "mime"),
    [
        (image("GIF", tail=b"/*<html><script>alert(1)</script>*/=1;"), "gif", "image/gif"),
        (image("JPEG", tail=b"PK\x03\x04 and a whole archive"), "jpg", "image/jpeg"),
    ],
)
def test_a_file_that_is_two_things_is_only_ever_given_as_a_download(
    platform: Platform, content: bytes, kind: str, mime: str
) -> None:
    body = form(part("purpose", b"business_icon"), part("file", content, "page.html", "Content-Type: text/html\r\n"))

    made = send(platform, body)

    assert (made.json()["type"], made.json()["filename"]) == (kind, "page.html")
    down = platform.request("GET", f"/v1/files/{made.json()['id']}/contents")
    assert (down.headers["content-type"], down.headers["x-content-type-options"]) == (mime, "nosniff")
    assert down.headers["content-disposition"].startswith("attachment;")

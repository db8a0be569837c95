"""What becomes of files when something breaks: the store, a part of a file, the process in the middle of an upload."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from onboarding.door.callers import Caller
from onboarding.files.files import LEFT_AFTER
from onboarding.settings import Settings
from onboarding.storage.database import Transaction
from onboarding.storage.faults import ConnectionLost
from tests.support.pictures import MARKER, filled, image, pdf
from tests.support.samples import BARE
from tests.support.serving import ApiServer, Platform, new_platform

PARTS = 3
CONTENT = filled(600_000)


@pytest.fixture
def uploaded(platform: Platform, files_folder: Path) -> tuple[str, list[Path]]:
    """A file of three parts, and where they are."""
    made = platform.sdk().v1.files.create({"purpose": "account_requirement", "file": BytesIO(CONTENT)})
    parts = sorted(files_folder.rglob(f"{made.id}/*"))
    assert len(parts) == PARTS
    return made.id, parts


def contents(platform: Platform, file_id: str) -> tuple[int, str]:
    """Status and code of a download; 0 where the connection broke in the middle."""
    try:
        answer = platform.request("GET", f"/v1/files/{file_id}/contents")
    except httpx.RemoteProtocolError:
        return 0, ""
    return answer.status_code, "" if answer.is_success else answer.json()["error"]["code"]


def test_what_is_stored_says_nothing(platform: Platform, files_folder: Path) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(BARE)

    def named() -> BytesIO:
        file = BytesIO(image())
        file.name = f"{MARKER.decode()}.png"
        return file

    own = sdk.v1.files.create({"purpose": "business_icon", "file": named()})
    theirs = sdk.v1.files.create({"purpose": "identity_document", "file": named()}, {"stripe_account": account.id})
    again = sdk.v1.files.create({"purpose": "account_requirement", "file": BytesIO(pdf())})

    for made in (own, theirs, again):
        [part] = files_folder.rglob(f"{made.id}/*")
        assert part.stat().st_size == made.size + 16
        for known in (MARKER, b"PNG", b"PDF", b"IHDR"):
            assert known not in part.read_bytes()
        [row] = platform.server.fetch(
            "SELECT row_to_json(f)::text AS text, f.sealed FROM files f WHERE id = $1", made.id
        )
        assert MARKER not in bytes(row["sealed"])
        assert MARKER.decode() not in row["text"]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("first altered", (500, "api_error")),
        ("first gone", (500, "api_error")),
        ("first cut", (500, "api_error")),
        ("first two swapped", (500, "api_error")),
        ("second altered", (0, "")),
        ("last gone", (0, "")),
        ("last repeats the second", (0, "")),
        ("of another file", (500, "api_error")),
    ],
)
def test_damage_is_noticed(platform: Platform, uploaded: tuple[str, list[Path]], damage: str, told: object) -> None:
    file_id, (first, second, last) = uploaded
    assert contents(platform, file_id) == (200, "")
    match damage:
        case "first altered":
            first.write_bytes(first.read_bytes()[:-1] + bytes((first.read_bytes()[-1] ^ 1,)))
        case "first gone":
            first.unlink()
        case "first cut":
            first.write_bytes(first.read_bytes()[:1000])
        case "first two swapped":
            one, two = first.read_bytes(), second.read_bytes()
            first.write_bytes(two)
            second.write_bytes(one)
        case "second altered":
            second.write_bytes(b"x" + second.read_bytes()[1:])
        case "last gone":
            last.unlink()
        case "last repeats the second":
            last.write_bytes(second.read_bytes())
        case _:
            other = platform.sdk().v1.files.create({"purpose": "account_requirement", "file": BytesIO(CONTENT)})
            [there] = first.parents[2].rglob(f"{other.id}/{first.name}")
            first.write_bytes(there.read_bytes())

    assert contents(platform, file_id) == told


@pytest.mark.parametrize(("size", "told"), [(524_288, (0, "")), (262_144, (500, "api_error"))])
def test_a_row_that_says_less_does_not_cut_a_file(
    platform: Platform, uploaded: tuple[str, list[Path]], size: int, told: object
) -> None:
    platform.server.fetch("UPDATE files SET size = $2 WHERE id = $1", uploaded[0], size)

    assert contents(platform, uploaded[0]) == told


async def begun(platform: Platform) -> tuple[Any, str]:
    """An upload of which two parts are stored, in the middle of which its process ends."""
    caller = Caller(platform.id, livemode=False, actor="key_crashed")
    under_way = platform.server.engine.files.upload(caller)
    upload = await under_way.__aenter__()
    await upload.write(CONTENT)
    return under_way, upload.file_id


def test_what_a_crash_leaves_is_invisible_and_goes_with_a_sweep(platform: Platform, files_folder: Path) -> None:
    server = platform.server
    under_way, file_id = server.run(begun(platform))
    assert len(list(files_folder.rglob(f"{file_id}/*"))) == PARTS - 1
    assert contents(platform, file_id) == (404, "not_found")
    assert platform.sdk().v1.files.list().data == []

    server.run(server.engine.work.swept())
    assert len(list(files_folder.rglob(f"{file_id}/*"))) == PARTS - 1  # it may still be under way

    (files_folder / file_id[-2:] / file_id / "002#1").write_bytes(b"half of a part that was being written")
    server.fetch("UPDATE file_uploads SET created_at = created_at - $2::interval WHERE id = $1", file_id, LEFT_AFTER)
    server.run(server.engine.work.swept())

    assert list(files_folder.rglob(f"{file_id}*")) == []
    assert server.fetch("SELECT 1 FROM file_uploads WHERE id = $1", file_id) == []
    del under_way


def test_a_finished_upload_is_never_given_up(
    platform: Platform, files_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The commit arrived, but nobody was told: the connection broke in between.
    database = platform.server.engine.database
    transaction = database.transaction

    @asynccontextmanager
    async def broken(**options: Any) -> AsyncIterator[Transaction]:
        async with transaction(**options) as tx:
            yield tx
        monkeypatch.undo()
        raise ConnectionLost

    monkeypatch.setattr(database, "transaction", broken)
    with pytest.raises(stripe.APIError) as lost:
        platform.sdk().v1.files.create({"purpose": "account_requirement", "file": BytesIO(CONTENT)})

    assert lost.value.http_status == 503
    [kept] = platform.sdk().v1.files.list().data
    assert contents(platform, kept.id) == (200, "")
    assert len(list(files_folder.rglob(f"{kept.id}/*"))) == PARTS


def test_a_store_that_is_down_is_said_to_be(settings: Settings, tmp_path: Path) -> None:
    in_the_way = tmp_path / "files"
    in_the_way.write_bytes(b"no folder")
    server = ApiServer(settings.model_copy(update={"files": str(in_the_way)}))
    server.start()
    try:
        platform = server.run(new_platform(server))
        with pytest.raises(stripe.APIError) as refused:
            platform.sdk().v1.files.create({"purpose": "account_requirement", "file": BytesIO(pdf())})
        assert refused.value.http_status == 503
        assert refused.value.error is not None
        assert refused.value.error.code == "service_unavailable"
        assert (refused.value.headers or {})["stripe-should-retry"] == "true"
        assert platform.sdk().v1.files.list().data == []

        in_the_way.unlink()  # and it works again without a restart
        made = platform.sdk().v1.files.create({"purpose": "account_requirement", "file": BytesIO(pdf())})
        assert contents(platform, made.id) == (200, "")
    finally:
        server.stop()

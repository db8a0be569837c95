"""What the store of objects promises, on a folder, in memory, and on a server that speaks S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import MemoryStore

from onboarding.objects import ObjectMissing, Objects, StoreUnavailable, objects_at


@pytest.fixture(scope="module")
def s3_server() -> Iterator[ThreadedMotoServer]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def s3(s3_server: ThreadedMotoServer, monkeypatch: pytest.MonkeyPatch) -> Objects:
    host, port = s3_server.get_host_and_port()
    assert httpx.put(f"http://{host}:{port}/documents").is_success
    environment = {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return objects_at("s3://documents/sealed")


@pytest.fixture(params=["folder", "memory", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    match request.param:
        case "folder":
            return objects_at(str(tmp_path / "not" / "there" / "yet"))
        case "memory":
            store = MemoryStore()
            return Objects(lambda: store)
        case _:
            found: Objects = request.getfixturevalue("s3")
            return found


async def test_what_was_put_is_there_until_it_is_removed(objects: Objects) -> None:
    await objects.put("0d/file_1/000", b"one")
    await objects.put("0d/file_1/001", bytes(300_000))
    await objects.put("0d/file_10/000", b"another file")
    await objects.put("0d/file_1/000", bytearray(b"once more"))
    await objects.settle("0d/file_1")

    assert await objects.get("0d/file_1/000") == b"once more"
    assert await objects.get("0d/file_1/001") == bytes(300_000)

    await objects.remove("0d/file_1")
    await objects.remove("0d/file_1")
    await objects.remove("ff/file_9")

    for name in ("0d/file_1/000", "0d/file_1/001", "0d/never"):
        with pytest.raises(ObjectMissing):
            await objects.get(name)
    assert await objects.get("0d/file_10/000") == b"another file"


async def test_only_its_owner_enters_the_folder(tmp_path: Path) -> None:
    await objects_at(str(tmp_path / "files")).put("0d/file_1/000", b"one")

    assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700


async def test_a_folder_that_can_not_be_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    objects = objects_at(str(tmp_path / "file" / "below"))

    for call in (objects.put("a/b/000", b""), objects.get("a/b/000")):
        with pytest.raises(StoreUnavailable) as refused:
            await call
        assert str(tmp_path) not in str(refused.value)


async def test_a_bucket_that_does_not_answer_is_unavailable(s3: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    for call in (s3.put("a/b/000", b""), s3.get("a/b/000"), s3.remove("a/b")):
        with pytest.raises(StoreUnavailable) as refused:
            await call
        assert "127.0.0.1" not in str(refused.value)


async def test_a_bucket_that_is_not_there_is_unavailable(s3: Objects) -> None:
    assert s3 is not None
    with pytest.raises(StoreUnavailable):
        await objects_at("s3://nobodys-bucket").put("a/b/000", b"")

"""A verifier reads the documents that its question names, and no other file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.files.documents import NamedDocuments
from onboarding.ids import new_id
from onboarding.settings import Settings
from onboarding.storage import keys
from onboarding.verifiers.port import Documents, VerifierUnavailable
from tests.support.pictures import filled, pdf
from tests.support.samples import COMPANY, patched

PAPER = "identity.business_details.documents.company_license"
CONTENT = filled(600_000)


@pytest_asyncio.fixture
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    engine = await open_engine(settings)
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def caller(engine: Engine) -> Caller:
    caller = Caller(new_id("plat_"), livemode=False, actor=new_id("key_"))
    async with engine.database.reading() as reading:
        await keys.create_platform(reading, platform_id=caller.platform_id)
    return caller


async def uploaded(engine: Engine, caller: Caller, account_id: str = "", content: bytes = CONTENT) -> str:
    async with engine.files.upload(caller, account_id) as upload:
        await upload.write(content)
        await upload.commit("account_requirement", None, None, lambda _stored: {})
    return upload.file_id


async def account(engine: Engine, caller: Caller, *files: str) -> str:
    documents: Any = {"company_license": {"type": "files", "files": list(files)}} if files else {}
    patch = patched(COMPANY, identity__business_details__documents=documents)
    return str((await engine.accounts.create(caller, patch, None)).account["id"])


async def read(documents: Documents, file: str) -> list[bytes]:
    return [part async for part in documents.read(file)]


async def test_named_documents_are_read_in_bounded_parts(engine: Engine, caller: Caller) -> None:
    of_platform = await uploaded(engine, caller)
    account_id = await account(engine, caller, of_platform)
    own = await uploaded(engine, caller, account_id, pdf())
    documents: Documents = NamedDocuments(
        engine.files, account_id, {PAPER: f'{{"files":["{of_platform}","{own}"]}}', "branding": of_platform}
    )

    parts = await read(documents, of_platform)

    assert [len(part) for part in parts] == [262_144, 262_144, 75_712]
    assert b"".join(parts) == CONTENT
    assert await read(documents, own) == [pdf()]
    assert await read(documents, own) == [pdf()]  # once more


async def test_no_other_file_is_read(engine: Engine, caller: Caller) -> None:
    first = await account(engine, caller)
    second = await account(engine, caller)
    theirs, ours = await uploaded(engine, caller, second), await uploaded(engine, caller, first)
    named = {PAPER: f'{{"files":["{theirs}","file_0d7"]}}'}
    documents = NamedDocuments(engine.files, first, named)

    for file in (theirs, "file_0d7", ours, ""):
        with pytest.raises(VerifierUnavailable) as refused:
            await read(documents, file)
        assert refused.value.code == "file_missing"
    assert await read(NamedDocuments(engine.files, second, named), theirs) == await read(
        NamedDocuments(engine.files, first, {"icon": ours}), ours
    )


def break_second_part(folder: Path, file: str, damage: str) -> None:
    [second] = folder.rglob(f"{file}/001")
    if damage == "gone":
        second.unlink()
    else:
        second.write_bytes(bytes(1000))


@pytest.mark.parametrize("damage", ["gone", "altered"])
async def test_damage_is_unknown_and_not_failed(
    engine: Engine, caller: Caller, settings: Settings, damage: str
) -> None:
    file = await uploaded(engine, caller)
    account_id = await account(engine, caller, file)
    break_second_part(Path(settings.files), file, damage)

    with pytest.raises(VerifierUnavailable) as refused:
        await read(NamedDocuments(engine.files, account_id, {PAPER: f'"{file}"'}), file)

    assert refused.value.code == "file_damaged"

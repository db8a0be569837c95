"""The verifier that docs/verifiers.md tells how to write, as it stands there, on the real engine."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from onboarding.door.callers import Caller
from onboarding.engine import open_engine
from onboarding.ids import new_id
from onboarding.settings import Settings, SettingsError
from onboarding.storage import keys
from onboarding.verifiers.configured import verifiers_from
from tests.support.samples import RECIPIENT, RECIPIENT_DETAILS, patched

DOCUMENT = Path(__file__).parents[2] / "docs" / "verifiers.md"


@pytest.fixture
def documented() -> Iterator[str]:
    """The setting that names the documented module."""
    [code] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    module = ModuleType("documented_verifier")
    exec(code, module.__dict__)  # noqa: S102 -- our own document
    sys.modules[module.__name__] = module
    yield f"{module.__name__}:make"
    del sys.modules[module.__name__]


@pytest.mark.parametrize(
    ("postal_code", "expected"),
    [
        ("43004", ("concluded", "passed", [])),
        ("94103", ("concluded", "failed", ["verification_failed_address_match"])),
        ("73301", ("in_review", "inconclusive", ["zip_code_unknown"])),
    ],
)
async def test_documented_verifier_answers_live_accounts(
    settings: Settings, documented: str, postal_code: str, expected: Any
) -> None:
    own = settings.model_copy(update={"verifiers": documented})
    engine = await open_engine(own)
    try:
        caller = Caller(new_id("plat_"), livemode=True, actor="key_live")
        async with engine.database.transaction() as tx:
            await keys.create_platform(tx, platform_id=caller.platform_id)
        view = await engine.accounts.create(caller, patched(RECIPIENT, identity__country="US"), None)
        account_id = view.account["id"]
        details = patched(RECIPIENT_DETAILS)
        person = details["identity"]["individual"]
        person["phone"], person["date_of_birth"] = "+12125550123", {"day": 4, "month": 5, "year": 1984}
        person["id_numbers"] = []
        person["address"] = {
            "line1": "1 Main Street", "city": "Columbus", "state": "OH", "postal_code": postal_code, "country": "US",
        }  # fmt: skip
        await engine.accounts.update(caller, account_id, details, None)

        await engine.work.plan(account_id, "run")

        [check] = [
            one for one in (await engine.reader.checks(caller, account_id=account_id)).data
            if one["kind"] == "address_match"
        ]  # fmt: skip
        assert (check["status"], check["outcome"], check["reasons"]) == expected
        assert check["verifier"] == "zip_codes"
    finally:
        await engine.close()


def test_own_verifiers_that_cannot_be_made_are_named(settings: Settings) -> None:
    for wrong in ("no_such_module:make", "json:no_such_function", "json"):
        with pytest.raises(SettingsError, match=f"ONBOARDING_VERIFIERS: {wrong} can't be imported"):
            verifiers_from(settings.model_copy(update={"verifiers": wrong}))


def test_name_of_a_person_or_of_another_verifier_is_refused(settings: Settings, documented: str) -> None:
    twice = settings.model_copy(update={"verifiers": f"{documented},{documented}"})
    with pytest.raises(SettingsError, match="'zip_codes' is taken"):
        verifiers_from(twice)

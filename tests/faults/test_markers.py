"""Not a byte of the folder of a whole stack is a word of its users': not what they typed, sent, or were asked for."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.faults.lives import ACCOUNTS, CHECKS, REVIEWS, SCRIPTS, Life, Platform, RefusedError
from tests.faults.stack import PARTS, Stack
from tests.privacy import markers
from tests.support.pictures import image

pytestmark = pytest.mark.timeout(240)


async def test_nothing_that_was_typed_is_in_any_file() -> None:
    async with Stack() as stack:
        life = await onboarded(stack)
        await said_wrongly(Platform(stack), life)
        alive = markers.found_in_files(stack.var)
        await stack.until_back(*[(part, stack.kill(part)) for part in PARTS])
        shown = await Platform(stack).call("GET", f"{ACCOUNTS}/{life.id}", params={"include[0]": "identity"})
        assert markers.CORE in str(shown)
        assert await stack.wrong() == []
        await stack.stop()
        found = markers.found_in_files(stack.var.parent)
        files = {file.name for file in stack.var.rglob("*") if file.is_file()}
        (stack.var / "control").write_text(markers.text())
        control = markers.found_in_files(stack.var)

    assert alive == []
    assert found == []
    assert {"temporal.db", "api.log", "worker.log", "run.json", "state.log", "PG_VERSION"} <= files
    assert [name for name, _ in control] == ["control"]


async def onboarded(stack: Stack) -> Life:
    """An account all of whose texts are markers, at the vendor's page too: a blurred document, then a good one."""
    life = Life(Platform(stack), SCRIPTS["blurred"], 1)
    body = markers.account("individual")
    body["identity"]["individual"].pop("documents")  # people would have to look at them
    logo = (f"{markers.text()}.png", image(tail=markers.CORE.encode()))
    uploaded = await life.platform.call("POST", "/v1/files", form={"purpose": "business_logo"}, file=logo)
    body["configuration"]["merchant"]["branding"] = {"logo": uploaded["id"]}
    body["configuration"]["customer"]["shipping"]["address"].pop("town")
    body["configuration"]["merchant"]["support"]["address"].pop("town")
    life.id = str((await life.platform.call("POST", ACCOUNTS, body))["id"])
    bank: dict[str, Any] = markers.bank_account()
    form = {f"external_account[{name}]": value for name, value in bank["external_account"].items()}
    await life.platform.call("POST", f"/v1/accounts/{life.id}/external_accounts", form=form)
    keyed = body["identity"]["individual"]
    typed = {
        "first_name": keyed["given_name"],
        "last_name": keyed["surname"],
        "dob": "1981-04-03",
        **{name: markers.text() for name in ("line1", "line2", "city", "state", "postal_code")},
        "country": "US",
    }
    for outcome in ("document_unverified_other", "verified"):
        await stack.until(lambda o=outcome: pressed(life, o, typed), f"the button {outcome}")
    await stack.until(lambda: is_answered(life), "the answer")
    for review in await life.reviews():
        await life.platform.call("POST", f"{REVIEWS}/{review['id']}/claim", {})
        await life.platform.call("GET", f"{REVIEWS}/{review['id']}")
    await life.decide()
    assert (await life.check())["outcome"] == "passed"
    return life


async def pressed(life: Life, outcome: str, typed: dict[str, str]) -> bool:
    check = await life.check()
    return bool(check["next_action"]) and await life.act(check, outcome, **typed)


async def is_answered(life: Life) -> bool:
    return bool((await life.check())["status"] == "concluded")


async def said_wrongly(platform: Platform, life: Life) -> None:
    """Requests that are refused hold users' words too."""
    marker = markers.text()
    refused = (
        ("POST", ACCOUNTS, {"display_name": {"x": marker}}, None),
        ("POST", f"{ACCOUNTS}/{life.id}", {"identity": {"individual": {marker: marker, "phone": marker}}}, None),
        ("POST", f"{ACCOUNTS}/{life.id}/persons", {"email": marker, "date_of_birth": {"year": marker}}, None),
        ("GET", CHECKS, None, {"account": marker}),
        ("GET", f"{ACCOUNTS}/{markers.word()}", None, None),
        ("POST", f"{REVIEWS}/{markers.word()}/decide", {"decision": marker, "reasons": [marker]}, None),
    )
    for method, path, body, params in refused:
        with pytest.raises(RefusedError):
            await platform.call(method, path, body, params=params)
    callback = f"{platform.stack.api}/callbacks/stripe_identity"
    answer = await platform.stack.http.post(callback, json={"first_name": marker}, headers={"X-Who": marker})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    unknown = await platform.stack.http.get(f"{platform.stack.api}/{markers.word()}?who={marker}")
    assert unknown.status_code in (httpx.codes.NOT_FOUND, httpx.codes.UNAUTHORIZED)

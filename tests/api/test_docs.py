"""``/docs`` in a real browser: it shows every operation, and asks nobody but this server for anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from api.app import ROUTERS
from api.openapi import openapi_document
from tests.support.browser import browser
from tests.support.serving import ApiServer, Platform

# The first use may have to install the browser.
pytestmark = pytest.mark.timeout(900)

PATIENCE = 60_000
DESK, PHONE = (1300, 900), (390, 844)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as launched:
        yield launched


@dataclass
class Seen:
    """What happened behind a page."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str | None] = field(default_factory=set)


def opened(chromium: Browser, api: ApiServer, size: tuple[int, int]) -> Seen:
    page = chromium.new_page(viewport={"width": size[0], "height": size[1]})
    page.set_default_timeout(PATIENCE)
    seen = Seen(page)
    page.on("console", lambda said: seen.complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("request", lambda request: seen.hosts.add(urlsplit(request.url).netloc))
    page.goto(f"{api.url}/docs")
    return seen


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_operation_can_be_found(chromium: Browser, api: ApiServer, size: tuple[int, int]) -> None:
    seen = opened(chromium, api, size)
    document = openapi_document(ROUTERS)
    names = [one["summary"] for methods in document["paths"].values() for one in methods.values()]
    for name in names:
        expect(seen.page.get_by_text(name, exact=True).first).to_be_attached(timeout=PATIENCE)
    found = seen.page.get_by_text("Create an account", exact=True).first
    found.scroll_into_view_if_needed()
    found.click()
    # A property of the request.
    expect(seen.page.locator(".key-label", has_text="display_name").first).to_be_visible(timeout=PATIENCE)
    assert seen.complaints == []
    assert seen.hosts <= {urlsplit(api.url).netloc, ""}
    assert seen.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    seen.page.close()


def test_an_operation_can_be_tried(chromium: Browser, platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create({"display_name": "Rosen Gardens"})
    seen = opened(chromium, platform.server, DESK)
    page = seen.page
    page.get_by_text("Authentication", exact=True).first.click()
    page.locator("input[name=api-key]").fill(platform.test_key)
    page.get_by_role("button", name="SET").first.click()
    page.get_by_text("Retrieve an account", exact=True).first.click()
    page.locator("input[id^=request-param-account_id]").fill(account.id)
    page.get_by_role("button", name="EXECUTE").click()
    expect(seen.page.get_by_text("Rosen Gardens").first).to_be_attached(timeout=PATIENCE)
    seen.page.close()


def test_nothing_may_be_loaded_from_elsewhere(api: ApiServer) -> None:
    page = api.http.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "://" not in page.text
    script = api.http.get("/docs/openapi-explorer.min.js")
    assert (script.status_code, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    for wrong in ("/docs/docs.html", "/docs/..%2Fapp.py", "/docs/colour"):
        refused = api.http.get(wrong)
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")

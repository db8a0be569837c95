"""An operator at Temporal's own UI, in a real browser: what the eye finds and the mouse does, and nothing else."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Page, TimeoutError, expect  # noqa: A004 -- the library's own

from tests.support.browser import browser

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"

PATIENCE = 60_000
"""Milliseconds for anything to appear."""

LIST_PATIENCE = 5_000
"""For a run to appear in a list, which is then loaded anew."""

SIZE = (1600, 1000)
COLOURS = 64
"""Of a picture: enough for a page of text, and a third of its size."""

_VIEW = re.compile(r"^\| \[(?P<name>[^]]+)\]\((?P<link>[^)]+)\) \| `(?P<query>[^`|]+)` \|$", re.MULTILINE)


@dataclass(frozen=True)
class View:
    """A view that docs/operations.md offers: its query, and the link that leads to it."""

    query: str
    link: str


def views() -> dict[str, View]:
    """What docs/operations.md offers, by name."""
    return {found["name"]: View(found["query"], found["link"]) for found in _VIEW.finditer(OPERATIONS.read_text())}


@dataclass
class Operator:
    """Somebody at the UI.

    Attributes:
        page: of the browser.
        ui: where Temporal's UI is.
        pictures: the folder for pictures; none is taken without.
    """

    page: Page
    ui: str
    pictures: Path | None = None

    def open_view(self, name: str, **values: str) -> None:
        """Follow a view's link; ``values`` replace what stands for them in the documented query."""
        query = views()[name].query
        for placeholder, value in values.items():
            assert placeholder in query, f"{name}: {query}"
            query = query.replace(placeholder, value)
        self.page.goto(f"{self.ui}/namespaces/default/workflows?query={quote(query)}", wait_until="domcontentloaded")

    def open_run(self, workflow_id: str) -> None:
        """Click a run of the list, which appears there sooner or later."""
        link = self.page.get_by_role("link", name=workflow_id, exact=True).first
        until = time.monotonic() + PATIENCE / 1000
        while True:
            with suppress(TimeoutError):
                link.wait_for(timeout=LIST_PATIENCE)
                break
            assert time.monotonic() < until, f"{workflow_id} is not in {self.page.url}"
            refresh = self.page.get_by_role("button", name="Refresh")
            if refresh.count():  # else the page itself is not there yet
                refresh.first.click()
        link.click()
        expect(self.page.get_by_test_id("workflow-id-heading")).to_contain_text(workflow_id)

    def open_ended(self, workflow_id: str) -> None:
        """Open the newest run of an id, once it has ended."""
        query = quote(f'WorkflowId="{workflow_id}" AND ExecutionStatus="Completed"')
        self.page.goto(f"{self.ui}/namespaces/default/workflows?query={query}", wait_until="domcontentloaded")
        self.open_run(workflow_id)

    def details(self) -> str:
        """Read the current details of the run that is open."""
        self.page.get_by_role("tab", name="User Metadata").click()
        expect(self.page.get_by_text("Current Details")).to_be_visible()
        # Markdown is shown in frames: that of the summary, and behind it this one.
        shown = self.page.frame_locator("iframe").last.locator("body")
        expect(shown).to_contain_text("waits for")
        return " ".join(shown.inner_text().split())

    def follow(self, text: str, workflow_id: str) -> None:
        """Click a link of the current details, which opens another page, and come back."""
        with self.page.context.expect_page() as opened:
            self.page.frame_locator("iframe").last.get_by_role("link", name=text).click()
        expect(opened.value.get_by_test_id("workflow-id-heading")).to_contain_text(workflow_id)
        opened.value.close()

    def pending(self) -> str:
        """Read what the run's pending activity says."""
        self.page.get_by_role("tab", name="Pending Activities").click()
        shown = self.page.get_by_role("main")
        expect(shown).to_contain_text("Last Failure")
        return " ".join(shown.inner_text().split())

    @contextmanager
    def updating(self, name: str) -> Iterator[Any]:
        """Open the dialog that sends an update, and choose one; yields the dialog."""
        self.page.get_by_role("button", name="More Actions").click()
        self.page.get_by_role("menuitem", name="Send an Update").click()
        dialog = self.page.get_by_role("dialog", name="Send an Update")
        dialog.get_by_test_id("update-select-button").click()
        dialog.get_by_role("option", name=name).click()
        yield dialog

    @staticmethod
    def send(dialog: Any, payload: Any) -> None:
        """Fill in an update's data, and submit."""
        dialog.get_by_role("textbox").last.fill(json.dumps(payload))
        dialog.get_by_role("button", name="Submit").click()

    def picture(self, name: str) -> None:
        """Keep what is seen now."""
        if self.pictures is None:
            return
        self.page.wait_for_timeout(1000)  # transitions
        taken = Image.open(BytesIO(self.page.screenshot()))
        small = taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(self.pictures / f"{name}.png", optimize=True)


@contextmanager
def at_work(ui: str, pictures: Path | None = None) -> Iterator[Operator]:
    """An operator with a browser of their own."""
    with browser() as launched:
        page = launched.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        yield Operator(page, ui, pictures)

"""Those who act beside the platform in a live example: its user on the identity vendor's page, and the vendor itself.

A real vendor sees a real document. Its simulator believes what is typed, so these functions want the simulator.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import httpx
import stripe

from examples import reading
from examples.example import Differs, Show

CALL_SECONDS = 10.0
"""How long the vendor may take to answer."""

VERIFY = "verified"
"""The page's button for a document that can be read."""
BLURRED_PHOTO = "document_unverified_other"
"""The button for one that can't; the vendor lets its user try again."""

_WAITING = 'http-equiv="refresh"'
"""In a page that renews itself: the vendor still looks at the document."""


def link_for_user(client: stripe.StripeClient, show: Show, account_id: str, person_id: str | None = None) -> str:
    """Where the vendor waits for a user: in the check of their identity, once its session has begun."""

    def link() -> str:
        return reading.user_link(reading.newest_check(client, account_id, "keyed_identity", person_id)) or ""

    return show.until("the check has a link for the user", link, bool)


def show_document(show: Show, link: str, *, given_name: str, surname: str, born: date, button: str = VERIFY) -> str:
    """Do what a user does on the vendor's page: type what the document says, press a button, wait.

    Args:
        show: of the example.
        link: where the platform sent its user.
        given_name: as the document has it.
        surname: the same.
        born: the same.
        button: what to press.

    Returns:
        The page that the user sees in the end.

    Raises:
        Differs: the page can't be used.
    """
    with httpx.Client(timeout=CALL_SECONDS, follow_redirects=True, trust_env=False) as browser:

        def look() -> str:
            return _read(browser.get(link))

        look()
        # Every field of the form, as a browser sends them: those that a passport does not have are empty.
        form = {
            "document_type": "passport",
            "first_name": given_name,
            "last_name": surname,
            "dob": born.isoformat(),
            **dict.fromkeys(("line1", "line2", "city", "state", "postal_code", "country"), ""),
            "outcome": button,
        }
        _read(browser.post(link, data=form))
        return show.until("the vendor has looked at the document", look, lambda page: _WAITING not in page)


@contextmanager
def outage(vendor: str) -> Iterator[None]:
    """Take the vendor down, and bring it back whatever happens meanwhile.

    Raises:
        Differs: its simulator does not do as it is told.
    """
    try:
        _set_down(vendor, down=True)
        yield
    finally:
        _set_down(vendor, down=False)


def _set_down(vendor: str, *, down: bool) -> None:
    _read(httpx.put(f"{vendor}/_control/down", json={"down": down}, timeout=CALL_SECONDS, trust_env=False))


def _read(answer: httpx.Response) -> str:
    if answer.is_error:
        raise Differs(f"the vendor answers {answer.status_code} to {answer.request.method}")
    return answer.text

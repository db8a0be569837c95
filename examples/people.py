"""The platform's own people, who answer what no verifier could: they find a check's review, claim and decide it."""

from __future__ import annotations

from typing import Any

import stripe

from examples import reading
from examples.example import Show


def review_of(client: stripe.StripeClient, show: Show, account_id: str, kind: str) -> dict[str, Any]:
    """The open review of a check of that kind, once there is one."""

    def find() -> dict[str, Any]:
        reviews = reading.verification(client, "reviews", account_id, status="open")
        return next((review for review in reviews if review["kind"] == kind), {})

    return show.until(f"{kind} waits for a person", find, bool)


def decide(client: stripe.StripeClient, review: dict[str, Any], decision: str) -> None:
    """Claim a review, so that nobody else works on it, and decide it: ``passed`` or ``failed``."""
    path = f"/v2/verification/reviews/{review['id']}"
    client.raw_request("post", f"{path}/claim")
    client.raw_request("post", f"{path}/decide", decision=decision)

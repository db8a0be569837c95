"""Parameters of orders: of ``/v2/verification``, in the style of Accounts v2, and of v1's reject and unreject."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from api.schemas.bank_accounts import FormParameters
from api.schemas.fields import Parameters, Text, Timestamp, refusal

MAX_TICKET = 255


def _ticket(text: str) -> str:
    if not 1 <= len(text) <= MAX_TICKET:
        raise refusal("parameter_invalid", f"Must have 1 to {MAX_TICKET} characters.")
    return text


class OrderPlace(Parameters):
    """``POST /v2/verification/accounts/{id}/orders``. Without ``capability`` it is about all of them.

    ``target`` is the kind of check that a recheck asks again, the demand of an extension as ``rule/need``, or the risk
    class that is set.
    """

    kind: Literal["hold", "reject", "recheck", "extend_deadline", "override_capability", "set_risk_class"]
    reason: Text
    capability: Text | None = None
    ends_at: Timestamp | None = None
    target: Text | None = None
    person: Text | None = None
    audience: Literal["internal", "user"] | None = None
    ticket: (
        Annotated[
            Text, AfterValidator(_ticket), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_TICKET})
        ]
        | None
    ) = None


class OrderUndo(Parameters):
    """``POST /v2/verification/accounts/{id}/orders/{id}/undo``: nothing but who asks."""


class AccountReject(FormParameters):
    """``POST /v1/accounts/{id}/reject``."""

    expand: list[Text] = Field(default_factory=list, max_length=20)
    payouts_action: Literal["none", "pause"] = "pause"
    reason: Literal[
        "credit",
        "fraud_no_intent_to_fulfill",
        "fraud_other",
        "fraud_payment_method_casher",
        "fraud_payment_method_tester",
        "other",
        "terms_of_service",
    ]


class AccountUnreject(FormParameters):
    """``POST /v1/accounts/{id}/unreject``."""

    expand: list[Text] = Field(default_factory=list, max_length=20)

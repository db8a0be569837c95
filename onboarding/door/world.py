"""The world as a look inside the door sees it: inline verifiers, sealed answers, fresh ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onboarding.domain.settle import Answer, Later
from onboarding.door.journal import ANSWER, decode_answer
from onboarding.ids import new_id
from onboarding.verifiers.port import Question

if TYPE_CHECKING:
    from datetime import datetime

    from onboarding.domain.demands import CheckDue
    from onboarding.domain.evaluate import ActivationDue
    from onboarding.domain.settle import Step
    from onboarding.door.draft import Draft
    from onboarding.ids import Prefix
    from onboarding.verifiers.registry import Verifiers


class World:
    """Implements :class:`onboarding.domain.settle.Surroundings` for one draft."""

    def __init__(self, draft: Draft, verifiers: Verifiers) -> None:
        self._draft = draft
        self._inline = verifiers.inline(livemode=draft.livemode)
        self._answers: dict[str, Answer] = {}

    def mint(self, prefix: Prefix) -> str:
        """A new id."""
        return new_id(prefix)

    def ask(self, due: CheckDue, as_of: datetime) -> Answer | Later | None:
        """Ask the inline verifier; None where the account has none, so that a worker must ask."""
        if self._inline is None:
            return None
        inputs = self._draft.inputs(due.kind, due.subject, as_of)
        return self._inline.answer(Question("", due.kind, due.subject, due.digest, inputs, as_of))

    def remember(self, step: Step) -> None:
        """Keep the delayed answers of a step, for the next one of the same transaction."""
        self._answers |= {check_id: later.answer for check_id, later in step.answers.items()}

    def stored_answer(self, check_id: str) -> Answer:
        """A delayed answer, from this transaction or from its sealed row."""
        if check_id in self._answers:
            return self._answers[check_id]
        record = self._draft.record
        if record is None or check_id not in record.answers:
            raise LookupError("no stored answer")
        return decode_answer(self._draft.open(check_id, ANSWER, 1, record.answers[check_id].ciphertext))

    def acknowledges(self, due: ActivationDue) -> bool:
        """Off counts at once, and is told afterwards; on only where nothing is downstream that must confirm it."""
        return not due.on or not self._draft.is_told

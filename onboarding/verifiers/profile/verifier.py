"""The verifier ``profile``: reviews of names, statement descriptors, product descriptions and websites by rules.

Assurance: a plausible text. A pass says that it breaks none of these rules; not that the name is the business's own,
nor that the description is true. Of a website only the host is looked at, so a website never passes here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onboarding.domain.settle import Answer
from onboarding.domain.state import Outcome
from onboarding.verifiers.profile import rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from onboarding.verifiers.port import Question
    from onboarding.verifiers.profile.denylist import Denylist

RULES_VERSION = "1"
"""Changes with every change of what the rules answer."""

REGISTERED_NAME = "identity.business_details.registered_name"
TRADING_NAME = "defaults.profile.doing_business_as"
DESCRIPTOR = "configuration.merchant.statement_descriptor.descriptor"
PREFIX = "configuration.merchant.statement_descriptor.prefix"
DESCRIPTION = "defaults.profile.product_description"
WEBSITE = "defaults.profile.business_url"


class ProfileVerifier:
    """A :class:`onboarding.verifiers.port.LocalVerifier` that knows only rules and a denylist.

    Args:
        denylist: what is refused; see :mod:`onboarding.verifiers.profile.denylist`.

    Attributes:
        version: of the rules, and the denylist's digest.
    """

    name = "profile"

    def __init__(self, denylist: Denylist) -> None:
        self._denylist = denylist
        self.version = f"{RULES_VERSION}+{denylist.digest}"

    def answer(self, question: Question) -> Answer | None:
        """Passed or failed, at the question's instant; None for another kind, and for a website that is not denied.

        The reasons of a failure are every code that holds, for a descriptor and its prefix one each.
        """
        read = _READERS.get(question.kind)
        if read is None:
            return None
        problems = read(question.inputs, self._denylist)
        if not problems and question.kind == "website_review":
            return None
        outcome = Outcome.FAILED if problems else Outcome.PASSED
        return Answer(outcome, problems, self.name, self.version, question.as_of)


def _names(inputs: Mapping[str, str], denylist: Denylist) -> tuple[str, ...]:
    return rules.name_problems(inputs.get(REGISTERED_NAME, ""), inputs.get(TRADING_NAME, ""), denylist)


def _descriptor(inputs: Mapping[str, str], denylist: Denylist) -> tuple[str, ...]:
    descriptor, prefix, registered, trading = (
        inputs.get(path, "") for path in (DESCRIPTOR, PREFIX, REGISTERED_NAME, TRADING_NAME)
    )
    return rules.descriptor_problems(descriptor, prefix, registered, trading, denylist)


def _description(inputs: Mapping[str, str], denylist: Denylist) -> tuple[str, ...]:
    return rules.description_problems(inputs.get(DESCRIPTION, ""), denylist)


def _website(inputs: Mapping[str, str], denylist: Denylist) -> tuple[str, ...]:
    return rules.website_problems(inputs.get(WEBSITE, ""), denylist)


_READERS: dict[str, Callable[[Mapping[str, str], Denylist], tuple[str, ...]]] = {
    "name_review": _names,
    "descriptor_review": _descriptor,
    "description_review": _description,
    "website_review": _website,
}

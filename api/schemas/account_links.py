"""Parameters of account links, of v2 and of v1."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field, model_validator

from api.schemas.bank_accounts import FormParameters, FormText
from api.schemas.fields import ConfigurationName, Parameters, Text, refusal

UseCaseName = Literal["account_onboarding", "account_update"]
_USE_CASES: tuple[str, str] = get_args(UseCaseName)
CollectedFields = Literal["currently_due", "eventually_due"]
FutureRequirements = Literal["include", "omit"]


class CollectionOptions(Parameters):
    """What the page asks the bearer for; what is not said is ``currently_due`` and ``omit``."""

    fields: CollectedFields = "currently_due"
    future_requirements: FutureRequirements = "omit"


class UseCaseOptions(Parameters):
    """Options of a use case. ``configurations`` is said by clients before endive."""

    collection_options: CollectionOptions | None = None
    configurations: Annotated[list[ConfigurationName], Field(min_length=1, max_length=10)] | None = None
    refresh_url: Text
    return_url: Text | None = None


class UseCase(Parameters):
    """What the bearer is to do, and the options of just that."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {
                    "properties": {"type": {"const": kind}, kind: {"type": "object"}, other: {"type": "null"}},
                    "required": [kind],
                }
                for kind, other in (_USE_CASES, _USE_CASES[::-1])
            ]
        }
    )

    type: UseCaseName
    account_onboarding: UseCaseOptions | None = None
    account_update: UseCaseOptions | None = None

    @model_validator(mode="after")
    def _has_its_options(self) -> UseCase:
        others = {"account_onboarding": self.account_onboarding, "account_update": self.account_update}
        if others.pop(self.type) is None:
            raise refusal("parameter_missing", "This parameter is required.", (self.type,))
        for name, options in others.items():
            if options is not None:
                raise refusal("parameter_invalid", "Only the options of the use case's type may be sent.", (name,))
        return self


class AccountLinkCreate(Parameters):
    """``POST /v2/core/account_links``."""

    account: Text
    use_case: UseCase


class FormCollectionOptions(FormParameters):
    """The same options in a form."""

    fields: CollectedFields = "currently_due"
    future_requirements: FutureRequirements = "omit"


class V1AccountLinkCreate(FormParameters):
    """``POST /v1/account_links``. ``collect`` is the older word for ``collection_options[fields]``."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["collect", "collection_options"]}})

    account: Text
    collect: CollectedFields | None = None
    collection_options: FormCollectionOptions | None = None
    expand: list[Text] = Field(default_factory=list, max_length=20)
    refresh_url: Text
    return_url: FormText = None
    type: UseCaseName

    @model_validator(mode="after")
    def _says_once_what_to_collect(self) -> V1AccountLinkCreate:
        if self.collect is not None and self.collection_options is not None:
            raise refusal("parameter_invalid", "Send collection_options alone: collect means the same.", ("collect",))
        return self

"""What a platform may do to an account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onboarding.domain.errors import Refusal, RefusalKind
from onboarding.domain.state import MarkKind
from onboarding.shape import applied_configurations, roles
from onboarding.validation import check_required_capabilities, validate_account, validate_person
from onboarding.validation.file_references import account_files, check_files, person_files
from onboarding.values import merge, split_individual

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from onboarding.door.draft import Draft, Subject
    from onboarding.validation.file_references import FileReference

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PutAccount:
    """Create an account, or update it with a patch in the wire's shape."""

    patch: Values = field(repr=False)
    exempt: Callable[[str, str], bool]
    creating: bool = False

    @property
    def cause(self) -> str:
        """Of the audit trail."""
        return "account.created" if self.creating else "account.updated"

    @property
    def files(self) -> list[FileReference]:
        """See ``NamesFiles``."""
        return account_files(self.patch, self.exempt)

    def apply(self, draft: Draft) -> None:
        """Validate and merge; raises Refusal with the wire's codes."""
        refuse_closed(draft)
        patch, individual_patch = split_individual(self.patch)
        before = draft.account.values
        after = merge(before, patch)
        validate_account(
            patch,
            before,
            after,
            livemode=draft.livemode,
            creating=self.creating,
            # One that is on by an override has no mark, and is active all the same.
            was_active=any(mark.kind is MarkKind.FIRST_ACTIVE for mark in draft.state.marks)
            or any(known.on for known in draft.state.acknowledgements),
            as_of=draft.as_of,
            exempt=self.exempt,
        )
        check_files(self.files, draft.files)
        _refuse_unknown_capabilities(draft, patch)
        required = {name: capability.requires for name, capability in draft.policy.capabilities.items()}
        check_required_capabilities(before, after, required)
        _refuse_second_kind(draft, before, after, individual_patch)
        draft.put_account(after, patch)
        if _entity_type(draft) not in (None, "individual"):
            _forget_individual(draft)
        if individual_patch is not None:
            _put_individual(draft, individual_patch, after, self.exempt)
        elif _clears_individual(self.patch):
            _clear_individual(draft)


@dataclass(frozen=True, slots=True)
class CloseAccount:
    """Close an account. ``applied_configurations`` must name all that it has, where it is given."""

    applied_configurations: list[str] | None
    cause: str = "account.closed"

    def apply(self, draft: Draft) -> None:
        """Raises Refusal if the configurations named are not those applied."""
        if draft.closed:
            return
        applied = applied_configurations(draft.account.values)
        named = self.applied_configurations
        if named is not None and sorted(named) != applied:
            raise Refusal(
                "parameter_invalid",
                "Must name all configurations that are applied to the account.",
                param="applied_configurations",
                type="invalid_request_error",
            )
        draft.close()


@dataclass(frozen=True, slots=True)
class AddPerson:
    """Add a person under an id that was made before, so that a replay finds it."""

    patch: Values = field(repr=False)
    person_id: str
    exempt: Callable[[str, str], bool]
    cause: str = "person.created"

    @property
    def files(self) -> list[FileReference]:
        """See ``NamesFiles``."""
        return person_files(self.patch, self.exempt)

    def apply(self, draft: Draft) -> None:
        """Raises Refusal with the wire's codes."""
        refuse_closed(draft)
        values = merge({}, self.patch)
        alone = any(person.individual for person in draft.persons.values()) or _entity_type(draft) == "individual"
        if alone and "legal_guardian" not in roles(values):
            raise Refusal(
                "individual_additional_person_not_allowed",
                "An individual's account has one person: the individual."
                " Only a minor's legal guardian comes beside it.",
            )
        others = [person.values for person in draft.persons.values()]
        validate_person(
            self.patch, None, values, others, draft.account.values, as_of=draft.as_of, exempt=self.exempt
        )  # fmt: skip
        check_files(self.files, draft.files)
        draft.add_person(values, person_id=self.person_id)


@dataclass(frozen=True, slots=True)
class UpdatePerson:
    """Update a person with a patch."""

    person_id: str
    patch: Values = field(repr=False)
    exempt: Callable[[str, str], bool]
    cause: str = "person.updated"

    @property
    def files(self) -> list[FileReference]:
        """See ``NamesFiles``."""
        return person_files(self.patch, self.exempt)

    def apply(self, draft: Draft) -> None:
        """Raises Refusal ``not_found`` or with the wire's codes."""
        refuse_closed(draft)
        person = _person(draft, self.person_id)
        values = merge(person.values, self.patch)
        others = [other.values for other in draft.persons.values() if other.id != person.id]
        validate_person(
            self.patch, person.values, values, others, draft.account.values, as_of=draft.as_of, exempt=self.exempt
        )
        check_files(self.files, draft.files)
        draft.put_person(person, values, self.patch)


@dataclass(frozen=True, slots=True)
class DeletePerson:
    """Delete a person; the one an individual's account is about can't be deleted."""

    person_id: str
    cause: str = "person.deleted"

    def apply(self, draft: Draft) -> None:
        """Raises Refusal ``not_found``, or if it is the individual."""
        refuse_closed(draft)
        person = _person(draft, self.person_id)
        if person.individual:
            raise Refusal("parameter_invalid", "The person of an individual's account can't be deleted.")
        draft.delete_person(person)


@dataclass(frozen=True, slots=True)
class AttachClock:
    """Put a sandbox account on a test clock, for good."""

    clock_id: str
    clock_now: datetime
    cause: str = "account.attached_to_clock"

    def apply(self, draft: Draft) -> None:
        """Raises Refusal for a live account, another clock, or a clock that is behind the account."""
        record = draft.record
        known = record.row.test_clock_id if record is not None else None
        if draft.livemode:
            raise _bad_clock("A live account can't be put on a test clock.")
        if known not in (None, self.clock_id):
            raise _bad_clock("The account is on another test clock.")
        if self.clock_now < draft.as_of and known is None:
            raise _bad_clock("The clock shows a time before the account's last change.")
        draft.row_changes["test_clock_id"] = self.clock_id


def _bad_clock(message: str) -> Refusal:
    return Refusal("parameter_invalid", message, param="account", type="invalid_request_error")


def refuse_closed(draft: Draft) -> None:
    """Whoever wants to change a closed account is refused.

    Raises:
        Refusal: ``account_closed``.
    """
    if draft.closed:
        raise Refusal("account_closed", "The account is closed and can't be changed.")


def _person(draft: Draft, person_id: str) -> Subject:
    person = draft.persons.get(person_id)
    if person is None:
        raise Refusal("not_found", "No such person on this account.", kind=RefusalKind.NOT_FOUND)
    return person


def _entity_type(draft: Draft) -> str | None:
    return (draft.account.values.get("identity") or {}).get("entity_type")


def _refuse_unknown_capabilities(draft: Draft, patch: Values) -> None:
    """Capabilities are those that the account's policy lets a platform request."""
    for configuration, content in (patch.get("configuration") or {}).items():
        for name, path in _named_capabilities((content or {}).get("capabilities"), ""):
            capability = draft.policy.capabilities.get(f"{configuration}.{name}")
            if capability is None or capability.granted_with:
                raise Refusal(
                    "parameter_unknown",
                    "The account's policy has no such capability to request.",
                    param=f"configuration.{configuration}.capabilities.{path}",
                    type="invalid_request_error",
                )


def _named_capabilities(node: object, prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if isinstance(node, dict):
        for name, value in node.items():
            if isinstance(value, dict) and "requested" in value:
                found.append((prefix + name, prefix + name))
            else:
                found.extend(_named_capabilities(value, f"{prefix}{name}."))
    return found


def _refuse_second_kind(
    draft: Draft, before: Values, after: Values, individual_patch: Values | None
) -> None:  # fmt: skip
    """Facts about an individual belong to an individual's account only."""
    entity_type = (after.get("identity") or {}).get("entity_type")
    if individual_patch and entity_type not in (None, "individual"):
        raise Refusal(
            "unsupported_identity_field_for_configs",
            "An account of this entity type has no individual.",
            param="identity.individual",
        )
    was = (before.get("identity") or {}).get("entity_type")
    others = [person for person in draft.persons.values() if not person.individual]
    if entity_type == "individual" and was != "individual" and others:
        raise Refusal(
            "individual_additional_person_not_allowed",
            "Delete the account's persons before it becomes an individual's.",
            param="identity.entity_type",
        )


def _clears_individual(patch: Values) -> bool:
    identity = patch.get("identity")
    return isinstance(identity, dict) and "individual" in identity and identity["individual"] is None


def _clear_individual(draft: Draft) -> None:
    """``individual: null`` unsets every fact; the person's row stays, so deadlines stay too."""
    for person in draft.persons.values():
        if person.individual:
            draft.put_person(person, {}, {})


def _forget_individual(draft: Draft) -> None:
    """An entity of another type has no individual: its facts go, or no ordinary person could ever be added."""
    for person in [person for person in draft.persons.values() if person.individual]:
        draft.delete_person(person)


def _put_individual(draft: Draft, patch: Values, account: Values, exempt: Callable[[str, str], bool]) -> None:
    person = next((person for person in draft.persons.values() if person.individual), None)
    known = person.values if person is not None else {}
    values = merge(known, patch)
    validate_person(
        patch, known or None, values, [], account, as_of=draft.as_of, exempt=exempt, prefix="identity.individual."
    )
    if person is None:
        draft.add_person(values, individual=True)
    else:
        draft.put_person(person, values, patch)

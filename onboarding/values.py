"""Values documents: what an account or a person was last told to be, without its verification state.

Shapes, with every key optional and absent when unset (``None`` is never stored)::

    account   display_name, contact_email, contact_phone, dashboard, metadata{},
              identity{country, entity_type, attestations{}, business_details{}},
              configuration{customer{}, merchant{}, recipient{}}, defaults{}
    person    the parameters of Accounts v2's person: given_name, address{}, relationship{}, id_numbers[], ...

A *patch* has the same shape; in it ``None`` means "unset". A request's ``identity.individual`` is not part of the
account's values: an individual's facts are kept in its row among the persons.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(current: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply ``patch`` to ``current`` and return the new document; neither argument is changed.

    Rules (Accounts v2 contract, updates):

    - objects merge, key by key and at any depth;
    - ``None`` unsets, so ``metadata: {"k": None}`` removes one key and ``metadata: None`` removes all;
    - scalars and arrays replace what was there;
    - ``id_numbers`` is the exception: values are write-only, so a client can't send back what it doesn't want to
      change; items are replaced or added by ``type``, and ``None`` clears all;
    - ``configuration.x.applied: False`` also forgets the capabilities that were requested there: applying the
      configuration again doesn't request them again.

    Merging the same patch twice changes nothing more, and an empty patch changes nothing.
    """
    merged = _merge_objects(current, patch)
    for name, configuration in (patch.get("configuration") or {}).items():
        if configuration and configuration.get("applied") is False:
            merged["configuration"][name].pop("capabilities", None)
    return merged


def split_individual(patch: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Split a request's parameters into those of the account and those of the individual's person.

    Returns:
        ``(account_patch, person_patch)``; ``person_patch`` is None if the request says nothing about the individual,
        and ``{}`` if it sent an empty object. The argument is not changed.
    """
    identity = patch.get("identity")
    if not isinstance(identity, Mapping) or identity.get("individual") is None:
        return dict(patch), None
    rest = {key: value for key, value in identity.items() if key != "individual"}
    account_patch = {key: value for key, value in patch.items() if key != "identity"}
    if rest:
        account_patch["identity"] = rest
    return account_patch, dict(identity["individual"])


def _merge_objects(current: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    merged = {key: _copied(value) for key, value in current.items()}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif key == "id_numbers":
            merged[key] = _upsert_by_type(current.get(key) or [], value)
        elif isinstance(value, Mapping):
            before = current.get(key)
            merged[key] = _merge_objects(before if isinstance(before, Mapping) else {}, value)
        else:
            merged[key] = _copied(value)
    return merged


def _upsert_by_type(current: list[dict[str, Any]], patch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sorted by type, so that the order in which numbers arrived leaves no trace."""
    by_type = {number["type"]: number for number in [*current, *patch]}
    return [_copied(by_type[key]) for key in sorted(by_type)]


def _copied(value: Any) -> Any:
    """A deep copy without nulls: an object inside an array has nothing to unset."""
    if isinstance(value, Mapping):
        return {key: _copied(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_copied(part) for part in value]
    return value

"""How a patch changes what is stored."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.values import merge, split_individual

_KEYS = st.sampled_from(["a", "b", "c"])
_SCALARS = st.one_of(st.booleans(), st.integers(), st.text(max_size=3))
_NUMBERS = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(["us_ssn", "us_itin", "gb_nino"]), "value": st.text(max_size=3)}),
    max_size=4,
)


def _with_numbers(objects: st.SearchStrategy[dict[str, Any]], numbers: st.SearchStrategy[Any]) -> Any:
    return st.builds(
        lambda fields, listed, present: {**fields, "id_numbers": listed} if present else fields,
        objects,
        numbers,
        st.booleans(),
    )


_VALUES = st.recursive(
    st.one_of(_SCALARS, st.lists(_SCALARS, max_size=3)),
    lambda inner: st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=10,
)
_PATCHES = st.recursive(
    st.one_of(st.none(), _SCALARS, st.lists(_SCALARS, max_size=3)),
    lambda inner: st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=10,
)
documents = _with_numbers(st.dictionaries(_KEYS, _VALUES, max_size=3), _NUMBERS).map(lambda values: merge({}, values))
patches = _with_numbers(st.dictionaries(_KEYS, _PATCHES, max_size=3), st.one_of(st.none(), _NUMBERS))


def _holds_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_null(part) for part in value.values())
    return value is None


@given(documents)
def test_an_empty_patch_changes_nothing(values: dict[str, Any]) -> None:
    assert merge(values, {}) == values


@given(documents, patches)
def test_merging_twice_is_merging_once(values: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merge(values, patch)

    assert merge(once, patch) == once


@given(documents, patches)
def test_no_null_is_ever_stored(values: dict[str, Any], patch: dict[str, Any]) -> None:
    assert not _holds_null(merge(values, patch))


@given(documents, patches)
def test_the_arguments_stay_as_they_are(values: dict[str, Any], patch: dict[str, Any]) -> None:
    values_before, patch_before = copy.deepcopy(values), copy.deepcopy(patch)

    merge(values, patch)

    assert (values, patch) == (values_before, patch_before)


@given(documents, documents)
def test_sending_back_what_is_stored_restores_it(values: dict[str, Any], patch: dict[str, Any]) -> None:
    changed = merge(values, patch)

    assert merge(changed, changed) == changed


@given(_NUMBERS, _NUMBERS)
def test_id_numbers_do_not_remember_the_order_they_came_in(first: list[Any], second: list[Any]) -> None:
    others = [number for number in second if number["type"] not in {item["type"] for item in first}]
    one_way = merge(merge({}, {"id_numbers": first}), {"id_numbers": others})
    other_way = merge(merge({}, {"id_numbers": others}), {"id_numbers": first})

    assert one_way == other_way


@pytest.mark.parametrize(
    ("current", "patch", "expected"),
    [
        (
            {"address": {"city": "Bonn", "line1": "A"}},
            {"address": {"line1": "B"}},
            {"address": {"city": "Bonn", "line1": "B"}},
        ),
        ({"surname": "Doe", "email": "a@b.co"}, {"email": None}, {"surname": "Doe"}),
        ({"address": {"city": "Bonn"}}, {"address": None}, {}),
        ({"nationalities": ["DE", "FR"]}, {"nationalities": ["US"]}, {"nationalities": ["US"]}),
        ({"metadata": {"a": "1", "b": "2"}}, {"metadata": {"a": None, "c": "3"}}, {"metadata": {"b": "2", "c": "3"}}),
        ({"metadata": {"a": "1"}}, {"metadata": None}, {}),
        ({}, {"address": {"city": None, "line1": "B"}}, {"address": {"line1": "B"}}),
        (
            {},
            {"additional_names": [{"full_name": None, "purpose": "alias"}]},
            {"additional_names": [{"purpose": "alias"}]},
        ),
        ({}, {"configuration": {"merchant": {}}}, {"configuration": {"merchant": {}}}),
        (
            {"id_numbers": [{"type": "us_ssn", "value": "1"}, {"type": "us_itin", "value": "2"}]},
            {"id_numbers": [{"type": "us_ssn", "value": "3"}]},
            {"id_numbers": [{"type": "us_itin", "value": "2"}, {"type": "us_ssn", "value": "3"}]},
        ),
        ({"id_numbers": [{"type": "us_ssn", "value": "1"}]}, {"id_numbers": None}, {}),
    ],
)
def test_merge_follows_the_contract(current: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any]) -> None:
    assert merge(current, patch) == expected


def test_switching_a_configuration_off_forgets_its_requests_and_keeps_its_settings() -> None:
    current = {"configuration": {"merchant": {"mcc": "5734", "capabilities": {"card_payments": {"requested": True}}}}}

    off = merge(current, {"configuration": {"merchant": {"applied": False}}})
    on_again = merge(off, {"configuration": {"merchant": {"applied": True}}})

    assert off == {"configuration": {"merchant": {"mcc": "5734", "applied": False}}}
    assert on_again == {"configuration": {"merchant": {"mcc": "5734", "applied": True}}}


def test_the_individual_is_split_off() -> None:
    patch = {"display_name": "A", "identity": {"country": "US", "individual": {"given_name": "Jenny"}}}

    assert split_individual(patch) == ({"display_name": "A", "identity": {"country": "US"}}, {"given_name": "Jenny"})
    assert patch["identity"] == {"country": "US", "individual": {"given_name": "Jenny"}}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({}, ({}, None)),
        ({"identity": {}}, ({"identity": {}}, None)),
        ({"identity": {"country": "US"}}, ({"identity": {"country": "US"}}, None)),
        ({"identity": {"individual": {}}}, ({}, {})),
    ],
)
def test_a_person_is_only_patched_if_the_request_names_it(patch: dict[str, Any], expected: Any) -> None:
    assert split_individual(patch) == expected

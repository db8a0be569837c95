"""The domain names no country, entity type, structure or leaf, and counts no days: those are the catalogue's."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import phonenumbers
import pytest

import onboarding.domain
from onboarding.catalogue.loader import builtin_bytes
from onboarding.validation.structures import ENTITY_TYPES, STRUCTURES

MODULES = sorted(Path(onboarding.domain.__path__[0]).glob("*.py"))
COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS) | {"AQ", "BV", "GS", "HM", "PN", "TF", "UM"}

NUMBERS = {
    0, 1, 2,  # places in a sequence
    3,        # digits of milliseconds
    4,        # version of the evaluator
    8,        # rounds of one look
    24, 32,   # characters of a shortened digest
    100,      # places kept for the entries of one need
    1000,     # microseconds in a millisecond
    10_000,   # missed looks played in one go
}  # fmt: skip


def _catalogue_words() -> frozenset[str]:
    document = json.loads(builtin_bytes())["document"]
    kinds = set(document["checks"]) | set(document["errors"]) | set(document["roles"]) | set(document["capabilities"])
    paths = set(_leaves(document)) - kinds
    return frozenset(kinds | set(document["sets"]) | paths | {path.rpartition(".")[2] for path in paths if "." in path})


def _leaves(document: Any) -> Iterator[str]:
    """Every path anywhere in the catalogue: what needs ask for, checks read, and remedies raise."""
    keys = {"field", "implied_by", "options", "bound_to", "raises", "pending", "inputs", "requires", "requires_any"}
    keys |= {"complete_by", "prefix", "sets"}

    def walk(node: object, *, wanted: bool) -> Iterator[str]:
        if isinstance(node, str):
            if wanted:
                yield node
        elif isinstance(node, list):
            for item in node:
                yield from walk(item, wanted=wanted)
        elif isinstance(node, dict):
            for key, item in node.items():
                yield from walk(
                    item, wanted=key in keys or key == "needs" or (wanted and key not in ("set", "restricts"))
                )

    rules = [{**rule, "source": ""} for rule in document["rules"]]
    yield from (path for path in walk({**document, "rules": rules}, wanted=False) if "*" not in path)


def _constants(module: Path) -> Iterator[ast.Constant]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    prose = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in prose)


WORDS = _catalogue_words()


def test_the_lists_know_what_they_must() -> None:
    assert {"US", "GB", "DE", "JP", "AQ"} <= COUNTRIES
    assert len(COUNTRIES) >= 249
    assert {"individual", "company", "non_profit", "government_entity"} == ENTITY_TYPES
    assert {"llc", "sole_proprietorship", "private_corporation"} <= STRUCTURES
    assert {
        "given_name", "us_ssn", "us_ein", "identity.business_details.id_numbers.us_ein", "date", "mcc", "birth_date",
        "identity.country", "external_account", "title", "documents.primary_verification", "postal_code", "owners",
        "keyed_identity", "merchant.card_payments",
    } <= WORDS  # fmt: skip
    assert len(MODULES) > 10


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_no_string_of_the_domain_is_a_word_of_the_catalogue(module: Path) -> None:
    forbidden = COUNTRIES | ENTITY_TYPES | STRUCTURES | WORDS

    found = [
        (node.value, node.lineno)
        for node in _constants(module)
        if isinstance(node.value, str) and node.value in forbidden
    ]

    assert found == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_no_number_of_the_domain_is_a_number_of_the_catalogue(module: Path) -> None:
    found = [
        (node.value, node.lineno)
        for node in _constants(module)
        if isinstance(node.value, (int, float)) and not isinstance(node.value, bool) and node.value not in NUMBERS
    ]

    assert found == []

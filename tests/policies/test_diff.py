"""What differs between two policies, part by part."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import orjson

from onboarding.catalogue.loader import builtin_packs
from onboarding.policies.diff import Changed, Diff, diff
from onboarding.policies.packs import read
from tests.policies.telling import WORKERS, asking
from tests.policies.test_publishing import OWN

SHIPPED = builtin_packs()


@cache
def shipped() -> Any:
    """What ships, as a document."""
    return orjson.loads(orjson.dumps(read(SHIPPED)))


def compared(own: dict[str, str], **edits: Callable[[str], str]) -> Diff:
    """What differs from what ships, with own packs and edited ones; through JSON, as policies are stored."""
    edited = {name: edit(SHIPPED[name]) for name, edit in edits.items()}
    assert all(edited[name] != SHIPPED[name] for name in edited)
    return diff(shipped(), orjson.loads(orjson.dumps(read({**SHIPPED, **edited, **own}))))


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


def test_nothing_differs() -> None:
    found = diff(shipped(), shipped())
    assert not found
    assert found.rows() == []


def test_what_is_added_and_removed_is_named_with_its_section() -> None:
    found = compared({"acme": OWN}, ie=lambda text: text[: text.index("  - name: ie.tax_number")])
    sections = {name: (section.added, section.removed) for name, section in found.sections.items()}
    assert sections == {
        "rules": (("acme.warehouse",), ("ie.tax_number",)),
        "roles": ((), ()),
        "checks": (("acme_warehouse",), ()),
        "reviews": ((), ()),
        "risk": ((), ()),
        "capabilities": (("merchant.acme_instant_payout",), ()),
        "errors": (("acme_no_warehouse",), ()),
    }
    assert ("rule", "acme.warehouse", "added", "") in found.rows()
    assert ("capability", "merchant.acme_instant_payout", "added", "") in found.rows()


def test_every_part_of_a_rule_is_told_apart() -> None:
    old, new = (
        read({**SHIPPED, "acme": text})
        for text in (
            asking(),
            asking(
                source="the new law",
                when="{country: [CA]}",
                needs=f"[{WORKERS}, external_account]",
                restricts="[{capabilities: [payouts], falls: eventually}]",
                of="account",
                **{"from": "2027-07-01"},
            ),
        )
    )
    found = diff(old, new).sections["rules"].changed
    assert list(found) == ["acme.workers"]
    parts = {change.part: change for change in found["acme.workers"]}
    assert list(parts) == ["from", "when", "needs", "restricts", "source"]
    assert parts["when"] == Changed("when", ({"country": ["US"]},), ({"country": ["CA"]},))
    assert parts["needs"] == Changed("needs", (), ("external_account",))
    assert parts["source"] == Changed("source", ("Acme's own",), ("the new law",))
    assert str(parts["from"].added[0]) == "2027-07-01"
    assert {one["capability"] for one in parts["restricts"].added} == {
        "merchant.stripe_balance.payouts",
        "recipient.stripe_balance.payouts",
    }


def test_rule_that_names_a_set_has_changed_with_the_set() -> None:
    found = compared({}, ie=replaced("[address.line1, address.city]", "[address.line1, address.city, address.state]"))
    changed = found.sections["rules"].changed
    assert set(changed) == {f"ie.{who}.residence" for who in ("individual", "representative", "executives", "owners")}
    assert changed["ie.owners.residence"] == (Changed("needs", (), ("address.state",)),)


def test_check_and_error_and_role_are_compared_too() -> None:
    edits = {
        "report_within_hours: 72": "report_within_hours: 71",
        "Please give the real name": "Give the real name",
        "at_least_percent: 25": "at_least_percent: 20",
    }

    def edited(text: str) -> str:
        for old, new in edits.items():
            text = text.replace(old, new)
        return text

    found = compared({}, base=edited)
    told = {(what, part) for what, _, part, _ in found.rows()}
    assert told == {("check", "report_within_hours"), ("error", "text"), ("role", "at_least_percent")}


def test_table_tells_capabilities_with_the_same_fate_together() -> None:
    found = compared({}, us=replaced("grace_days: 30}]", "grace_days: 21}]"))
    [(what, name, part, words)] = found.rows()
    assert (what, name, part) == ("rule", "us.entity_type", "restricts")
    lines = words.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("capabilities: {falls: at_request, grace_days: 30}")
    assert lines[1].endswith("capabilities: {falls: at_request, grace_days: 21}")

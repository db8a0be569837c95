"""Events are a chain, and folding them gives what can be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from onboarding.documents.configurations import configuration_section
from onboarding.domain.events import Documents, Event, changes
from tests.domain.generated import LAWS

Account = dict[str, Any]

VALUES = st.sampled_from((None, "a", "b"))
STATUS = st.builds(
    lambda status, code: {"status": status, "status_details": [{"code": code}] if status != "active" else []},
    st.sampled_from(("active", "pending", "restricted")),
    st.sampled_from(("x", "y")),
)
CAPABILITIES = (
    "merchant.card_payments",
    "merchant.stripe_balance.payouts",
    "merchant.own_payments",
    "recipient.bank_accounts.local",
    "recipient.bank_accounts.swift",
    "recipient.stripe_balance.payouts",
    "recipient.stripe_balance.stripe_transfers",
    "recipient.own_group.own",
)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    names = draw(st.sets(st.sampled_from(("customer", "merchant", "recipient"))))
    values = {name: {"applied": draw(st.booleans()), "mcc": draw(VALUES)} for name in sorted(names)}
    statuses = draw(st.dictionaries(st.sampled_from(CAPABILITIES), STATUS))
    return {
        "id": "acct_1",
        "object": "v2.core.account",
        "closed": draw(st.booleans()),
        "configuration": configuration_section(values, statuses),
        "contact_email": draw(VALUES),
        "defaults": {"currency": draw(VALUES)},
        "display_name": draw(VALUES),
        "future_requirements": {"entries": draw(st.lists(VALUES, max_size=1))},
        "identity": {"country": draw(VALUES)},
        "metadata": draw(st.dictionaries(st.sampled_from("kl"), VALUES)),
        "requirements": {"entries": draw(st.lists(VALUES, max_size=2))},
    }


# A row is touched only together with a change.
ROWS = st.builds(lambda name: {"given_name": name, "updated": f"at {name}", "id": "row"}, VALUES)
DIGESTS = st.dictionaries(st.sampled_from(("identity", "defaults", "person_1", "person_2")), st.sampled_from("de"))


@st.composite
def documents(draw: st.DrawFn) -> Documents:
    return Documents(
        draw(accounts()),
        draw(st.dictionaries(st.sampled_from(("person_1", "person_2", "person_3")), ROWS)),
        draw(st.dictionaries(st.sampled_from(("check_1", "check_2")), ROWS)),
        draw(DIGESTS),
    )


def _checks_stay(history: list[Documents]) -> list[Documents]:
    """A check is never deleted."""
    kept: dict[str, Any] = {}
    lasting = []
    for one in history:
        kept = {**kept, **one.checks}
        lasting.append(replace(one, checks=kept))
    return lasting


HISTORIES = st.lists(documents(), min_size=1, max_size=4).map(_checks_stay)


def _told(history: list[Documents]) -> list[list[Event]]:
    before = [Documents(), *history[:-1]]
    return [changes(old, new) for old, new in zip(before, history, strict=True)]


@LAWS
@given(history=HISTORIES)
def test_folding_every_after_gives_the_current_account(history: list[Documents]) -> None:
    folded: Account = {}
    for events, now in zip(_told(history), history, strict=True):
        for event in events:
            if event.related_type == "v2.core.account":
                folded |= event.after or {}

        assert folded == now.account


@LAWS
@given(history=HISTORIES)
def test_every_before_is_the_nearest_earlier_after(history: list[Documents]) -> None:
    known: dict[str, Account] = {}
    for events in _told(history):
        for event in events:
            assert event.related_id is not None
            stands = known.setdefault(event.related_id, {})
            if event.before is None:
                assert stands == {}
            else:
                assert event.before == {name: stands[name] for name in event.before}
            if event.after is None:
                del known[event.related_id]
            else:
                assert event.before is None or event.before.keys() == event.after.keys()
                stands |= event.after


@LAWS
@given(history=HISTORIES)
def test_folding_every_after_gives_the_current_rows(history: list[Documents]) -> None:
    folded: dict[str, Account] = {}
    for events in _told(history):
        for event in events:
            if event.related_type == "v2.core.account":
                continue
            assert event.related_id is not None
            if event.after is None:
                del folded[event.related_id]
            else:
                folded[event.related_id] = {**folded.get(event.related_id, {}), **event.after}

    checks = {name: row for name, row in folded.items() if name.startswith("check")}
    persons = {name: row for name, row in folded.items() if name.startswith("person")}
    assert persons == history[-1].persons
    assert {name: checks[name] for name in history[-1].checks} == history[-1].checks


@LAWS
@given(same=documents())
def test_nothing_is_told_of_what_did_not_change(same: Documents) -> None:
    assert changes(same, same) == []


@LAWS
@given(history=HISTORIES)
def test_each_capability_whose_status_changed_is_told_once_and_no_other(history: list[Documents]) -> None:
    def statuses(account: Account) -> dict[str, str]:
        found: dict[str, str] = {}

        def walk(node: Any, path: str) -> None:
            if isinstance(node, dict) and "status" in node:
                found[path] = node["status"]
            elif isinstance(node, dict):
                for name, child in node.items():
                    walk(child, f"{path}.{name}")

        for name, configuration in account["configuration"].items():
            walk((configuration or {}).get("capabilities"), name)
        return found

    old: dict[str, str] = {}
    for events, now in zip(_told(history), history, strict=True):
        assert now.account is not None
        new = statuses(now.account)
        moved = {name for name in {*old, *new} if old.get(name) != new.get(name)}
        told = [
            f"{event.type.partition('configuration.')[2].partition(']')[0]}.{event.data['updated_capability']}"
            for event in events
            if event.type.endswith("capability_status_updated")
        ]
        assert sorted(told) == sorted(moved)
        old = new


@LAWS
@given(account=accounts(), name=st.sampled_from(CAPABILITIES), status=STATUS)
def test_a_status_alone_is_no_change_of_its_configuration(account: Account, name: str, status: Account) -> None:
    values = {part: {"applied": True} for part in ("customer", "merchant", "recipient")}
    before = {**account, "configuration": configuration_section(values, {})}
    after = {**account, "configuration": configuration_section(values, {name: status})}

    events = changes(Documents(before), Documents(after))

    configuration, _, capability = name.partition(".")
    assert [(event.type, event.data) for event in events] == [
        (
            f"v2.core.account[configuration.{configuration}].capability_status_updated",
            {"updated_capability": capability},
        )
    ]


def _account(**parts: Any) -> Account:
    merchant = {"merchant": {"applied": True}}
    active = {"merchant.card_payments": {"status": "active", "status_details": []}}
    base: Account = {
        "id": "acct_1",
        "closed": False,
        "display_name": None,
        "identity": {"country": "US"},
        "defaults": {},
        "configuration": configuration_section(merchant, active),
        "requirements": {"entries": []},
        "future_requirements": {"entries": []},
    }
    return {**base, **parts}


def _types(before: Documents, after: Documents) -> list[str]:
    return [event.type for event in changes(before, after)]


def test_a_creation_tells_the_account_and_each_capability() -> None:
    assert _types(Documents(), Documents(_account())) == [
        "v2.core.account.created",
        "v2.core.account[configuration.merchant].capability_status_updated",
    ]


def test_a_changed_name_is_an_update_of_the_account() -> None:
    before, after = Documents(_account()), Documents(_account(display_name="New"))

    assert [(event.type, event.before, event.after) for event in changes(before, after)] == [
        ("v2.core.account.updated", {"display_name": None}, {"display_name": "New"})
    ]


def test_closing_is_told_as_closed() -> None:
    assert _types(Documents(_account()), Documents(_account(closed=True))) == ["v2.core.account.closed"]


def test_a_changed_write_only_value_is_told_without_showing_it() -> None:
    before, after = Documents(_account(), hidden={"identity": "a"}), Documents(_account(), hidden={"identity": "b"})

    assert [(event.type, event.before, event.after) for event in changes(before, after)] == [
        ("v2.core.account[identity].updated", {"identity": {"country": "US"}}, {"identity": {"country": "US"}})
    ]


def test_details_alone_are_a_change_of_the_configuration() -> None:
    def restricted(code: str) -> Documents:
        status = {"status": "restricted", "status_details": [{"code": code}]}
        section = configuration_section({"merchant": {}}, {"merchant.card_payments": status})
        return Documents(_account(configuration=section))

    assert _types(restricted("x"), restricted("y")) == ["v2.core.account[configuration.merchant].updated"]


def test_requirements_are_told_as_their_section() -> None:
    after = Documents(_account(requirements={"entries": [1]}, future_requirements={"entries": [2]}))

    assert _types(Documents(_account()), after) == [
        "v2.core.account[requirements].updated",
        "v2.core.account[future_requirements].updated",
    ]


def test_a_touched_person_is_no_event() -> None:
    before = Documents(_account(), persons={"person_1": {"given_name": "a", "updated": "1"}})
    after = Documents(_account(), persons={"person_1": {"given_name": "a", "updated": "2"}})

    assert changes(before, after) == []

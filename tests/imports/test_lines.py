"""``/v2/verification/imports``: lines as they are sent, what is wrong with them, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from onboarding.imports import LONGEST
from tests.imports.telling import QUICK, bank, book, finish, shop, steps_of
from tests.support.samples import ACCEPTANCE, COMPANY, MARKER, RECIPIENT_DETAILS, REPRESENTATIVE, patched
from tests.support.serving import ApiServer, Platform, new_platform

IMPORTS = "/v2/verification/imports"
DIRECTOR: Any = {**patched(REPRESENTATIVE, surname="Vahey"), "relationship": {"director": True}}
FAMILY: Any = {
    "account": patched(
        COMPANY,
        metadata={"old_id": "rosen"},
        identity__attestations__directorship_declaration=ACCEPTANCE,
        identity__attestations__ownership_declaration=ACCEPTANCE,
    ),
    "persons": [REPRESENTATIVE, DIRECTOR],
    "external_accounts": [{**bank(), "default_for_currency": True}],
}
"""A company with everything, declarations that its creation may not hold included."""


def ask(platform: Platform, method: str, path: str, *, status: int = 200, key: str = "", **options: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    answer = platform.request(method, f"{IMPORTS}{path}", headers=headers, **options)
    assert answer.status_code == status, answer.text
    return answer.json() if status == 200 else answer.json()["error"]


def new_import(platform: Platform, pace: float = QUICK, **options: Any) -> str:
    made = ask(platform, "POST", "", json={"accounts_per_second": pace}, **options)
    assert made["object"] == "v2.verification.import"
    assert (made["status"], made["accounts_per_second"], set(made["lines"].values())) == ("receiving", pace, {0})
    return str(made["id"])


def send(platform: Platform, import_id: str, lines: Iterable[Any], first: int = 1, status: int = 200) -> Any:
    sent = platform.request(
        "POST",
        f"{IMPORTS}/{import_id}/lines?first_line={first}",
        content=book(lines),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert sent.status_code == status, sent.text
    return sent.json() if status == 200 else sent.json()["error"]


def play(platform: Platform, import_id: str, **start: Any) -> Any:
    """Start an import and take it to its end."""
    ask(platform, "POST", f"/{import_id}/start", json=start)
    server = platform.server
    server.run(finish(steps_of(server.engine), import_id))
    return ask(platform, "GET", f"/{import_id}")


def report(platform: Platform, import_id: str, status: str = "") -> dict[int, Any]:
    params = {"limit": "100", **({"status": status} if status else {})}
    return {one["line"]: one for one in ask(platform, "GET", f"/{import_id}/lines", params=params)["data"]}


def accounts_of(platform: Platform) -> int:
    return len(platform.server.fetch("SELECT 1 FROM accounts WHERE platform_id = $1", platform.id))


def test_lines_become_accounts_with_all_that_they_say(platform: Platform) -> None:
    made = new_import(platform)
    part = send(platform, made, [FAMILY, b"", shop(2)])
    assert (part["object"], part["import"], part["refused"]) == ("v2.verification.import_part", made, [])
    assert part["lines"] == {"received": 2, "changed": 2, "unchanged": 0, "refused": 0}
    found = play(platform, made)
    assert (found["status"], found["lines"]["imported"], found["lines"]["received"]) == ("done", 2, 2)

    lines = report(platform, made)
    assert list(lines) == [1, 3]  # the blank one has a number, and nothing else
    company, individual = lines[1], lines[3]
    assert (company["status"], company["error"], company["entries"]) == ("imported", None, 0)
    assert company["capabilities"]["merchant.card_payments"] == "active"
    assert individual["entries"] > 3
    assert individual["capabilities"]["recipient.stripe_balance.stripe_transfers"] == "restricted"

    sdk = platform.sdk()
    account = sdk.v2.core.accounts.retrieve(company["account"], {"include": ["identity", "requirements"]})
    assert account.metadata["old_id"] == "rosen"
    assert account.requirements.entries == []
    attested = account.identity.attestations
    assert attested.directorship_declaration.ip == attested.ownership_declaration.ip == ACCEPTANCE["ip"]
    persons = sdk.v2.core.accounts.persons.list(account.id).data
    assert {(one.surname, one.relationship.director) for one in persons} == {("Rosen", None), ("Vahey", True)}
    [external] = sdk.v1.accounts.external_accounts.list(account.id).data
    assert (external.last4, external.default_for_currency) == ("6789", True)
    told = platform.request("GET", "/v2/core/events", params={"object_id": account.id, "limit": "100"}).json()["data"]
    assert "v2.core.account.created" in {one["type"] for one in told}
    waiting = sdk.v2.core.accounts.retrieve(individual["account"], {"include": ["requirements"]}).requirements.entries
    assert len([one for one in waiting if one.awaiting_action_from == "user"]) == individual["entries"]
    assert platform.server.fetch("SELECT 1 FROM import_lines WHERE import_id = $1 AND sealed IS NOT NULL", made) == []


BROKEN: list[tuple[Any, str, str | None]] = [
    (b"{not json", "invalid_json", None),
    ([1], "invalid_json", None),
    ({"persons": []}, "parameter_missing", "account"),
    ({"account": {MARKER: 1}}, "parameter_unknown", f"account.{MARKER}"),
    ({"account": {"display_name": 7}}, "parameter_invalid", "account.display_name"),
    ({"account": {"identity": {"country": MARKER}}}, "parameter_invalid", "account.identity.country"),
    ({"account": {}, "persons": [{}, {"given_name": 1}]}, "parameter_invalid", "persons[1].given_name"),
    ({"account": {"account_token": "accttok_1"}}, "parameter_unknown", "account.account_token"),
    ({"account": {"include": ["identity"]}}, "parameter_unknown", "account.include"),
    ({"account": {}, "persons": [{"person_token": "perstok_1"}]}, "parameter_unknown", "persons[0].person_token"),
    (
        {"account": {}, "external_accounts": [{"external_account": "btok_us"}]},
        "parameter_invalid",
        "external_accounts[0].external_account",
    ),
    (
        {"account": {}, "external_accounts": [{"external_account": {"object": "bank_account", "country": "US"}}]},
        "parameter_missing",
        "external_accounts[0].external_account.account_number",
    ),
    (b'{"account": {"display_name": "' + b"x" * LONGEST + b'"}}', "request_too_large", None),
    (b'{"account": {}, "account": {}}', "parameter_invalid", "account"),
]
REFUSED_BY_THE_DOOR: list[tuple[Any, str, str | None]] = [
    (shop(1, identity__individual={"email": f"{MARKER}"}), "email_invalid", "account.identity.individual.email"),
    ({**shop(2), "persons": [REPRESENTATIVE]}, "individual_additional_person_not_allowed", "persons[0]"),
    (
        {**shop(3), "external_accounts": [bank(routing_number="1")]},
        "routing_number_invalid",
        "external_accounts[0].external_account.routing_number",
    ),
    (
        {**FAMILY, "persons": [REPRESENTATIVE, patched(REPRESENTATIVE, email="tom@rosen-gardens.com")]},
        "additional_representative_not_allowed",
        "persons[1].relationship.representative",
    ),
    (
        patched(shop(5), account__identity__individual={"documents": {"primary_verification": {
            "type": "front_back", "front_back": {"front": "file_1"}}}}),
        "document_invalid",
        "account.identity.individual.documents.primary_verification.front_back.front",
    ),
]  # fmt: skip


def test_what_is_wrong_with_a_line_is_told_and_stops_no_other(platform: Platform) -> None:
    cases = [*BROKEN, *REFUSED_BY_THE_DOOR]
    made = new_import(platform)
    part = send(platform, made, [*(line for line, _, _ in cases), shop(0)])
    assert part["lines"] == {"received": len(cases) + 1, "changed": len(cases) + 1, "unchanged": 0, "refused": 14}
    found = play(platform, made)
    assert (found["status"], found["lines"]["refused"], found["lines"]["imported"]) == ("done", len(cases), 1)

    told = {one.pop("line"): one for one in part["refused"]}
    refused = report(platform, made, "refused")
    for number, (_, code, param) in enumerate(cases, start=1):
        error = refused[number]["error"]
        assert (error["code"], error["param"]) == (code, param), number
        assert told.get(number, error) == error
        assert MARKER not in error["message"]
        assert refused[number]["account"] is None
    assert set(told) == set(range(1, 15))
    # A parameter's name may be the caller's own word: at rest, nothing of a line can be read.
    rows = platform.server.fetch("SELECT * FROM import_lines WHERE import_id = $1", made)
    assert MARKER.encode() not in b"".join(repr(tuple(row)).encode() for row in rows)


def test_the_same_again_changes_nothing_and_mended_lines_are_played(platform: Platform) -> None:
    made = new_import(platform)
    lines = [shop(1), shop(2, contact_email="nobody"), shop(3), shop(3)]
    send(platform, made, lines)
    assert send(platform, made, lines)["lines"] == {"received": 4, "changed": 0, "unchanged": 4, "refused": 0}
    assert play(platform, made)["lines"] == {"received": 4, "pending": 0, "accepted": 0, "refused": 2, "imported": 2}
    first = report(platform, made)
    assert first[4]["error"]["code"] == "import_line_repeated"

    # The whole file again, mended in one place and spoilt in another.
    mended = [shop(1, display_name="Another"), shop(2), shop(3), shop(3)]
    part = send(platform, made, mended)
    assert part["lines"] == {"received": 4, "changed": 1, "unchanged": 2, "refused": 1}
    assert [(one["line"], one["code"]) for one in part["refused"]] == [(1, "import_line_already_imported")]
    assert ask(platform, "GET", f"/{made}")["status"] == "receiving"
    assert play(platform, made)["lines"]["imported"] == 3
    again = report(platform, made)
    assert [again[number]["account"] for number in (1, 3)] == [first[number]["account"] for number in (1, 3)]
    assert accounts_of(platform) == 3

    # And the same book by another import, of the same platform.
    other = new_import(platform)
    send(platform, other, [shop(1), shop(2)])
    assert play(platform, other)["lines"]["refused"] == 2
    assert [one["account"] for one in report(platform, other).values()] == [again[1]["account"], again[2]["account"]]
    assert accounts_of(platform) == 3


def test_dry_run_tells_what_would_come_and_makes_nothing(platform: Platform) -> None:
    made = new_import(platform)
    send(platform, made, [FAMILY, shop(2), shop(2), shop(4, contact_email="nobody")])
    before = platform.server.count_rows()
    found = play(platform, made, dry_run=True)
    assert platform.server.count_rows() == before
    assert (found["status"], found["dry_run"]) == ("checked", True)
    assert found["lines"] == {"received": 4, "pending": 0, "accepted": 2, "refused": 2, "imported": 0}
    foreseen = report(platform, made)
    assert foreseen[3]["error"]["code"] == "import_line_repeated"
    assert "Line 2" in foreseen[3]["error"]["message"]
    assert foreseen[4]["error"]["code"] == "email_invalid"

    assert play(platform, made)["lines"]["imported"] == 2
    lines = report(platform, made)
    for number in (1, 2):
        assert foreseen[number]["account"] is None
        assert lines[number]["account"] is not None
        assert [lines[number][name] for name in ("entries", "capabilities")] == [
            foreseen[number][name] for name in ("entries", "capabilities")
        ]
    assert accounts_of(platform) == 2


def test_an_import_is_its_platforms_in_one_mode(platform: Platform, other_platform: Platform) -> None:
    made = new_import(platform, key="first")
    assert new_import(platform, key="first") == made
    send(platform, made, [shop(1)])
    send(other_platform, made, [shop(1)], status=404)
    assert ask(platform, "GET", f"/{made}/lines", live=True, status=404)["code"] == "not_found"
    for method, path in (("GET", ""), ("GET", "/lines"), ("POST", "/start"), ("POST", "/pause"), ("POST", "/resume")):
        for who, live in ((other_platform, False), (platform, True)):
            options: dict[str, Any] = {"json": {}} if method == "POST" else {}
            assert ask(who, method, f"/{made}{path}", live=live, status=404, **options)["code"] == "not_found"
    assert [one["id"] for one in ask(platform, "GET", "")["data"]] == [made]
    assert ask(other_platform, "GET", "")["data"] == []
    # The same words are no duplicate for somebody else.
    play(platform, made)
    other = new_import(other_platform)
    send(other_platform, other, [shop(1)])
    assert play(other_platform, other)["lines"]["imported"] == 1


def test_what_can_be_done_depends_on_where_it_stands(platform: Platform) -> None:
    made = new_import(platform)
    for verb in ("pause", "resume"):
        assert ask(platform, "POST", f"/{made}/{verb}", json={}, status=409)["code"] == "import_receiving"
    send(platform, made, [shop(1)])
    assert ask(platform, "POST", f"/{made}/start", json={}, key="s")["status"] == "running"
    assert ask(platform, "POST", f"/{made}/start", json={})["status"] == "running"
    assert ask(platform, "POST", f"/{made}/start", json={"dry_run": True}, status=409)["code"] == "import_running"
    assert send(platform, made, [shop(2)], status=409)["code"] == "import_running"
    assert ask(platform, "POST", f"/{made}/pause", json={})["status"] == "paused"
    assert ask(platform, "POST", f"/{made}/start", json={}, status=409)["code"] == "import_paused"
    # A key that was used starts nothing again.
    assert ask(platform, "POST", f"/{made}/start", json={}, key="s")["status"] == "paused"
    assert send(platform, made, [shop(2)])["lines"]["changed"] == 1
    assert ask(platform, "POST", f"/{made}/resume", json={})["status"] == "running"


@pytest.mark.parametrize(
    ("query", "content", "code", "param"),
    [
        ("first_line=0", b"{}", "parameter_invalid", "first_line"),
        ("first_line=250000", b"{}\n{}", "parameter_invalid", "first_line"),
        ("line=1", b"{}", "parameter_unknown", "line"),
        ("", b"{}\n" * 501, "parameter_invalid", None),
    ],
)
def test_odd_parts_are_refused_as_a_whole(
    platform: Platform, query: str, content: bytes, code: str, param: str | None
) -> None:
    made = new_import(platform)
    headers = {"Content-Type": "application/x-ndjson"}
    answer = platform.request("POST", f"{IMPORTS}/{made}/lines?{query}", content=content, headers=headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("param")) == (400, code, param)
    assert ask(platform, "GET", f"/{made}")["lines"]["received"] == 0
    answer = platform.request("POST", f"{IMPORTS}/{made}/lines", json={})
    assert answer.json()["error"]["code"] == "content_type_unsupported"


def test_the_report_has_pages(platform: Platform) -> None:
    made = new_import(platform)
    send(platform, made, [{"account": number} for number in range(5)], first=7)
    first = ask(platform, "GET", f"/{made}/lines", params={"limit": "2", "status": "refused"})
    assert [one["line"] for one in first["data"]] == [7, 8]
    assert first["previous_page_url"] is None
    second = platform.request("GET", first["next_page_url"]).json()
    assert [one["line"] for one in second["data"]] == [9, 10]
    assert platform.request("GET", second["previous_page_url"]).json()["data"] == first["data"]
    third = platform.request("GET", second["next_page_url"]).json()
    assert ([one["line"] for one in third["data"]], third["next_page_url"]) == ([11], None)
    assert ask(platform, "GET", f"/{made}/lines", params={"status": "lost"}, status=400)["param"] == "status"


def test_complete_individual_is_active_when_it_is_imported(api: ApiServer) -> None:
    platform = api.run(new_platform(api))
    account = patched(shop(1)["account"])
    account["identity"] = {**account["identity"], **RECIPIENT_DETAILS["identity"]}
    made = new_import(platform)
    send(platform, made, [orjson.dumps({"account": account, "external_accounts": [bank()]})])
    play(platform, made)
    [line] = report(platform, made).values()
    assert (line["entries"], set(line["capabilities"].values())) == (0, {"active"})

"""Accounts that onboard over HTTP: the platform's requests, the end user at the vendor's page, the reviewer."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.stack import NotInTimeError, Stack
from tests.support import samples

CHECKS = "/v2/verification/checks"
REVIEWS = "/v2/verification/reviews"
ACCOUNTS = "/v2/core/accounts"
OPEN = frozenset({"due", "started", "unavailable", "in_review"})
FORM = '<form method="post"'
CALL_SECONDS = 120.0
GIVEN_UP_STATUSES = frozenset(range(400, 500)) - {409, 429}
COMPANY_CHECKS = (
    "tax_id_match", "business_address_match", "id_number_match", "name_review", "description_review",
    "descriptor_review", "bank_account_match",
)  # fmt: skip
LISTED: Person = "Oskar", "Brandlik", (1958, 9, 30)
"""A person on the list of made-up people that comes with the engine."""

GIVEN = ("Ada", "Bram", "Cleo", "Dara", "Edda", "Finn", "Gus", "Hale", "Ines", "Jona")
SURNAMES = ("Marrowby", "Tillstrand", "Okafore", "Penhallick", "Quistgaard", "Rushford", "Sennett", "Umberfield")

Document = dict[str, Any]
Person = tuple[str, str, tuple[int, int, int]]
"""Given name, surname and date of birth."""


@dataclass(frozen=True)
class Script:
    """What happens to an account, and how it must end.

    Attributes:
        name: one of :data:`SCRIPTS`.
        tries: buttons that the user presses at the vendor's page, one after the other.
        surname: what the document says, where it is not what was keyed in.
        listed: whether the person is on a list.
        decision: what the reviewer says about a screening; everything else passes.
        company: whether it is one, with a representative and another owner.
    """

    name: str
    tries: tuple[str, ...] = ("verified",)
    surname: str | None = None
    listed: bool = False
    decision: str = "passed"
    company: bool = False

    @property
    def end(self) -> dict[str, str]:
        """Outcome of each kind of check, and the status of the capability."""
        identity = "failed" if self.surname or "verified" not in self.tries else "passed"
        capability = "restricted" if self.decision == "failed" else "active"
        ends = {"keyed_identity": identity, "address_match": "passed", "screening": self.decision}
        if self.company:
            ends |= dict.fromkeys(COMPANY_CHECKS, "passed")
        return ends | {"capability": capability}


SCRIPTS = {
    script.name: script
    for script in (
        Script("passes"),
        Script("declines", tries=("consent_declined",)),
        Script("differs", surname="Somebodyelse"),
        Script("blurred", tries=("document_unverified_other", "verified")),
        Script("listed", listed=True),
        Script("blocked", listed=True, decision="failed"),
        Script("company", company=True),
    )
}


class Platform:
    """Requests as the official SDK makes them: with a key, repeated while it may help.

    Args:
        stack: where to.
        key: a secret key.
    """

    def __init__(self, stack: Stack, key: str | None = None) -> None:
        self.stack = stack
        self._headers = {"Authorization": f"Bearer {key or stack.live_key}"}

    async def call(
        self, method: str, path: str, json: Any = None, *, form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None, seconds: float = CALL_SECONDS,
        file: tuple[str, bytes] | None = None,
    ) -> Document:  # fmt: skip
        """One request, with one idempotency key however often it is sent; what was answered."""
        headers = {**self._headers, "Idempotency-Key": str(uuid.uuid4())} if method == "POST" else self._headers
        until, pause = time.monotonic() + seconds, 0.1
        while True:
            said = "no answer"
            try:
                answer = await self.stack.http.request(
                    method,
                    self.stack.api + path,
                    json=json,
                    data=form,
                    files={"file": file} if file else None,
                    params=params,
                    headers=headers,
                )
            except httpx.TransportError:
                pass
            else:
                if answer.is_success:
                    document: Document = answer.json()
                    return document
                said = f"{answer.status_code} {answer.text[:300]}"
                refused = answer.headers.get("Stripe-Should-Retry")
                if refused == "false" or (refused is None and answer.status_code in GIVEN_UP_STATUSES):
                    raise RefusedError(answer.status_code, f"{method} {path}: {said}")
            if time.monotonic() > until:
                raise NotInTimeError(f"{method} {path}: {said}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)


class RefusedError(Exception):
    """The API refused a request, and repeating it would not help."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Life:
    """One account and the people around it."""

    platform: Platform
    script: Script
    number: int
    id: str = ""
    trouble: str = ""
    renamed: str = ""
    people: dict[str, Person] = field(default_factory=dict)

    # --- the platform -------------------------------------------------------------------------------------------------

    async def open(self) -> str:
        """Create the account, with everything that is asked for; its id."""
        who = self._who(0)
        if self.script.company:
            await self._open_company(who)
        else:
            body = samples.patched(samples.RECIPIENT, identity__individual=_person(*who))
            body["identity"]["attestations"] = {"terms_of_service": {"account": samples.ACCEPTANCE}}
            self.id = str((await self.platform.call("POST", ACCOUNTS, body))["id"])
        await self.platform.call(
            "POST",
            f"/v1/accounts/{self.id}/external_accounts",
            form={f"external_account[{name}]": value for name, value in samples.BANK_ACCOUNT.items()},
        )
        return self.id

    async def _open_company(self, who: Person) -> None:
        body = samples.patched(samples.COMPANY, identity__business_details__address=_address(self.number))
        body["identity"]["business_details"] |= {
            "registered_name": f"Marrowby Works {self.number} Inc",
            "phone": "+12125550123",
            "id_numbers": [{"type": "us_ein", "value": f"12{self.number % 10**7:07}"}],
        }
        body["defaults"] = {**body["defaults"], "profile": {"product_description": "Lamps and clocks, made to order."}}
        body["configuration"]["merchant"]["statement_descriptor"] = {"descriptor": "MARROWBY WORKS"}
        self.id = str((await self.platform.call("POST", ACCOUNTS, body))["id"])
        share = {"owner": True, "percent_ownership": "50"}
        leads = {**share, "representative": True, "executive": True, "title": "CEO"}
        numbers = [{"type": "us_ssn", "value": f"51245{1001 + self.number % 8000}"}]
        other = self._who(1)
        for one, more in ((who, {"relationship": leads, "id_numbers": numbers}), (other, {"relationship": share})):
            made = await self.platform.call("POST", f"{ACCOUNTS}/{self.id}/persons", {**_person(*one), **more})
            self.people[made["id"]] = one

    async def change(self, **changes: Any) -> None:
        """Change the individual."""
        await self.platform.call("POST", f"{ACCOUNTS}/{self.id}", {"identity": {"individual": changes}})

    async def checks(self) -> list[Document]:
        """All checks of the account, newest first."""
        found = await self.platform.call("GET", CHECKS, params={"account": self.id, "limit": "100"})
        checks: list[Document] = found["data"]
        return checks

    async def reviews(self) -> list[Document]:
        """Its reviews that are to be decided."""
        found = await self.platform.call("GET", REVIEWS, params={"account": self.id, "limit": "100"})
        return [one for one in found["data"] if one["status"] in ("open", "claimed")]

    async def check(self, kind: str = "keyed_identity") -> Document:
        """The newest check of a kind."""
        return next(one for one in await self.checks() if one["kind"] == kind)

    async def status(self) -> str:
        """Of the capability that was asked for."""
        configuration = "merchant" if self.script.company else "recipient"
        account = await self.platform.call(
            "GET", f"{ACCOUNTS}/{self.id}", params={"include[0]": f"configuration.{configuration}"}
        )
        capabilities = account["configuration"][configuration]["capabilities"]
        status = (
            capabilities["card_payments"] if self.script.company else capabilities["stripe_balance"]["stripe_transfers"]
        )["status"]
        return str(status)

    # --- the end user and the reviewer --------------------------------------------------------------------------------

    async def until_asked(self, seconds: float = 60.0) -> Document:
        """Wait until the end user has something to do; the check."""
        found: list[Document] = []

        async def is_asked() -> bool:
            found[:] = [one for one in await self.checks() if one["next_action"]]
            return bool(found)

        await self.platform.stack.until(is_asked, f"{self.id} to ask its user", seconds)
        return found[0]

    async def act(self, check: Document, outcome: str | None = None, **typed: str) -> bool:
        """Go to the vendor's page and press a button. False where there is nothing to do, or nobody answers."""
        url = check["next_action"]["redirect_to_url"]["url"]
        http = self.platform.stack.http
        try:
            page = await http.get(url)
            if FORM not in page.text:
                return False
            is_again = "You can try again" in page.text
            pressed = outcome or self.script.tries[min(int(is_again), len(self.script.tries) - 1)]
            given, surname, born = self._who_is(check)
            form = {
                "document_type": "passport",
                "first_name": given,
                "last_name": self.script.surname or self.renamed or surname,
                "dob": "{:04d}-{:02d}-{:02d}".format(*born),
                "outcome": pressed,
                **typed,
            }
            answer = await http.post(url, data=form)
        except httpx.TransportError:
            return False
        return answer.status_code in (200, 303)

    async def decide(self) -> None:
        """Decide every review as the script says."""
        for review in await self.reviews():
            decision = self.script.decision if review["kind"] == "screening" else "passed"
            try:
                await self.platform.call("POST", f"{REVIEWS}/{review['id']}/decide", {"decision": decision})
            except RefusedError as refused:
                # Decided by the request before this one, whose answer got lost, or not needed any more.
                if refused.status != httpx.codes.CONFLICT:
                    raise

    async def step(self) -> dict[str, str] | None:
        """Do what the user and the reviewer can do now; how the account ended, None while something is open."""
        checks = await self.checks()
        for check in checks:
            if check["next_action"]:
                await self.act(check)
        if any(one["status"] == "in_review" for one in checks):
            await self.decide()
        if not checks or any(one["status"] in OPEN for one in checks):
            return None
        ends: dict[str, str] = {}
        for one in reversed(checks):
            if one["status"] == "concluded":
                before = ends.get(one["kind"])
                same = before in (None, one["outcome"])
                ends[one["kind"]] = one["outcome"] if same else f"{before}, then {one['outcome']}"
        if self.script.end.keys() - {"capability"} - ends.keys():
            return None  # not all that is due has been opened yet
        return ends | {"capability": await self.status()}

    async def finish(self, seconds: float, *, pause: float = 0.3) -> bool:
        """Do what the user and the reviewer do until the account has ended; whether it ended as its script says."""
        until = time.monotonic() + seconds
        while True:
            found = await self.step()
            if found == self.script.end:
                self.trouble = ""
                return True
            if time.monotonic() > until:
                break
            await asyncio.sleep(pause)
        stands = [(one["kind"], one["status"], one["outcome"], bool(one["next_action"])) for one in await self.checks()]
        self.trouble = f"{self.script.name} {self.id}: ended {found}, stands {stands}"
        return False

    async def run(self, seconds: float, *, pause: float = 0.5) -> bool:
        """The whole life."""
        await self.open()
        return await self.finish(seconds, pause=pause)

    def _who(self, place: int) -> Person:
        if self.script.listed and place == 0:
            return LISTED
        number = self.number * 2 + place
        born = (1950 + number % 50, 1 + number % 12, 1 + number % 28)
        return GIVEN[number % len(GIVEN)], SURNAMES[number // len(GIVEN) % len(SURNAMES)], born

    def _who_is(self, check: Document) -> Person:
        person = check["subject"].get("person") if isinstance(check["subject"], dict) else None
        return self.people.get(person or "", self._who(0))


def _address(number: int) -> Document:
    return {
        "line1": f"{number + 1} Main Street",
        "city": "Columbus",
        "state": "OH",
        "postal_code": "43004",
        "country": "US",
    }


def _person(given: str, surname: str, born: tuple[int, int, int]) -> Document:
    year, month, day = born
    return {
        "given_name": given,
        "surname": surname,
        "email": "somebody@marrowby-works.com",
        "phone": "+12125550123",
        "date_of_birth": {"day": day, "month": month, "year": year},
        "address": _address(day),
    }

"""One right request to every operation of the API, in an order in which each finds what it needs.

Its answers are the examples of the description, are held against it, and name the objects that the fuzzer uses.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import stripe

from onboarding.domain.instants import rfc3339
from onboarding.settings import Settings
from tests.support.pictures import pdf
from tests.support.samples import (
    BANK_ACCOUNT,
    COMPANY,
    RECIPIENT,
    RECIPIENT_DETAILS,
    REPRESENTATIVE,
    patched,
)
from tests.support.serving import Platform

CALLBACK_SECRET = "whsec_walk"
HIT = {"day": 1, "month": 1, "year": 1900}
ALL = ["configuration.merchant", "configuration.recipient", "defaults", "identity", "requirements"]
PACK = """\
rules:
  - name: acme.workers
    source: Acme's terms, 3
    of: account
    when: {country: [US]}
    needs: [identity.business_details.estimated_worker_count]
    restricts: [{capabilities: [all], falls: at_request, grace_days: 20}]
"""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer."""

    operation: str
    request: Any
    answer: Any
    status: int = 200


@dataclass(slots=True)
class Walk:
    """The walk of one platform over the document's operations.

    Attributes:
        exchanges: what was asked and answered, in order.
        ids: of objects that stay, by the name of the path's parameter.
    """

    platform: Platform
    document: Mapping[str, Any]
    exchanges: list[Exchange] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, *, status: int = 200, **options: Any) -> Any:
        """Send one request; its answer must have the status. Answers what it holds, None for a file."""
        sent: dict[str, Any] = dict(options)
        if path.startswith("/v1/") and body is not None:
            form = urlencode([(key, value) for key, value in form_pairs(body)])
            sent |= {"content": form, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
        elif body is not None:
            sent["json"] = body
        answer: httpx.Response = self.platform.request(method, path, **sent)
        assert answer.status_code == status, (method, path, answer.text)
        found = answer.json() if answer.headers["content-type"] == "application/json" else None
        self.exchanges.append(Exchange(operation_of(self.document, method, path), body, found, status))
        return found

    def everything(self) -> None:
        """Ask every operation."""
        self._service()
        self._accounts()
        self._bank_accounts()
        self._tokens()
        self._files()
        self._vault()
        self._links()
        self._destinations()
        self._record()
        self._reviews()
        self._orders()
        self._policies()
        self._imports()
        self._clocks()

    def _service(self) -> None:
        for path in ("/health", "/ready", "/openapi.json"):
            self.ask("GET", path)
        body = json.dumps({"id": "evt_1", "object": "event", "type": "identity.verification_session.verified"})
        signature = stripe.WebhookSignature.generate_signature_header(body, CALLBACK_SECRET, int(time.time()))
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        self.ask("POST", "/callbacks/stripe_identity", content=body, headers=headers)

    def _accounts(self) -> None:
        account = self.ask("POST", "/v2/core/accounts", {**COMPANY, "include": ALL})
        self.ids["account_id"] = account["id"]
        path = f"/v2/core/accounts/{account['id']}"
        person = self.ask("POST", f"{path}/persons", REPRESENTATIVE)
        self.ids["person_id"] = person["id"]
        self.ask("GET", f"{path}/persons")
        self.ask("GET", f"{path}/persons/{person['id']}")
        self.ask("POST", f"{path}/persons/{person['id']}", {"relationship": {"title": "Chief executive"}})
        director = {"given_name": "Tom", "surname": "Rosen", "relationship": {"director": True}}
        second = self.ask("POST", f"{path}/persons", director)
        self.ask("DELETE", f"{path}/persons/{second['id']}")
        self.ask(
            "POST", path, {"display_name": "Rosen Gardens", "metadata": {"shop": "7"}, "include": ["requirements"]}
        )
        self.ask("GET", f"{path}?{urlencode([('include', 'configuration.merchant'), ('include', 'requirements')])}")
        self.ask("GET", "/v2/core/accounts?limit=2")
        closed = self.ask("POST", "/v2/core/accounts", {"display_name": "Closed shop"})
        self.ask("POST", f"/v2/core/accounts/{closed['id']}/close", {})

    def _bank_accounts(self) -> None:
        path = f"/v1/accounts/{self.ids['account_id']}/external_accounts"
        bank = self.ask("POST", path, {"external_account": BANK_ACCOUNT})
        self.ids["bank_account_id"] = bank["id"]
        self.ask("GET", path)
        self.ask("GET", f"{path}/{bank['id']}")
        self.ask("POST", f"{path}/{bank['id']}", {"account_holder_name": "Jenny Rosen", "metadata": {"desk": "7"}})
        token = self.ask("POST", "/v1/tokens", {"bank_account": {**BANK_ACCOUNT, "account_holder_name": "Tom Rosen"}})
        second = self.ask("POST", path, {"external_account": token["id"]})
        self.ask("GET", f"/v1/tokens/{token['id']}")
        self.ask("DELETE", f"{path}/{second['id']}")

    def _tokens(self) -> None:
        person = {"given_name": "Tess", "surname": "Vahey", "relationship": {"owner": True}}
        paths = {
            "token_id": ("/v1/tokens", {"bank_account": BANK_ACCOUNT}),
            "account_token_id": ("/v2/core/account_tokens", {"display_name": "Rosen Gardens"}),
            "person_token_id": (f"/v2/core/accounts/{self.ids['account_id']}/person_tokens", person),
        }
        for name, (path, held) in paths.items():
            self.ids[name] = self.ask("POST", path, held)["id"]
            self.ask("GET", f"{path}/{self.ids[name]}")

    def _files(self) -> None:
        self.ids["file_id"] = self.ask("POST", "/v1/files", **upload("identity_document", pdf()))["id"]
        path = f"/v1/files/{self.ids['file_id']}"
        for asked in (path, "/v1/files?purpose=identity_document", f"{path}/contents"):
            self.ask("GET", asked)

    def _vault(self) -> None:
        account: dict[str, Any] = {"headers": {"Stripe-Context": self.ids["account_id"]}}
        us = {"account_number": "000123456789", "currency": "usd", "routing_number": "110000000"}
        gb = {"account_number": "00012345", "currency": "gbp", "sort_code": "10-88-00"}
        for country, numbers in (("us", us), ("gb", gb)):
            path = f"/v2/core/vault/{country}_bank_accounts"
            bank = self.ask("POST", path, numbers, **account)
            self.ids[f"{country}_bank_account_id"] = bank["id"]
            self.ask("GET", path, **account)
            self.ask("GET", f"{path}/{bank['id']}", **account)
            for verb in ("archive", "unarchive"):
                self.ask("POST", f"{path}/{bank['id']}/{verb}", {}, **account)
        path = f"/v2/core/vault/us_bank_accounts/{self.ids['us_bank_account_id']}"
        self.ask("POST", path, {"fedwire_routing_number": "110000000"}, **account)
        for verb in ("send_microdeposits", "confirm_microdeposits"):
            self.ask("POST", f"{path}/{verb}", {}, status=400, **account)

    def _links(self) -> None:
        account, address = self.ids["account_id"], "https://rosen-gardens.com/again"
        options = {"refresh_url": address, "return_url": "https://rosen-gardens.com/done"}
        use_case = {"type": "account_onboarding", "account_onboarding": options}
        self.ask("POST", "/v2/core/account_links", {"account": account, "use_case": use_case})
        self.ask("POST", "/v1/account_links", {"account": account, "type": "account_onboarding", **options})

    def _destinations(self) -> None:
        path = "/v2/core/event_destinations"
        sent = {
            "type": "webhook_endpoint",
            "name": "The shop",
            "event_payload": "thin",
            "enabled_events": ["v2.core.account.updated"],
            "webhook_endpoint": {"url": "https://rosen-gardens.com/hook"},
        }
        included = {"include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"]}
        made = [self.ask("POST", path, {**sent, **more}) for more in (included, {})]
        self.ids["destination_id"] = made[0]["id"]
        self.ask("DELETE", f"{path}/{made[1]['id']}")
        self.ask("GET", f"{path}?include=webhook_endpoint.url")
        path = f"{path}/{made[0]['id']}"
        self.ask("GET", path)
        self.ask("POST", path, {"description": "Orders are packed when an account may take payments."})
        for verb in ("disable", "enable", "ping"):
            self.ask("POST", f"{path}/{verb}", {})

    def _record(self) -> None:
        account = self.ids["account_id"]
        events = self.ask("GET", f"/v2/core/events?object_id={self.ids['person_id']}&limit=1")
        self.ids["event_id"] = events["data"][0]["id"]
        self.ask("GET", f"/v2/core/events/{self.ids['event_id']}")
        ours = f"/v2/verification/accounts/{account}"
        self.ask("GET", f"{ours}/timeline?limit=2")
        self.ask("GET", f"{ours}/explanation?capability=merchant.card_payments")
        incomplete = self.ask("POST", "/v2/core/accounts", RECIPIENT)
        self.ask("GET", f"/v2/verification/accounts/{incomplete['id']}/requirements?locale=de")
        self.ask("GET", f"/v2/verification/accounts/{incomplete['id']}/requirements?audience=operator")
        self.ask("GET", f"/v2/verification/accounts/{incomplete['id']}/explanation")
        report = {
            "id": "2026-11-30",
            "account": account,
            "currency": "usd",
            "totals": [{"period": "2026", "amount": 40120000}, {"period": "lifetime", "amount": 91250000}],
        }
        self.ask("POST", "/v2/verification/activity", report)
        self.ask("GET", f"/v2/verification/activity?account={account}")
        checks = self.ask("GET", f"/v2/verification/checks?account={account}&limit=2")
        self.ids["check_id"] = checks["data"][0]["id"]
        self.ask("GET", f"/v2/verification/checks/{self.ids['check_id']}")

    def _hit(self) -> str:
        """An account whose screening found something; the id of its review."""
        account = self.ask("POST", "/v2/core/accounts", RECIPIENT)
        details = patched(RECIPIENT_DETAILS, identity__individual__date_of_birth=HIT)
        self.ask("POST", f"/v2/core/accounts/{account['id']}", details)
        [review] = self.ask("GET", f"/v2/verification/reviews?account={account['id']}")["data"]
        found: str = review["id"]
        return found

    def _reviews(self) -> None:
        self.ids["review_id"] = self._hit()
        path = f"/v2/verification/reviews/{self._hit()}"
        self.ask("POST", f"{path}/claim", {"reviewer": "ada"})
        self.ask("POST", f"{path}/release", {"reviewer": "ada"})
        self.ask("POST", f"{path}/assign", {"assignee": "ada"})
        self.ask("POST", "/v2/verification/reviews/claim_next", {"queue": "screening", "reviewer": "ada"})
        self.ask("POST", f"{path}/notes", {"text": "Another person of that name.", "reviewer": "ada"})
        self.ask("GET", f"{path}/notes")
        self.ask("POST", f"{path}/decide", {"decision": "passed", "reviewer": "ada"})
        self.ask("GET", path)
        field, error = "identity.individual.documents.primary_verification", "verification_document_not_readable"
        entries = [{"description": field, "error": error}]
        self.ask("POST", f"/v2/verification/reviews/{self._hit()}/request_information", {"entries": entries})

    def _orders(self) -> None:
        account = self.ask("POST", "/v2/core/accounts", RECIPIENT)["id"]
        orders = f"/v2/verification/accounts/{account}/orders"
        hold = {"kind": "hold", "reason": "credit_review", "ticket": "CASE-7"}
        undone = self.ask("POST", orders, hold)
        self.ask("POST", f"{orders}/{undone['id']}/undo", {})
        self.ask("POST", f"/v1/accounts/{account}/reject", {"reason": "fraud_other"})
        self.ask("POST", f"/v1/accounts/{account}/unreject", {})
        self.ask("GET", orders)
        own = f"/v2/verification/accounts/{self.ids['account_id']}/orders"
        self.ids["order_id"] = self.ask("POST", own, {**hold, "capability": "merchant.card_payments"})["id"]
        self.ask("GET", f"{own}/{self.ids['order_id']}")

    def _policies(self) -> None:
        policies = "/v2/verification/policies"
        first = self.ask("POST", policies, {"name": "acme", "packs": {"acme": PACK}})
        second = self.ask("POST", policies, {"name": "acme", "packs": {"acme": PACK.replace("terms, 3", "terms, 4")}})
        self.ids["policy_id"] = second["id"]
        path = f"{policies}/{second['id']}"
        self.ask("GET", f"{policies}?limit=2")
        self.ask("GET", path)
        self.ask("GET", f"{path}/diff?against={first['id']}")
        at = datetime.fromisoformat(self.ask("POST", f"{path}/dry_run", {})["at"]) + timedelta(days=1)
        wave = {"share": 1.0, "starts_at": rfc3339(at), "transition_at": rfc3339(at + timedelta(days=30))}
        rollout = self.ask("POST", f"{path}/roll_out", {"waves": [wave], "allow_restricting": True})
        self.ids["rollout_id"] = rollout["id"]
        path = f"/v2/verification/rollouts/{rollout['id']}"
        self.ask("GET", "/v2/verification/rollouts")
        self.ask("GET", path)
        for verb in ("pause", "resume", "roll_back"):
            self.ask("POST", f"{path}/{verb}", {})

    def _imports(self) -> None:
        imports, ndjson = "/v2/verification/imports", {"Content-Type": "application/x-ndjson"}
        made = self.ask("POST", imports, {"accounts_per_second": 20})
        self.ids["import_id"] = made["id"]
        path = f"{imports}/{made['id']}"
        body = "\n".join(json.dumps(line) for line in ({"account": RECIPIENT}, {"account": {"display_name": 7}}))
        self.ask("POST", f"{path}/lines?first_line=1", content=body, headers=ndjson)
        self.ask("GET", f"{path}/lines?status=refused")
        self.ask("POST", f"{path}/start", {"dry_run": True})
        self.ask("POST", f"{path}/pause", {})
        self.ask("POST", f"{path}/resume", {})
        self.ask("GET", path)
        self.ask("GET", imports)

    def _clocks(self) -> None:
        clocks = "/v2/verification/test_clocks"
        begin = datetime.fromisoformat(self.ask("GET", "/v2/core/events?limit=1")["data"][0]["created"])
        clock = self.ask("POST", clocks, {"frozen_time": rfc3339(begin + timedelta(days=1)), "name": "a year"})
        self.ids["clock_id"] = clock["id"]
        path = f"{clocks}/{clock['id']}"
        account = self.ask("POST", "/v2/core/accounts", {"display_name": "On a clock"})
        self.ask("POST", f"{path}/attach", {"account": account["id"]})
        self.ask("POST", f"{path}/advance", {"frozen_time": rfc3339(begin + timedelta(days=30))})
        self.ask("GET", path)
        self.ask("GET", clocks)


def with_callbacks(settings: Settings) -> Settings:
    """The same process, which takes a vendor's callbacks too."""
    given = {
        "DATABASE_URL": settings.database_url,
        "ONBOARDING_ROOT_KEYS": settings.root_keys.get_secret_value(),
        "ONBOARDING_STRIPE_IDENTITY_KEY": "rk_test_1",
        "ONBOARDING_STRIPE_IDENTITY_WEBHOOK_SECRETS": CALLBACK_SECRET,
    }
    return Settings.model_validate(given)


def operation_of(document: Mapping[str, Any], method: str, path: str) -> str:
    """The operation that a request is for."""
    plain = path.partition("?")[0]
    for template, methods in document["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, plain) and method.lower() in methods:
            found: str = methods[method.lower()]["operationId"]
            return found
    raise LookupError(f"{method} {plain} is not described")


def upload(purpose: str, content: bytes) -> dict[str, Any]:
    """What a request needs to send a file."""
    request = httpx.Request("POST", "/", data={"purpose": purpose}, files={"file": ("passport.pdf", content)})
    return {"content": request.read(), "headers": {"Content-Type": request.headers["content-type"]}}


def form_pairs(body: Any, prefix: str = "") -> list[tuple[str, str]]:
    """A v1 form of a nested dict."""
    found: list[tuple[str, str]] = []
    for name, value in body.items():
        key = f"{prefix}[{name}]" if prefix else name
        if isinstance(value, dict):
            found += form_pairs(value, key)
        else:
            found.append((key, str(value)))
    return found

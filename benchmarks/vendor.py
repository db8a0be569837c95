"""Onboardings per second with a vendor in the way, beside the minimal workflow on the same server.

An onboarding here: a live individual is created whole, a list screens the name, the vendor's simulator opens a session,
the user posts its page, the simulator calls back, and the check is concluded. Engine, worker, API, simulator, Postgres
and Temporal's development server share the machine; the minimal side is that of ``benchmarks.onboardings``.

``python -m benchmarks.vendor [--accounts 60] [--at-once 12] [--rounds 3]``
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
from typing import Any

import httpx
from temporalio.worker import Worker

from benchmarks.minimal import MinimalWorkflow, nothing
from benchmarks.onboardings import ACCOUNT, BANK_ACCOUNT, Sides, rate
from benchmarks.program import as_program
from benchmarks.servers import servers
from onboarding.checks import Checks
from onboarding.door.callers import Caller
from onboarding.engine import Engine, open_engine
from onboarding.ids import new_id
from onboarding.local.processes import free_port
from onboarding.settings import Settings
from onboarding.storage import keys
from onboarding.temporal import Nudger, connect
from onboarding.verifiers.configured import screening_from, verifiers_from
from worker import make_worker
from workflows import names
from workflows.schedule import target

PERSON: dict[str, Any] = {
    "given_name": "Ada",
    "surname": "Example",
    "email": "ada@benchmark-shop.com",
    "phone": "+12125550123",
    "date_of_birth": {"day": 4, "month": 5, "year": 1984},
    "address": {"line1": "1 Main Street", "city": "Columbus", "state": "OH", "postal_code": "43004", "country": "US"},
}
LIVE: dict[str, Any] = {**ACCOUNT, "identity": {**ACCOUNT["identity"], "individual": PERSON}}
SEEN = {
    "document_type": "passport", "first_name": "Ada", "last_name": "Example", "dob": "1984-05-04", "outcome": "verified"
}  # fmt: skip
PATIENCE_SECONDS = 60.0


class Vendor:
    """The side with the vendor: what one account needs until its check is concluded."""

    def __init__(self, engine: Engine, caller: Caller, browser: httpx.AsyncClient) -> None:
        self._engine = engine
        self._caller = caller
        self._browser = browser
        self.checks: list[str] = []
        self.accounts: list[str] = []

    async def onboarding(self) -> None:
        """One account, from its creation to the vendor's pass."""
        view = await self._engine.accounts.create(self._caller, LIVE, None)
        account_id = str(view.account["id"])
        await self._engine.accounts.create_bank_account(self._caller, account_id, BANK_ACCOUNT, None)
        check = await self._until(account_id, lambda check: check["next_action"] is not None)
        answered = await self._browser.post(check["next_action"]["redirect_to_url"]["url"], data=SEEN)
        answered.raise_for_status()
        check = await self._until(account_id, lambda check: check["status"] == "concluded")
        if check["outcome"] != "passed":
            raise RuntimeError(f"the check ended {check['outcome']}")
        self.checks.append(check["id"])
        self.accounts.append(account_id)

    async def _until(self, account_id: str, is_so: Any) -> Any:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                page = await self._engine.reader.checks(self._caller, account_id=account_id)
                [check] = [one for one in page.data if one["kind"] == "keyed_identity"]
                if is_so(check):
                    return check
                await asyncio.sleep(0.05)


async def measure(settings: Settings, accounts: int, at_once: int, rounds: int) -> dict[str, Any]:
    """Rates of both sides, round by round, and the events of a check."""
    client = await connect(settings, lazy=False)
    nudger = Nudger(client, task_queue=settings.task_queue, target=target)
    verifiers = verifiers_from(settings, screening_from(settings))
    engine = await open_engine(settings, verifiers=verifiers, nudge=nudger.nudge, name="benchmark")
    checks = Checks(engine.door, engine.database, verifiers, engine.inbox)
    product = make_worker(client, engine, nudger, task_queue=settings.task_queue, checks=checks)
    minimal = Worker(
        client, task_queue=f"{settings.task_queue}-minimal", workflows=[MinimalWorkflow], activities=[nothing]
    )
    platform_id = new_id("plat_")
    async with engine.database.transaction() as tx:
        await keys.create_platform(tx, platform_id=platform_id)
    caller = Caller(platform_id, livemode=True, actor="benchmark")
    found: dict[str, list[float]] = {"vendor": [], "minimal": []}
    plans: Any = None
    other = Sides(engine, plans, client, settings.task_queue, caller)
    try:
        async with product, minimal, httpx.AsyncClient(follow_redirects=True, trust_env=False) as browser:
            vendor = Vendor(engine, caller, browser)
            await rate(vendor.onboarding, at_once, at_once)  # warm
            await rate(other.minimal, at_once, at_once)
            for _ in range(rounds):
                for name, side in (("vendor", vendor.onboarding), ("minimal", other.minimal)):
                    found[name].append(await rate(side, accounts, at_once))
            events = [await _events(client, names.check_workflow_id(one)) for one in vendor.checks]
            of_account = [await _events(client, names.account_workflow_id(one)) for one in vendor.accounts]
    finally:
        await nudger.close()
        await engine.close()
    with_vendor, without = statistics.median(found["vendor"]), statistics.median(found["minimal"])
    return {
        "at_once": at_once,
        "onboardings_per_second": round(with_vendor, 1),
        "minimal_per_second": round(without, 1),
        "ratio": round(with_vendor / without, 2),
        "events_of_the_check": {"median": statistics.median(events), "most": max(events)},
        "events_of_the_account_so_far": {"median": statistics.median(of_account), "most": max(of_account)},
        "rounds": {name: [round(one, 1) for one in rates] for name, rates in found.items()},
    }


async def _events(client: Any, workflow_id: str) -> int:
    return int((await client.get_workflow_handle(workflow_id).describe()).history_length)


def main() -> None:
    """Start everything, measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=60)
    parser.add_argument("--at-once", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with servers() as running:
        api_port, vendor_port = free_port(), free_port()
        environment = {
            **running.environment,
            "ONBOARDING_API_PORT": str(api_port),
            "ONBOARDING_SCREENING_LISTS": "bundled",
            "ONBOARDING_MANUAL_CHECKS": "address_match,id_number_match",
            "ONBOARDING_STRIPE_IDENTITY_URL": f"http://127.0.0.1:{vendor_port}",
            "ONBOARDING_STRIPE_IDENTITY_KEY": "sk_test_benchmark",
            "ONBOARDING_STRIPE_IDENTITY_WEBHOOK_SECRETS": "whsec_benchmark",
            "IDENTITY_SIMULATOR_KEY": "sk_test_benchmark",
            "IDENTITY_SIMULATOR_WEBHOOK_SECRET": "whsec_benchmark",
        }
        simulator = [
            sys.executable, "-m", "simulators.identity", "--port", str(vendor_port), "--delay", "0",
            "--state", str(running.folder / "vendor"),
            "--webhook-url", f"http://127.0.0.1:{api_port}/callbacks/stripe_identity",
        ]  # fmt: skip
        running.parts.start(
            running.child("api", [sys.executable, "-m", "api"], api_port, "/ready", environment),
            running.child("simulator", simulator, vendor_port, "/_control/health", environment),
        )
        settings = Settings.model_validate(environment)
        found = asyncio.run(measure(settings, options.accounts, options.at_once, options.rounds))
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    as_program(main)

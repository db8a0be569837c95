"""Who may be asked: the sandbox never answers for a live account, and switched off it is not even there."""

import base64
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from onboarding.domain.settle import Answer
from onboarding.settings import Settings, SettingsError
from onboarding.validation.objects import nothing_exempt
from onboarding.verifiers.configured import screening_from, verifiers_from
from onboarding.verifiers.port import Question, RepeatedStart, Report, Started
from onboarding.verifiers.registry import SandboxRefused, Verifiers


@dataclass
class Vendor:
    name: str
    kinds: frozenset[str]
    version: str = "1"
    repeated_start: RepeatedStart = RepeatedStart.KEY
    key_lifetime: timedelta = timedelta(hours=1)

    async def start(self, question: Question, *, our_reference: str, idempotency_key: str) -> Started | Report:
        raise NotImplementedError

    async def find(self, our_reference: str) -> Started | None:
        raise NotImplementedError

    async def poll(self, vendor_reference: str, question: Question | None) -> Report | None:
        raise NotImplementedError

    async def cancel(self, vendor_reference: str) -> None:
        raise NotImplementedError


KEY = base64.b64encode(bytes(32)).decode()


def _settings(sandbox: str, **more: str) -> Settings:
    given = {"DATABASE_URL": "postgresql://h/d", "ONBOARDING_ROOT_KEYS": f"1:{KEY}", "ONBOARDING_SANDBOX": sandbox}
    return Settings.model_validate(given | more)


def test_a_live_account_has_no_inline_verifier() -> None:
    verifiers = verifiers_from(_settings("on"))

    assert verifiers.inline(livemode=True) is None
    assert verifiers.inline(livemode=False) is verifiers.sandbox is not None


def test_looking_the_sandbox_up_for_a_live_account_raises() -> None:
    verifiers = verifiers_from(_settings("on"))

    with pytest.raises(SandboxRefused, match="live"):
        verifiers.sandbox_for(livemode=True)
    assert verifiers.sandbox_for(livemode=False) is verifiers.sandbox


@pytest.mark.parametrize(("livemode", "reason"), [(True, "live"), (False, "off")])
def test_looking_the_sandbox_up_where_it_is_off_raises(*, livemode: bool, reason: str) -> None:
    with pytest.raises(SandboxRefused, match=reason):
        verifiers_from(_settings("off")).sandbox_for(livemode=livemode)


def test_test_values_are_ordinary_data_of_a_live_account() -> None:
    verifiers = verifiers_from(_settings("on"))

    assert verifiers.exemptions(livemode=False)("id_number", "000000000")
    assert not verifiers.exemptions(livemode=True)("id_number", "000000000")
    assert verifiers.exemptions(livemode=True) is nothing_exempt


def test_off_exempts_nothing_and_answers_nothing() -> None:
    verifiers = verifiers_from(_settings("off", ONBOARDING_PROFILE_REVIEWS="off"))

    assert verifiers == Verifiers()
    assert not verifiers.exemptions(livemode=False)("id_number", "000000000")
    assert verifiers.inline(livemode=False) is None


def test_off_never_imports_the_sandbox() -> None:
    program = (
        "import sys\n"
        "from onboarding.settings import Settings\n"
        "from onboarding.verifiers.configured import verifiers_from\n"
        f"given = {{'DATABASE_URL': 'postgresql://h/d', 'ONBOARDING_ROOT_KEYS': '1:{KEY}'}}\n"
        "for sandbox in ('off', 'on'):\n"
        "    verifiers = verifiers_from(Settings.model_validate(given | {'ONBOARDING_SANDBOX': sandbox}))\n"
        "    verifiers.inline(livemode=True), verifiers.inline(livemode=False)\n"
        "    verifiers.exemptions(livemode=False)('id_number', '000000000')\n"
        "    print(sandbox, any(name.startswith('onboarding.verifiers.sandbox') for name in sys.modules))\n"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 -- our own program

    assert printed.stdout.splitlines() == ["off False", "on True"]


def test_outward_verifiers_serve_their_kinds_in_order_of_preference() -> None:
    first, second = Vendor("first", frozenset({"a", "b"})), Vendor("second", frozenset({"b"}))
    verifiers = Verifiers(outward=(first, second))

    assert verifiers.outward_for("b", livemode=True) == (first, second)
    assert verifiers.outward_for("a", livemode=True) == (first,)
    assert verifiers.outward_for("c", livemode=True) == ()
    assert verifiers.named("second") is second
    assert verifiers.named("third") is None


def test_outward_verifiers_serve_a_sandbox_account_only_where_told() -> None:
    vendor = Vendor("vendor", frozenset({"a"}))

    assert Verifiers(outward=(vendor,)).outward_for("a", livemode=False) == ()
    assert Verifiers(outward=(vendor,), serve_sandbox=True).outward_for("a", livemode=False) == (vendor,)


def test_settings_name_the_verifiers_of_live_accounts() -> None:
    named = {
        "ONBOARDING_SCREENING_LISTS": "bundled",
        "ONBOARDING_MANUAL_CHECKS": "address_match, tax_id_match",
        "ONBOARDING_STRIPE_IDENTITY_KEY": "rk_live_made_up",
        "ONBOARDING_STRIPE_IDENTITY_WEBHOOK_SECRETS": "whsec_new,whsec_old",
    }
    settings = _settings("on", **named)
    worker = verifiers_from(settings, screening_from(settings))

    assert [verifier.name for verifier in worker.local_for(livemode=True)] == ["lists", "manual", "profile"]
    assert worker.local_for(livemode=False) == ()
    assert [verifier.name for verifier in worker.outward_for("keyed_identity", livemode=True)] == ["stripe_identity"]
    assert worker.outward_for("keyed_identity", livemode=False) == ()
    # The API loads no lists.
    assert [verifier.name for verifier in verifiers_from(settings).local] == ["manual", "profile"]


def test_settings_without_verifiers_name_none() -> None:
    settings = _settings("on")
    assert screening_from(settings) is None
    assert verifiers_from(settings).outward == ()
    assert [verifier.name for verifier in verifiers_from(settings).local] == ["profile"]  # rules need no setting


def test_profile_reviews_serve_live_accounts_only_and_can_be_switched_off() -> None:
    on, off = _settings("on"), _settings("on", ONBOARDING_PROFILE_REVIEWS="off")

    assert verifiers_from(on).local_for(livemode=False) == ()
    assert verifiers_from(off).local_for(livemode=True) == ()


def test_what_people_are_to_decide_no_rule_decides_before_them() -> None:
    kinds = "name_review,website_review"
    local = verifiers_from(_settings("on", ONBOARDING_MANUAL_CHECKS=kinds)).local_for(livemode=True)
    paypal = {"identity.business_details.registered_name": "paypal"}

    def first(kind: str) -> str:
        question = Question("check_1", kind, "account", "digest", paypal, datetime(2026, 3, 4, tzinfo=UTC))
        return next(answer.verifier for verifier in local if isinstance(answer := verifier.answer(question), Answer))

    assert {kind: first(kind) for kind in ("name_review", "website_review", "description_review")} == {
        "name_review": "manual",
        "website_review": "manual",
        "description_review": "profile",
    }


def test_a_denylist_of_the_deployment_takes_the_bundled_ones_place(tmp_path: Path) -> None:
    own = tmp_path / "ours.yaml"
    own.write_text("brands: [Orchard Pay]\n")
    bundled, ours = (
        verifiers_from(_settings("on", ONBOARDING_PROFILE_DENYLIST=path)).local[0] for path in ("", str(own))
    )

    assert bundled.name == ours.name == "profile"
    assert bundled.version != ours.version


def test_a_broken_denylist_stops_the_start_with_file_and_line(tmp_path: Path) -> None:
    own = tmp_path / "ours.yaml"
    own.write_text("brands:\n  - Orchard Pay\nnames: []\n")

    with pytest.raises(SettingsError, match=r"ONBOARDING_PROFILE_DENYLIST: ours\.yaml line 3: expected a map with"):
        verifiers_from(_settings("on", ONBOARDING_PROFILE_DENYLIST=str(own)))

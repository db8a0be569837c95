"""``onboarding policies``, as a compliance officer types it (docs/policies.md)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from onboarding.cli.operations import CommandFailed
from onboarding.cli.policy_operations import waves_of
from onboarding.engine import Engine, open_engine
from onboarding.settings import Settings
from tests.policies.telling import DAY, HARSH, WORKERS, accounts, asking, finish, now, steps_of
from tests.stories.telling import new_caller
from tests.support.commands import command

pytestmark = pytest.mark.timeout(240)  # two dozen commands, each a process of its own


@pytest.fixture
async def engine(temporal_settings: Settings) -> AsyncIterator[Engine]:
    opened = await open_engine(temporal_settings, name="policy-commands")
    yield opened
    await opened.close()


async def said(settings: Settings, *arguments: str, code: int = 0) -> str:
    """What a command prints, if its exit status is this one; errors behind what it printed before."""
    done = await command(settings, "policies", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert code == 0 or done.stderr.startswith("onboarding: ") or not done.stderr
    return done.stdout + done.stderr


async def test_from_a_copied_pack_to_the_accounts_and_back(
    temporal_settings: Settings, engine: Engine, tmp_path: Path
) -> None:
    settings, caller = temporal_settings, await new_caller(engine)
    await accounts(engine, caller, 4)
    folder, of_platform = tmp_path / "packs", ("--platform", caller.platform_id)
    name = f"p{caller.platform_id[-12:]}"

    assert (await said(settings, "copy", str(folder), "ie")) == f"{folder / 'ie.yaml'}\n"
    pack, own = folder / "ie.yaml", folder / "acme.yaml"
    own.write_text(asking())
    shipped = pack.read_text()
    pack.write_text(shipped.replace("grace_days: 14", "grace_days: 0"))
    again, found = await asyncio.gather(
        said(settings, "copy", str(folder), "ie", code=1),
        said(settings, "lint", str(pack), "--with-builtin", code=2),
    )
    assert "is there already" in again
    assert re.search(r"^ie\.yaml:\d+: rule ie\.individual\.residence, restricts\.0\.grace_days: ", found, re.MULTILINE)
    pack.write_text(shipped.replace("grace_days: 14", "grace_days: 10"))
    files = (str(pack), str(own), "--with-builtin")
    linted, published = await asyncio.gather(
        said(settings, "lint", *files), said(settings, "publish", "--name", name, *files, *of_platform)
    )
    assert linted == "nothing wrong\n"
    made = re.fullmatch(rf"(pol_[0-9a-f]{{24}})  {name}@1  published\n", published)
    assert made is not None
    policy = made[1]

    again, listed, shown, rule, differs, same, foreseen = await asyncio.gather(
        said(settings, "publish", "--name", name, *files, *of_platform),
        said(settings, "list"),
        said(settings, "show", name),
        said(settings, "show", name, "--rule", "acme.workers"),
        said(settings, "diff", "builtin", policy),
        said(settings, "diff", policy, policy),
        said(settings, "dry-run", policy, *of_platform),
    )
    assert "was published before" in again
    assert f"{name}@1" in listed
    assert "acme.workers" in shown
    assert rule.startswith("name: acme.workers\nsource: Acme's own\nof: account\n")
    assert re.search(r"rule +acme\.workers +added", differs)
    assert re.search(r"rule +ie\.individual\.residence +restricts +- merchant\.stripe_balance\.payouts", differs)
    assert "say the same" in same
    assert re.search(r"accounts +4 *\n", foreseen)
    assert re.search(rf"{re.escape(WORKERS)} +4 *\n", foreseen)

    waves = ("--wave", "25%@now:+30d", "--wave", "75%@+7d:+30d")
    rolled_out = await said(settings, "roll-out", policy, *waves, *of_platform)
    rollout = rolled_out.split()[0]
    assert re.match(rf"rol_\w+  scheduled  {policy}  {caller.platform_id} \(live and test\)\n", rolled_out)
    assert await finish(steps_of(engine), rollout) == "running"
    second, listed, shown = await asyncio.gather(
        said(settings, "roll-out", policy, *waves, *of_platform, code=1),
        said(settings, "rollouts"),
        said(settings, "rollouts", rollout),
    )
    assert "under way" in second
    assert rollout in listed
    assert "running" in shown
    assert "paused" in await said(settings, "pause", rollout)
    assert "running" in await said(settings, "resume", rollout)
    assert "rolling_back" in await said(settings, "roll-back", rollout)
    assert await finish(steps_of(engine), rollout) == "rolled_back"
    assert "is rolled back" in await said(settings, "resume", rollout, code=1)


async def test_too_many_restricted_have_an_exit_status_and_numbers(
    temporal_settings: Settings, engine: Engine, tmp_path: Path
) -> None:
    settings, caller = temporal_settings, await new_caller(engine)
    await accounts(engine, caller, 2)
    (tmp_path / "acme.yaml").write_text(HARSH)
    of_platform = ("--platform", caller.platform_id)
    files = (str(tmp_path / "acme.yaml"), "--with-builtin", *of_platform)
    policy = (await said(settings, "publish", "--name", "harsh", *files)).split()[0]
    wave = ("--wave", "100%@now:+30d", *of_platform)
    found = await said(settings, "roll-out", policy, *wave, code=3)
    assert "2 of 2 accounts (100.0%) would lose an active capability" in found
    assert re.search(r"losing active +2 *\n", found)
    assert re.search(r"merchant\.card_payments +20\d\d-\d\d-\d\d +2 *\n", found)
    assert "scheduled" in await said(settings, "roll-out", policy, *wave, "--allow-restricting")


async def test_what_can_t_be_done_is_told_in_a_line(temporal_settings: Settings, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(asking())
    bad.write_text(asking(needs="[identity.shoe_size]"))
    cases: list[tuple[tuple[str, ...], int, str]] = [
        (("show", "nobody"), 1, "No such policy."),
        (("show", "builtin", "--rule", "us.nothing"), 1, "it has no rule us.nothing"),
        (("rollouts", "rol_0"), 1, "No such roll-out."),
        (("copy", str(tmp_path), "atlantis"), 1, "atlantis is none of base, us"),
        (("lint", str(tmp_path / "none.yaml")), 1, "can't be read"),
        (("lint", str(good)), 2, "good.yaml:7: rule acme.workers, restricts: capabilities: 'all' is used but not"),
        (("publish", "--name", "Good", str(good), "--with-builtin"), 1, "name: Must be 1 to 64"),
        (("publish", "--name", "good", str(bad), "--with-builtin"), 2, "bad.yaml:6: rule acme.workers: needs[0]: "),
        (("publish", "--name", "good", str(good), "--with-builtin", "--platform", "plat_0"), 1, "no such platform"),
        (("roll-out", "builtin", "--wave", "10%@soon:later"), 1, "is no wave"),
        (("roll-out", "builtin", "--wave", "50%@now:+1d"), 1, "waves: The shares of all waves must add up to 1."),
        (("dry-run", "builtin", "--mode", "dead"), 1, "dead is neither live nor test"),
    ]
    slots = asyncio.Semaphore(3)

    async def one(arguments: tuple[str, ...], code: int) -> str:
        async with slots:
            return await said(temporal_settings, *arguments, code=code)

    told = await asyncio.gather(*(one(arguments, code) for arguments, code, _ in cases))
    for (_, _, message), found in zip(cases, told, strict=True):
        assert message in found


async def test_waves_as_they_are_written(engine: Engine) -> None:
    instant = await now(engine)
    [first, second] = waves_of(["10%@now:+30d", "90%@2027-01-01:2027-02-01T12:30"], instant)
    assert (first.share, first.starts_at, first.transition_at - instant) == (0.1, instant, 30 * DAY)
    assert (second.share, second.starts_at.isoformat()) == (0.9, "2027-01-01T00:00:00+00:00")
    assert second.transition_at.isoformat() == "2027-02-01T12:30:00+00:00"
    for text in ("10@now:+1d", "10%@now", "10%@now:", "10%@2027-13-01:+1d", "%@now:+1d", "10%@yesterday:+1d"):
        with pytest.raises(CommandFailed):
            waves_of([text], instant)

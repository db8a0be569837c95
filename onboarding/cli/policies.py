"""``onboarding policies``: rules from their packs to the accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from onboarding.cli.printed import print_table, table

policies_app = typer.Typer(
    no_args_is_help=True,
    help="Policies: lint, publish, compare, try on the book, roll out, take back. Exit status 1: it can't be done;"
    " 2: the packs have problems; 3: too many accounts would be restricted.",
)

PROBLEMS, RESTRICTS = 2, 3
"""Exit statuses beside 0 and 1."""

RULE_PARTS = ("name", "source", "of", "from", "when", "needs", "restricts")
"""In the order in which people write them."""

FILES = typer.Argument(..., help="Packs: YAML files.")
FOLDER = typer.Argument(..., help="Where to write them.")
PACKS = typer.Argument(None, help="Names of packs; without any, all of them.")
POLICY = typer.Argument(..., help="pol_…, name@version, or a name for its newest version.")
ROLLOUT = typer.Argument(..., help="rol_…")
AT = typer.Option(None, "--at", help="When it would come into force, in UTC; now if not said.")
UNTIL = typer.Option(None, "--until", help="How far to look; 90 days from --at if not said.")
PLATFORM = typer.Option("", "--platform", help="Accounts of this platform only: plat_…")
MODE = typer.Option("", "--mode", help="live or test; both if not said.")
FROM = typer.Option("", "--from", help="Accounts whose policy has this name only, such as builtin.")
WAVE = typer.Option(
    ..., "--wave", help="SHARE%@START:TRANSITION, such as 10%@2027-01-01:2027-02-01 or 90%@+7d:+30d; repeat it."
)
WITH_BUILTIN = typer.Option(
    False,  # noqa: FBT003 -- typer's own form
    "--with-builtin",
    help="Together with the packs that ship; one of the same name takes its place.",
)


@policies_app.command("copy")
def copy_packs(folder: Path = FOLDER, packs: list[str] = PACKS) -> None:
    """Write packs that ship into a folder, to begin with. Overwrites nothing."""
    from onboarding.cli import policy_operations as operations

    for path in operations.copy(folder, packs or []):
        typer.echo(path)


@policies_app.command("lint")
def lint_packs(files: list[Path] = FILES, with_builtin: bool = WITH_BUILTIN) -> None:  # noqa: FBT001 -- an option
    """Tell everything that is wrong in packs, with file and line. Needs no database."""
    from onboarding.cli import policy_operations as operations

    problems = operations.lint(files, with_builtin=with_builtin)
    for problem in problems:
        typer.echo(str(problem))
    if problems:
        raise typer.Exit(PROBLEMS)
    typer.echo("nothing wrong")


@policies_app.command("publish")
def publish_policy(
    files: list[Path] = FILES,
    name: str = typer.Option(..., "--name", help="Of the policy; its versions are counted."),
    platform: str = typer.Option("", "--platform", help="Whose own it is: plat_…; for all if not said."),
    with_builtin: bool = WITH_BUILTIN,  # noqa: FBT001 -- an option
) -> None:
    """Publish packs as the next version of a policy. No account is touched."""
    from onboarding.cli import policy_operations as operations
    from onboarding.domain.errors import Refusal

    try:
        made = operations.publish(files, name, platform or None, with_builtin=with_builtin)
    except Refusal as refusal:
        for problem in operations.problems_of(refusal):
            named = f"rule {problem['rule']}" if problem["rule"] else ""
            where = f"{problem['file']}:{problem['line']}" if problem["line"] else problem["file"]
            typer.echo(": ".join(part for part in (where, named, problem["at"], problem["message"]) if part))
        typer.echo(f"onboarding: {refusal.message}", err=True)
        raise typer.Exit(PROBLEMS) from None
    said = "published" if made.is_new else "was published before"
    typer.echo(f"{made.id}  {made.row.name}@{made.row.version}  {said}")


@policies_app.command("list")
def list_policies(limit: int = typer.Option(50, min=1, max=100, help="Policies at most.")) -> None:
    """List policies, newest first."""
    from onboarding.cli import policy_operations as operations

    rows = [
        (
            one["id"],
            f"{one['name']}@{one['version']}",
            one["platform"] or "all",
            one["published"][:19],
            _yes(one["current"]),
        )
        for one in operations.published(limit)
    ]
    print_table(table(("policy", "name", "for", "published", "current"), rows))


@policies_app.command("show")
def show_policy(policy: str = POLICY, rule: str = typer.Option("", "--rule", help="All of one rule, as YAML.")) -> None:
    """Show a policy's rules."""
    import yaml

    from onboarding.cli import policy_operations as operations
    from onboarding.cli.operations import CommandFailed

    found = operations.show(policy)
    if rule:
        whole = next((one for one in found["rules"] if one["name"] == rule), None)
        if whole is None:
            raise CommandFailed(f"it has no rule {rule}")
        ordered = {part: whole[part] for part in RULE_PARTS if part in whole}
        typer.echo(yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True), nl=False)
        return
    typer.echo(f"{found['id']}  {found['name']}@{found['version']}  for {found['platform'] or 'all'}")
    rows = [(one["name"], one["of"], one.get("from") or "", one["source"]) for one in found["rules"]]
    print_table(table(("rule", "of", "from", "source"), rows))


@policies_app.command("diff")
def diff_policies(old: str = POLICY, new: str = POLICY) -> None:
    """Tell what is otherwise in the second policy than in the first."""
    from onboarding.cli import policy_operations as operations

    before, after, found = operations.compared(old, new)
    if not found:
        typer.echo(f"{before} and {after} say the same")
        return
    print_table(table(("what", "name", "part", f"from {before} to {after}"), found.rows()))


@policies_app.command("dry-run")
def dry_run_policy(
    policy: str = POLICY,
    at: datetime | None = AT,
    until: datetime | None = UNTIL,
    platform: str = PLATFORM,
    mode: str = MODE,
    from_name: str = FROM,
) -> None:
    """Tell what a policy would change for the accounts of the book, if nobody supplies anything. Only reads."""
    from onboarding.cli import policy_operations as operations
    from onboarding.policies.documents import numbers

    scope = operations.scope_of(platform, mode, from_name)
    starts, ends, found = operations.dry_run(policy, _utc(at), _utc(until), scope)
    typer.echo(f"from {starts:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC")
    _print_forecast(numbers(found))


@policies_app.command("roll-out")
def roll_out_policy(
    policy: str = POLICY,
    wave: list[str] = WAVE,
    platform: str = PLATFORM,
    mode: str = MODE,
    from_name: str = FROM,
    allow_restricting: bool = typer.Option(False, "--allow-restricting", help="However many lose a capability."),  # noqa: FBT001, FBT003
    most: float | None = typer.Option(
        None, "--max-restricted-share", min=0, max=1, help="Of the accounts; if not said, that of the settings."
    ),
) -> None:
    """Roll a policy out in waves: each account is told at its wave's start, and moves at the transition."""
    from onboarding.cli import policy_operations as operations
    from onboarding.domain.errors import Refusal

    scope = operations.scope_of(platform, mode, from_name)
    waves = operations.waves_of(wave, datetime.now(UTC))
    try:
        made = operations.roll_out(policy, scope, waves, allow_restricting=allow_restricting, most=most)
    except Refusal as refusal:
        if refusal.code == "rollout_restricts":
            _print_forecast(operations.restricting_numbers(refusal))
        typer.echo(f"onboarding: {refusal.message}", err=True)
        raise typer.Exit(RESTRICTS if refusal.code == "rollout_restricts" else 1) from None
    _print_rollout(made)


@policies_app.command("rollouts")
def list_rollouts(
    rollout: str = typer.Argument("", help="rol_…: this one, with its waves."),
    limit: int = typer.Option(20, min=1, max=100, help="Roll-outs at most."),
) -> None:
    """List roll-outs, newest first, or show one."""
    from onboarding.cli import policy_operations as operations

    if rollout:
        _print_rollout(operations.rollout(rollout))
        return
    rows = [
        (one["id"], one["policy"], _scope(one), one["status"], *(str(one["accounts"][name]) for name in COUNTED))
        for one in operations.rollouts(limit)
    ]
    print_table(
        table(("roll-out", "policy", "accounts", "status", *(name.replace("_", " ") for name in COUNTED)), rows)
    )


@policies_app.command("pause")
def pause_rollout(rollout: str = ROLLOUT) -> None:
    """Tell no further account of the policy."""
    _change(rollout, "pause")


@policies_app.command("resume")
def resume_rollout(rollout: str = ROLLOUT) -> None:
    """Go on; whoever is late for the pause gets all of the notice."""
    _change(rollout, "resume")


@policies_app.command("roll-back")
def roll_back_rollout(rollout: str = ROLLOUT) -> None:
    """Take a roll-out back: from those who were told, and at once from those who have moved."""
    _change(rollout, "roll_back")


COUNTED = ("announced", "moved", "failed", "rolled_back")


def _change(rollout: str, what: str) -> None:
    from onboarding.cli import policy_operations as operations

    _print_rollout(operations.change(rollout, what))


def _print_rollout(one: dict[str, Any]) -> None:
    counted = ", ".join(f"{name.replace('_', ' ')} {one['accounts'][name]}" for name in COUNTED)
    typer.echo(f"{one['id']}  {one['status']}  {one['policy']}  {_scope(one)}\n{counted}")
    rows = [
        (f"{wave['share']:.6g}", wave["starts_at"][:19], wave["transition_at"][:19], str(wave["announced"]))
        for wave in one["waves"]
    ]
    print_table(table(("share", "told from", "moves at", "announced"), rows))
    if one["failures"]:
        print_table(table(("failed with", "accounts"), [(code, str(count)) for code, count in one["failures"].items()]))


def _print_forecast(found: dict[str, Any]) -> None:
    named = ("accounts", "changed", "undecided", "losing_active", "share_restricted")
    rows = [(name.replace("_", " "), str(found[name])) for name in named]
    rows[-1] = (rows[-1][0], f"{found['share_restricted']:.1%}")
    print_table(table(("if nobody does anything", "accounts"), rows))
    for name in ("becoming_due", "no_longer_due"):
        if found[name]:
            print_table(
                table((name.replace("_", " "), "accounts"), [(key, str(count)) for key, count in found[name].items()])
            )
    for name in ("falling", "rising"):
        if found[name]:
            days = [(one["capability"], one["date"], str(one["accounts"])) for one in found[name]]
            print_table(table((name, "first on", "accounts"), days))


def _scope(one: dict[str, Any]) -> str:
    mode = {None: "live and test", True: "live", False: "test"}[one["livemode"]]
    named = f", from {one['from_name']}" if one["from_name"] else ""
    return f"{one['platform'] or 'all'} ({mode}){named}"


def _yes(value: object) -> str:
    return "yes" if value else ""


def _utc(instant: datetime | None) -> datetime | None:
    return instant.replace(tzinfo=UTC) if instant is not None else None

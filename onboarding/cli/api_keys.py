"""``onboarding keys``: keys of platforms that exist."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import typer

keys_app = typer.Typer(no_args_is_help=True, help="API keys of platforms.")

PLATFORM = typer.Argument(..., help="Whose: plat_…")
KEY = typer.Argument(..., help="Which: key_…, not its secret.")
SCOPE = typer.Option([], "--scope", help="What it may do, such as accounts:read; may be repeated. None: everything.")
LIVE = typer.Option(False, "--live", help="For live accounts, not for the sandbox.")  # noqa: FBT003 -- typer's way
EXPIRES = typer.Option(None, "--expires-at", help="When it ends, in UTC; without it never.")
HOURS = typer.Option(24, "--overlap", min=0, max=168, help="Hours for which the old key stays valid.")


@keys_app.command("add")
def add_key(
    platform: str = PLATFORM,
    scope: list[str] = SCOPE,
    live: bool = LIVE,  # noqa: FBT001 -- typer's way
    expires_at: datetime | None = EXPIRES,
) -> None:
    """Make one more key of a platform, restricted where scopes are given. It is shown once."""
    from onboarding.cli import key_operations

    ends = expires_at.replace(tzinfo=UTC) if expires_at is not None else None
    made = key_operations.add_key(platform, scope, ends, livemode=live)
    typer.echo(f"id   {made.id}\nkey  {made.secret}")


@keys_app.command("list")
def list_keys(platform: str = PLATFORM) -> None:
    """List a platform's keys: what they may do and until when, never what they are."""
    from onboarding.cli import key_operations

    for row in key_operations.list_keys(platform):
        mode = "live" if row.livemode else "test"
        if row.revoked_at is not None:
            end = f"revoked {row.revoked_at:%Y-%m-%d %H:%M}"
        else:
            end = f"ends {row.expires_at:%Y-%m-%d %H:%M}" if row.expires_at is not None else "does not end"
        scopes = f"  {' '.join(row.scopes)}" if row.scopes is not None else ""
        typer.echo(f"{row.id}  {mode}  {row.kind:<11}  {row.created_at:%Y-%m-%d %H:%M}  {end}{scopes}")


@keys_app.command("revoke")
def revoke_key(key: str = KEY) -> None:
    """Revoke a key for good; requests with it are refused from now on."""
    from onboarding.cli import key_operations, operations

    if not key_operations.revoke_key(key):
        raise operations.CommandFailed("no key that is not revoked has this id")
    typer.echo("revoked")


@keys_app.command("roll")
def roll_key(key: str = KEY, overlap: int = HOURS) -> None:
    """Replace a key by a new one that may do the same; the old one stays valid for a while. It is shown once."""
    from onboarding.cli import key_operations

    made = key_operations.roll_key(key, timedelta(hours=overlap))
    typer.echo(f"id   {made.id}\nkey  {made.secret}\nthe old key ends {made.old_ends:%Y-%m-%d %H:%M:%S} UTC")

"""Callbacks of vendors, the address where an end user goes on, and what a review shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the inbox, and what attempts and evidence need with it."""
    op.add_column("attempts", sa.Column("next_action", sa.LargeBinary()))
    op.add_column("attempts", sa.Column("vendor_digest", sa.String()))
    # Running ones of before may have been taken: nobody noted it.
    op.add_column("attempts", sa.Column("maybe_taken", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.alter_column("attempts", "maybe_taken", server_default=None)
    op.create_index(
        "ix_attempts_vendor",
        "attempts",
        ["vendor_digest"],
        postgresql_where=sa.text("vendor_digest IS NOT NULL"),
    )
    op.create_index("ix_attempts_running", "attempts", ["started_at"], postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_column("evidence", "verifier_reference")
    op.add_column("evidence", sa.Column("basis", sa.String()))
    op.add_column("evidence", sa.Column("detail", sa.LargeBinary()))
    op.create_table(
        "inbox",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("verifier", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("error_code", sa.String()),
        sa.Column("event_digest", sa.String()),
        sa.Column("vendor_digest", sa.String()),
        sa.Column("our_reference", sa.String()),
        sa.Column("occurred_at", sa.DateTime(timezone=True)),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String()),
        sa.Column("check_id", sa.String()),
        sa.Column("attempt_id", sa.String()),
        sa.Column("pending_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True)),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sa.UniqueConstraint("verifier", "event_digest", name="uq_inbox_verifier_event_digest"),
    )
    op.create_index("ix_inbox_look", "inbox", ["look_at"], postgresql_where=sa.text("look_at IS NOT NULL"))
    op.create_index("ix_inbox_pending", "inbox", ["check_id"], postgresql_where=sa.text("state = 'pending'"))
    op.create_index("ix_inbox_state_received_at", "inbox", ["state", "received_at"])

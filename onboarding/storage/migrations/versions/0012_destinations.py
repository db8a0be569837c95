"""Event destinations that platforms manage, events about no account, and account links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0012"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table. Nothing could make a destination before; a row made by hand gets thin events."""
    for column in (
        sa.Column("event_payload", sa.String(), nullable=False, server_default="thin"),
        sa.Column("events_from", ARRAY(sa.Text()), nullable=False, server_default="{@self}"),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    ):
        op.add_column("event_destinations", column)
        # The default was for the rows that are there.
        op.alter_column("event_destinations", column.name, server_default=None)
    op.add_column("event_destinations", sa.Column("secret", sa.LargeBinary()))
    op.alter_column("events", "account_id", nullable=True)
    op.alter_column("pending_deliveries", "account_id", nullable=True)
    op.create_table(
        "account_links",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("use_case", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True)),
        sa.Column("returned_at", sa.DateTime(timezone=True)),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account_links"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_account_links_account_id"),
        sa.UniqueConstraint("digest", name="uq_account_links_digest"),
    )
    op.create_index("ix_account_links_account_id", "account_links", ["account_id"])
    op.create_index("ix_account_links_expires_at", "account_links", ["expires_at"])

"""Whom an order is about and which campaign it belongs to; accounts that wait for their user."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them. An account that waits already is silent from its next look on: nobody is reminded of the past."""
    op.add_column("orders", sa.Column("subject", sa.String()))
    op.add_column("orders", sa.Column("campaign", sa.String()))
    op.create_index(
        "uq_orders_campaign",
        "orders",
        ["account_id", "campaign"],
        unique=True,
        postgresql_where=sa.text("campaign IS NOT NULL"),
    )
    op.add_column("accounts", sa.Column("waiting_since", sa.DateTime(timezone=True)))
    op.add_column("accounts", sa.Column("remind_at", sa.DateTime(timezone=True)))
    op.add_column("accounts", sa.Column("reminders", sa.Integer(), nullable=False, server_default="0"))
    op.alter_column("accounts", "reminders", server_default=None)
    op.add_column("accounts", sa.Column("abandoned_at", sa.DateTime(timezone=True)))

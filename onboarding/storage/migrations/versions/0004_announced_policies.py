"""Policies that are announced to accounts, and all that a stored evaluation was decided from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the announced policy, and what older versions do not know: they can be read, but not decided again."""
    op.add_column("accounts", sa.Column("announced_hash", sa.String()))
    op.add_column("accounts", sa.Column("transition_at", sa.DateTime(timezone=True)))
    op.add_column("versions", sa.Column("inputs", JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb")))
    op.alter_column("versions", "inputs", server_default=None)
    for table in ("marks", "evidence"):
        op.add_column(table, sa.Column("version", sa.Integer(), nullable=False, server_default="0"))
        op.alter_column(table, "version", server_default=None)

"""Which run of an account claimed a check that its own run has not taken over yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the run of a claim; claims of before belong to none and end by themselves."""
    op.add_column("checks", sa.Column("lease_run", sa.String()))

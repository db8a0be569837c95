"""What a downstream system was told of each capability."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "activations",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("capability", sa.String(), nullable=False),
        sa.Column("desired", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True)),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged", sa.Boolean()),
        sa.Column("acknowledged_version", sa.Integer(), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True)),
        sa.Column("done", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("applied", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("step", sa.String()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String()),
        sa.Column("call_at", sa.DateTime(timezone=True)),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("lease_epoch", sa.Integer(), nullable=False),
        sa.Column("lease_run", sa.String()),
        sa.PrimaryKeyConstraint("account_id", "capability", name="pk_activations"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_activations_account_id"),
    )
    op.create_index("ix_activations_owed", "activations", ["since"], postgresql_where=sa.text("state <> 'settled'"))

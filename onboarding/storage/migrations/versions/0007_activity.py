"""Reports of what accounts turned over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the reports; the totals themselves are in the accounts' shapes."""
    op.create_table(
        "activity_reports",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("report_digest", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("totals", JSONB(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_activity_reports"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_activity_reports_account_id"),
        sa.UniqueConstraint("account_id", "report_digest", name="uq_activity_reports_account_id_report_digest"),
    )
    op.create_index("ix_activity_reports_account_id_id", "activity_reports", ["account_id", "id"])

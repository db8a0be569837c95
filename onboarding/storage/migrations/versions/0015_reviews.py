"""Reviews for many people: queues in order of urgency, claims that end, two pairs of eyes, notes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0016"
branch_labels = None
depends_on = None

OPEN = "state IN ('open', 'claimed', 'proposed', 'waiting')"


def upgrade() -> None:
    """Add them. Reviews of before have no SLA; their claims end after half an hour, and each is given its run."""
    op.add_column("reviews", sa.Column("priority", sa.Integer(), nullable=False, server_default="50"))
    op.add_column("reviews", sa.Column("proposals", JSONB(), nullable=False, server_default="[]"))
    # The defaults were for the rows that are there.
    op.alter_column("reviews", "priority", server_default=None)
    op.alter_column("reviews", "proposals", server_default=None)
    op.add_column("reviews", sa.Column("assignee", sa.String()))
    op.add_column("reviews", sa.Column("claimed_reviewer", sa.String()))
    op.add_column("reviews", sa.Column("claimed_until", sa.DateTime(timezone=True)))
    op.add_column("reviews", sa.Column("escalated_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE reviews SET claimed_until = now() + interval '30 minutes' WHERE state = 'claimed'")
    op.execute("UPDATE reviews SET look_at = now() WHERE state IN ('open', 'claimed')")
    op.execute("UPDATE reviews SET queue = 'general' WHERE queue = 'verification'")
    op.drop_index("ix_reviews_open", "reviews")
    op.create_index("ix_reviews_open", "reviews", ["queue", "priority", "sla_at", "id"], postgresql_where=sa.text(OPEN))
    op.create_table(
        "review_notes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("review_id", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reviewer", sa.String()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_review_notes"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_review_notes_account_id"),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name="fk_review_notes_review_id"),
    )
    op.create_index("ix_review_notes_review_id_id", "review_notes", ["review_id", "id"])
    op.create_index("ix_review_notes_account_id", "review_notes", ["account_id"])

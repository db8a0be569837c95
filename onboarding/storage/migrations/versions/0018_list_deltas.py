"""Which lists the book was screened against, what came with new versions of them, and checks that are held back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them. The first lists that a worker notes are those that everybody was screened with: they wake nobody."""
    op.create_table(
        "screening_lists",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("published", sa.String()),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_screening_lists")),
    )
    op.create_table(
        "screening_list_entries",
        sa.Column("list_name", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("list_name", "entry_id", name=op.f("pk_screening_list_entries")),
    )
    op.create_table(
        "list_deltas",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pass_began_at", sa.DateTime(timezone=True)),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("looked", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("look_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_deltas")),
    )
    op.create_index("ix_list_deltas_look", "list_deltas", ["look_at"], postgresql_where=sa.text("look_at IS NOT NULL"))
    op.create_table(
        "list_delta_entries",
        sa.Column("delta_id", sa.String(), nullable=False),
        sa.Column("list_name", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["delta_id"], ["list_deltas.id"], name=op.f("fk_list_delta_entries_delta_id")),
        sa.PrimaryKeyConstraint("delta_id", "list_name", "entry_id", name=op.f("pk_list_delta_entries")),
    )
    op.create_table(
        "list_delta_failures",
        sa.Column("delta_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("error_code", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["delta_id"], ["list_deltas.id"], name=op.f("fk_list_delta_failures_delta_id")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_list_delta_failures_account_id")),
        sa.PrimaryKeyConstraint("delta_id", "account_id", name=op.f("pk_list_delta_failures")),
    )
    op.add_column("checks", sa.Column("held_for", sa.String()))
    op.create_index("ix_checks_held", "checks", ["held_for"], postgresql_where=sa.text("held_for IS NOT NULL"))
    op.create_index(
        "ix_checks_claimed",
        "checks",
        ["kind"],
        postgresql_where=sa.text("lease_run IS NOT NULL AND ended_at IS NULL"),
    )
    op.create_index("ix_orders_campaign", "orders", ["campaign"], postgresql_where=sa.text("campaign IS NOT NULL"))

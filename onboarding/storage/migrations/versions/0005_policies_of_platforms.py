"""Policies of platforms, the policy that new accounts get, and roll-outs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
# Numbers were given out before the order was known: 0007 is there already.
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add who owns a policy, and the tables of roll-outs. Policies of before are everybody's."""
    op.add_column("policies", sa.Column("platform_id", sa.String()))
    op.create_foreign_key("fk_policies_platform_id", "policies", "platforms", ["platform_id"], ["id"])
    op.drop_constraint("uq_policies_name_version", "policies")
    op.create_unique_constraint(
        "uq_policies_name_version", "policies", ["name", "version", "platform_id"], postgresql_nulls_not_distinct=True
    )
    op.create_table(
        "current_policies",
        sa.Column("platform_id", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("policy_hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("platform_id", "livemode", name="pk_current_policies"),
        sa.ForeignKeyConstraint(["policy_hash"], ["policies.hash"], name="fk_current_policies_policy_hash"),
    )
    op.create_table(
        "rollouts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("to_hash", sa.String(), nullable=False),
        sa.Column("platform_id", sa.String()),
        sa.Column("livemode", sa.Boolean()),
        sa.Column("from_name", sa.String()),
        sa.Column("waves", JSONB(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True)),
        sa.Column("before", JSONB(), nullable=False),
        sa.Column("current_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_rollouts"),
        sa.ForeignKeyConstraint(["to_hash"], ["policies.hash"], name="fk_rollouts_to_hash"),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"], name="fk_rollouts_platform_id"),
    )
    op.create_index("ix_rollouts_platform_id_id", "rollouts", ["platform_id", "id"])
    op.create_index("ix_rollouts_look", "rollouts", ["look_at"], postgresql_where=sa.text("look_at IS NOT NULL"))
    op.create_table(
        "rollout_accounts",
        sa.Column("rollout_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("from_hash", sa.String()),
        sa.Column("transition_at", sa.DateTime(timezone=True)),
        sa.Column("announced_at", sa.DateTime(timezone=True)),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        sa.Column("error_code", sa.String()),
        sa.PrimaryKeyConstraint("rollout_id", "account_id", name="pk_rollout_accounts"),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name="fk_rollout_accounts_rollout_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_rollout_accounts_account_id"),
    )
    op.create_index(
        "ix_rollout_accounts_counts",
        "rollout_accounts",
        ["rollout_id", "wave", "transition_at", "undone_at", "error_code"],
    )

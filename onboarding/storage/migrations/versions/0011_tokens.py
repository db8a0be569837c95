"""Tokens of accounts, persons and bank accounts; kinds of keys, countries of platforms; vaulted bank accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them. Keys of before are secret ones, and platforms of before are nowhere in particular."""
    op.add_column("api_keys", sa.Column("kind", sa.String(), nullable=False, server_default="secret"))
    op.add_column("platforms", sa.Column("country", sa.String()))
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("platform_id", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account_id", sa.String()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.Column("sealed", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"], name="fk_tokens_platform_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_tokens_account_id"),
    )
    op.create_index("ix_tokens_expires_at", "tokens", ["expires_at"])
    op.create_index("ix_tokens_sealed", "tokens", ["expires_at"], postgresql_where=sa.text("sealed IS NOT NULL"))
    op.create_table(
        "vault_bank_accounts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_vault_bank_accounts"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_vault_bank_accounts_account_id"),
    )
    op.create_index("ix_vault_bank_accounts_account_id_id", "vault_bank_accounts", ["account_id", "id"])

"""Restricted API keys, and keys that end by themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; keys of before are secret ones that do not end."""
    # Another migration adds it too, and which of them comes first is not said.
    op.execute("ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS kind varchar NOT NULL DEFAULT 'secret'")
    op.add_column("api_keys", sa.Column("scopes", sa.ARRAY(sa.Text())))
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.create_index("ix_api_keys_platform_id", "api_keys", ["platform_id"])

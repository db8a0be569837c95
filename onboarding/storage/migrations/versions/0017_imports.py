"""Imports of books of accounts, and their lines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "imports",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("platform_id", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("is_dry_run", sa.Boolean(), nullable=False),
        sa.Column("accounts_per_second", sa.Float(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("empty_at", sa.DateTime(timezone=True)),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True)),
        sa.Column("look_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"], name="fk_imports_platform_id"),
    )
    op.create_index("ix_imports_platform_id_id", "imports", ["platform_id", "id"])
    op.create_index("ix_imports_empty", "imports", ["empty_at"], postgresql_where=sa.text("empty_at IS NOT NULL"))
    op.create_index("ix_imports_look", "imports", ["look_at"], postgresql_where=sa.text("look_at IS NOT NULL"))
    op.create_table(
        "import_lines",
        sa.Column("import_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("platform_id", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("code", sa.String()),
        sa.Column("error", sa.LargeBinary()),
        sa.Column("account_id", sa.String()),
        sa.Column("entries", sa.Integer()),
        sa.Column("capabilities", postgresql.JSONB()),
        sa.PrimaryKeyConstraint("import_id", "number", name="pk_import_lines"),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name="fk_import_lines_import_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_import_lines_account_id"),
    )
    op.create_index("ix_import_lines_import_id_status_number", "import_lines", ["import_id", "status", "number"])
    op.create_index("ix_import_lines_digest", "import_lines", ["import_id", "digest", "number"])
    op.create_index(
        "uq_import_lines_imported",
        "import_lines",
        ["platform_id", "livemode", "digest"],
        unique=True,
        postgresql_where=sa.text("status = 'imported'"),
    )

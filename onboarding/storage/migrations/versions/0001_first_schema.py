"""The first schema: every table of version 0.1."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from onboarding.storage.tables.base import Xid8

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CLOCK = sa.text("clock_timestamp()")


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "book",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("book_epoch", sa.Integer(), nullable=False),
        sa.Column("namespace_id", sa.String()),
        sa.Column("last_sweep_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_book"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("platform_id", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("context", sa.String(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("key_digest", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("account_id", sa.String()),
        sa.Column("object_id", sa.String()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.PrimaryKeyConstraint(
            "platform_id", "livemode", "context", "operation", "key_digest", name="pk_idempotency_keys"
        ),
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])
    op.create_table(
        "pending_deliveries",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("destination_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "destination_id", name="pk_pending_deliveries"),
    )
    op.create_index(
        "ix_pending_deliveries_destination_id_account_id_sequence",
        "pending_deliveries",
        ["destination_id", "account_id", "sequence"],
    )
    op.create_index("ix_pending_deliveries_destination_id_look_at", "pending_deliveries", ["destination_id", "look_at"])
    op.create_table(
        "platforms",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_platforms"),
    )
    op.create_table(
        "policies",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_policies"),
        sa.UniqueConstraint("name", "version", name="uq_policies_name_version"),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("platform_id", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("country", sa.String()),
        sa.Column("configurations", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("shape", JSONB(), nullable=False),
        sa.Column("evaluation", JSONB()),
        sa.Column("policy_hash", sa.String()),
        sa.Column("evaluator_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String()),
        sa.Column("event_sequence", sa.Integer(), nullable=False),
        sa.Column("audit_count", sa.Integer(), nullable=False),
        sa.Column("audit_head", sa.String()),
        sa.Column("last_as_of", sa.DateTime(timezone=True)),
        sa.Column("wake_at", sa.DateTime(timezone=True)),
        sa.Column("look_at", sa.DateTime(timezone=True)),
        sa.Column("look_tries", sa.Integer(), nullable=False),
        sa.Column("test_clock_id", sa.String()),
        sa.Column("stage", sa.String()),
        sa.Column("view_digest", sa.String()),
        sa.Column("run_lease_until", sa.DateTime(timezone=True)),
        sa.Column("run_epoch", sa.Integer(), nullable=False),
        sa.Column("silent_at", sa.DateTime(timezone=True)),
        sa.Column("stuck_code", sa.String()),
        sa.Column("stuck_since", sa.DateTime(timezone=True)),
        sa.Column("stuck_retry_at", sa.DateTime(timezone=True)),
        sa.Column("stuck_engine", sa.Integer()),
        sa.Column("data_key", sa.LargeBinary()),
        sa.Column("digest_key", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"], name="fk_accounts_platform_id"),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    op.create_index(
        "ix_accounts_clock", "accounts", ["test_clock_id"], postgresql_where=sa.text("test_clock_id IS NOT NULL")
    )
    op.create_index(
        "ix_accounts_due", "accounts", ["platform_id", "look_at"], postgresql_where=sa.text("look_at IS NOT NULL")
    )
    op.create_index(
        "ix_accounts_platform_id_livemode_created_at_id", "accounts", ["platform_id", "livemode", "created_at", "id"]
    )
    op.create_index(
        "ix_accounts_stuck", "accounts", ["stuck_retry_at"], postgresql_where=sa.text("stuck_code IS NOT NULL")
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("platform_id", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"], name="fk_api_keys_platform_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_table(
        "event_destinations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("platform_id", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("enabled_events", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"], name="fk_event_destinations_platform_id"),
        sa.PrimaryKeyConstraint("id", name="pk_event_destinations"),
    )
    op.create_index("ix_event_destinations_platform_id_livemode", "event_destinations", ["platform_id", "livemode"])
    op.create_table(
        "test_clocks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("platform_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("now", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("target", sa.DateTime(timezone=True)),
        sa.Column("sealed", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"], name="fk_test_clocks_platform_id"),
        sa.PrimaryKeyConstraint("id", name="pk_test_clocks"),
    )
    op.create_index("ix_test_clocks_platform_id_created_at_id", "test_clocks", ["platform_id", "created_at", "id"])
    op.create_table(
        "acknowledgements",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("capability", sa.String(), nullable=False),
        sa.Column("on", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_acknowledgements_account_id"),
        sa.PrimaryKeyConstraint("account_id", "capability", name="pk_acknowledgements"),
    )
    op.create_table(
        "audit_log",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_audit_log_account_id"),
        sa.PrimaryKeyConstraint("account_id", "position", name="pk_audit_log"),
    )
    op.create_table(
        "bank_accounts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_bank_accounts_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_bank_accounts"),
    )
    op.create_index("ix_bank_accounts_account_id_created_at", "bank_accounts", ["account_id", "created_at"])
    op.create_table(
        "checks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("verifier", sa.String()),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_at", sa.DateTime(timezone=True)),
        sa.Column("retry_at", sa.DateTime(timezone=True)),
        sa.Column("deadline_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("lease_epoch", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_checks_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_checks"),
    )
    op.create_index("ix_checks_account_id_id", "checks", ["account_id", "id"])
    op.create_index(
        "uq_checks_open",
        "checks",
        ["account_id", "kind", "subject", "digest"],
        unique=True,
        postgresql_where=sa.text("state IN ('due', 'started', 'unavailable', 'in_review')"),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("platform_id", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=CLOCK, nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("related_type", sa.String()),
        sa.Column("related_id", sa.String()),
        sa.Column("request_id", sa.String()),
        sa.Column("data", JSONB(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_events_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("account_id", "sequence", name="uq_events_account_id_sequence"),
    )
    op.create_index(
        "ix_events_platform_id_livemode_xid_sequence_id", "events", ["platform_id", "livemode", "xid", "sequence", "id"]
    )
    op.create_index("ix_events_related", "events", ["related_id", "xid", "sequence", "id"])
    op.create_table(
        "evidence",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("check_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reasons", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("verifier", sa.String(), nullable=False),
        sa.Column("verifier_version", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True)),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("contested", sa.Boolean(), nullable=False),
        sa.Column("verifier_reference", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_evidence_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
    )
    op.create_index("ix_evidence_account_id_recorded_at_id", "evidence", ["account_id", "recorded_at", "id"])
    op.create_index("ix_evidence_check_id", "evidence", ["check_id"])
    op.create_table(
        "marks",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_marks_account_id"),
        sa.PrimaryKeyConstraint("account_id", "kind", "key", name="pk_marks"),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True)),
        sa.Column("capability", sa.String()),
        sa.Column("target", sa.String()),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        sa.Column("undone_by", sa.String()),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_orders_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
    )
    op.create_index("ix_orders_account_id_starts_at_id", "orders", ["account_id", "starts_at", "id"])
    op.create_table(
        "persons",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("individual", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_persons_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_persons"),
    )
    op.create_index("ix_persons_account_id_position", "persons", ["account_id", "position"])
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("check_id", sa.String()),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("reason_code", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sla_at", sa.DateTime(timezone=True)),
        sa.Column("look_at", sa.DateTime(timezone=True)),
        sa.Column("claimed_by", sa.String()),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("decision", sa.String()),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_reviews_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
    )
    op.create_index("ix_reviews_account_id_opened_at", "reviews", ["account_id", "opened_at"])
    op.create_index("ix_reviews_look", "reviews", ["look_at"], postgresql_where=sa.text("look_at IS NOT NULL"))
    op.create_index(
        "ix_reviews_open",
        "reviews",
        ["queue", "opened_at", "id"],
        postgresql_where=sa.text("state IN ('open', 'claimed')"),
    )
    op.create_table(
        "sealed_values",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("field_group", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_sealed_values_account_id"),
        sa.PrimaryKeyConstraint("account_id", "subject", "field_group", name="pk_sealed_values"),
    )
    op.create_table(
        "versions",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=CLOCK, nullable=False),
        sa.Column("shape", JSONB(), nullable=False),
        sa.Column("evaluation", JSONB(), nullable=False),
        sa.Column("policy_hash", sa.String(), nullable=False),
        sa.Column("evaluator_version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_versions_account_id"),
        sa.PrimaryKeyConstraint("account_id", "version", name="pk_versions"),
    )
    op.create_index("ix_versions_account_id_effective_at", "versions", ["account_id", "effective_at"])
    op.create_table(
        "answers",
        sa.Column("check_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("answer_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_answers_account_id"),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name="fk_answers_check_id"),
        sa.PrimaryKeyConstraint("check_id", name="pk_answers"),
    )
    op.create_index("ix_answers_account_id", "answers", ["account_id"])
    op.create_table(
        "attempts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("check_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("verifier", sa.String(), nullable=False),
        sa.Column("our_reference", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("vendor_reference", sa.LargeBinary()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("error_code", sa.String()),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("poll_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_attempts_account_id"),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name="fk_attempts_check_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.UniqueConstraint("check_id", "number", name="uq_attempts_check_id_number"),
    )
    op.create_index("ix_attempts_account_id", "attempts", ["account_id"])

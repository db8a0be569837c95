"""How alembic reaches the database: through the connection that :mod:`onboarding.storage.migrate` lends it."""

from __future__ import annotations

from alembic import context

from onboarding.storage.tables import Table

context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata)
with context.begin_transaction():
    context.run_migrations()

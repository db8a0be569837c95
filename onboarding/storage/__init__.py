"""The record in Postgres: the only part that knows SQL. Repositories return domain values and plain rows."""

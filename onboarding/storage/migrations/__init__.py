"""The schema's history, in files that alembic loads by path; see :mod:`onboarding.storage.migrate`."""

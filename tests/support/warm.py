"""What processes of tests need and takes long, loaded once into the server that all of them are copies of."""

from __future__ import annotations

from onboarding.catalogue.loader import builtin_policy

builtin_policy()

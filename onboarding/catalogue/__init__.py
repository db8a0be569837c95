"""The requirement catalogue: YAML packs, their schema, and the compiler to typed policies."""

from onboarding.catalogue.loader import CatalogueError, builtin_policy, compile_policy, load_packs

__all__ = ["CatalogueError", "builtin_policy", "compile_policy", "load_packs"]

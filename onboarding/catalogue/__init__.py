"""The requirement catalogue: YAML packs, their schema, and the compiler to typed policies."""

from onboarding.catalogue.loader import builtin_policy, compile_policy, lint_packs, load_packs
from onboarding.catalogue.problems import CatalogueError, Problem

__all__ = ["CatalogueError", "Problem", "builtin_policy", "compile_policy", "lint_packs", "load_packs"]

# `make` alone lists what there is. Works with GNU make 3.81 and newer.

# Python of the environment; every tool runs through it, so a moved folder needs no repair.
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# The first interpreter here that the project supports: `python3` if it is one.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	command -v $$p >/dev/null 2>&1 && $$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done)
COMPILE := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header $(if $(UPGRADE),--upgrade)
# Test processes at a time.
JOBS ?= 2
# Tests that kill processes and race with clocks: one that fails is run once more, so many in each process at most, and
# the end of the report says which, and what it said at first. AGAIN=0 for none.
AGAIN ?= 3

# Where it is set, each of the many processes of a test run compiles the whole project anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help env run test check bench fuzz deaths openapi lock clean-env

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "%-10s %s\n", $$1, $$2 }' Makefile

env: $(STAMP) ## create or update .venv (all other targets do it when needed)

run: $(STAMP) ## start everything on this machine and onboard sample accounts (ONCE=1: then stop)
	@$(PY) -m onboarding.local $(if $(ONCE),--once)

# Temporal first: where it must be built, that takes longer than any test may.
test: check ## check, then all tests (JOBS=2 at a time, ARGS="-k name" to choose)
	@$(PY) -m onboarding.local --find-temporal
	@$(PY) -m pytest -n $(JOBS) --dist loadfile --reruns 1 --max-suite-reruns $(AGAIN) --rerun-show-tracebacks $(ARGS)

check: $(STAMP) ## lint, format, types, and which part may import which
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

bench: $(STAMP) ## run the benchmarks (ARGS are passed on)
	@$(PY) -m benchmarks $(ARGS)

fuzz: $(STAMP) ## send the API wrong and right requests for long, other ones each time (EXAMPLES=200 of each sort)
	@ONBOARDING_FUZZ_EXAMPLES=$(or $(EXAMPLES),200) $(PY) -m pytest -n $(JOBS) --timeout 3600 tests/fuzz $(ARGS)

deaths: $(STAMP) ## kill the worker at every step of every workflow; half an hour (ARGS="-k Reviewed" for one story)
	@$(PY) -m onboarding.local --find-temporal
	@ONBOARDING_DEATHS=1000 $(PY) -m pytest tests/workflows/test_deaths.py $(ARGS)

openapi: $(STAMP) ## write docs/openapi.json (EXAMPLES=1: record its examples anew first)
	@$(if $(EXAMPLES),$(PY) -m tests.support.recording)
	@$(PY) -m api.openapi docs/openapi.json

lock: $(STAMP) ## write requirements*.txt anew from pyproject.toml (UPGRADE=1: newest versions)
	@$(COMPILE) --group bootstrap --output-file requirements-bootstrap.txt
	@$(COMPILE) --all-extras --group dev --output-file requirements.txt pyproject.toml
	@$(COMPILE) --group build --constraints requirements.txt --output-file requirements-runtime.txt pyproject.toml
	@if grep -nE '://|^ *-[^-]|^--|@ ' requirements*.txt; \
	then echo 'requirements*.txt must not name an index, a host or a file'; exit 1; fi

clean-env: ## remove .venv
	@rm -rf $(VENV)

# Made anew only when a requirements file changes. An environment that is there
# and works is updated; a broken one, or one of an unsupported Python, is replaced.
$(STAMP): requirements.txt requirements-bootstrap.txt
	@$(PY) -c '$(SUPPORTED)' 2>/dev/null || { \
	test -n "$(PYTHON)" || { \
	echo 'Python 3.11 to 3.14 is needed and none was found: install python3, or name one with "make PYTHON=/path/to/python3"' >&2; exit 1; }; \
	echo 'creating $(VENV) (once, about half a minute)'; \
	$(PYTHON) -m venv --clear $(VENV) >$(VENV).log 2>&1 && rm -f $(VENV).log || { \
	echo '"$(PYTHON) -m venv" does not work here: install the venv module (Debian, Ubuntu: apt install python3-venv); details in $(VENV).log' >&2; exit 1; }; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.txt
	@$(PY) -m uv pip install --quiet --compile-bytecode --python $(PY) --require-hashes -r requirements.txt
	@$(PY) -m uv pip install --quiet --python $(PY) --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

# Needs only python3 (3.11 or newer) with venv, and make. `make` alone says what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
# Stores of tests lie in memory where there is plenty of it: none has to outlast the power, and no test waits for a disk.
MEMORY := $(shell grep -qs ' /dev/shm .*noexec' /proc/mounts || df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 8000000 { print $$6 }')
TMPDIR ?= $(or $(MEMORY),/tmp)
# A worker that has no test left takes half of what the busiest one has.
PYTEST = TMPDIR=$(TMPDIR) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
# Hundreds of tests start a server or a command, which would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run page test test-all bench types lint format clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-9s %s\n", $$1, $$2}'

run: $(VENV)/.server  ## install into .venv and start the demo clinic
	$(BIN)/fhir-server demo

page:  ## build the page of a video consultation for the demo: needs Node 20.19 or newer with npm
	cd examples/consultation && npm ci --ignore-scripts --no-audit --no-fund && npm run build

test: $(VENV)/.dev lint  ## lint, types and the quick tests: Python only, under ten minutes
	$(PYTEST) -m "not slow"

test-all: $(VENV)/.dev lint  ## every test, the slow ones too; a skipped test is a failure
	$(PYTEST) --external --no-skips

bench: $(VENV)/.dev  ## measure, and print the table of docs/conformance.md's speed section
	$(BIN)/python -m tests.benchmarks

types: $(VENV)/.dev  ## write examples/typescript/schema.d.ts anew, after a change of the JSON API
	$(BIN)/python -m tests.fakes.typescript

lint: $(VENV)/.dev  ## ruff (rules and format) and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev  ## let ruff settle format and import order
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

clean:  ## remove what was built and installed; ./data is kept
	rm -rf $(VENV) build dist *.egg-info examples/consultation/node_modules fhir_server/demo/page .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.server: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.server

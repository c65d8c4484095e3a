# Delta CI. `make help` lists the targets; whatever a target needs, it sets up first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup image venv demo test check style units types fault bench doctor lock format clean

BIN := .venv/bin
SETUP := cluster/host/setup.sh

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make this machine ready: host packages, .venv, runner image; does nothing twice
	@$(SETUP)

image: setup ## Make an image of Delta's for services: make image NAME=service-postgres
	@$(BIN)/python -m cluster.host.prepare $(NAME)

venv:
	@$(SETUP) --python-only

demo: setup ## Run Delta on the example project: a change that fails, explained, and its fix
	@$(BIN)/python examples/demo.py

test: ## All tests, on real Redis, Ray, Docker and gVisor
	@$(SETUP) --for-tests
	$(BIN)/pytest -q $(wildcard tests/unit tests/property)
	$(BIN)/pytest -q tests --ignore=tests/unit --ignore=tests/property --ignore=tests/bench --ignore=tests/fault
	$(BIN)/pytest -q -s tests/fault

check: venv ## Style, types, layers and unit tests, side by side; under a minute
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target types units style

style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

units:
	$(BIN)/pytest -q tests/unit

types:
	$(BIN)/mypy

fault: setup ## The fault suite for longer: make fault SEED=7 ROUNDS=10
	SEED=$(or $(SEED),1) ROUNDS=$(or $(ROUNDS),5) $(BIN)/pytest -q -s tests/fault

bench: setup ## Speed and memory, as JSON lines; BENCH="noop burst" for some of them
	@for bench in $(or $(BENCH),noop webhooks sandbox_start source masking cache services plan neighbours analyze failures burst lease recovery restart memory); do \
		$(BIN)/python -m tests.bench.$$bench; done

doctor: venv ## Prove each part by using it
	@$(BIN)/delta doctor

lock: venv ## Resolve the dependencies of pyproject.toml into requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade pyproject.toml --group dev --python-version 3.11 \
		--python-platform x86_64-manylinux_2_28 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --no-emit-package torch --output-file requirements.lock
	@sed -i '/^# The following packages/,$$d' requirements.lock

format: venv ## Format the code and fix what can be fixed safely
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

clean: ## Remove what tools made here; the system's parts and .venv stay
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info
	find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf

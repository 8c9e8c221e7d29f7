# Python 3.11 or newer; `make PYTHON=/path/to/python setup` chooses another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
NODE_MODULES := tests/clients/node/node_modules/.package-lock.json
GO_CLIENT := tests/clients/go/bin/client
PYTEST_ARGS ?= -n 2

.DEFAULT_GOAL := help
.PHONY: help up setup test clients check bench generate lock clean

help: ## This list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

up: setup ## Install, then serve both APIs here; ARGS="--help" shows the options
	$(BIN)/routerhub up $(ARGS)

setup: $(INSTALLED) ## Install into .venv

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/pip || { echo "Making .venv with $(PYTHON)"; $(PYTHON) -m venv --clear .venv; }
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

test: setup clients ## Run every test; PYTEST_ARGS="tests/doors -x" chooses
	$(BIN)/pytest $(PYTEST_ARGS)

# The tests of other languages are skipped, saying so, where the toolchain is missing.
clients: ## Install what the Node and Go tests need, where Node and Go are present
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(NODE_MODULES); fi
	@if command -v go >/dev/null; then $(MAKE) --no-print-directory $(GO_CLIENT); fi

$(NODE_MODULES): tests/clients/node/package-lock.json
	npm ci --silent --prefix tests/clients/node

$(GO_CLIENT): $(INSTALLED) $(wildcard tests/clients/go/*.*) $(wildcard protos/routerhub/images/v1/*.proto)
	PYTHON=$(abspath $(BIN)/python) tests/clients/go/build.sh

check: setup ## Lint, types, import contracts, generated files, protos, Envoy configurations
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; $(BIN)/python scripts/generate.py "$$fresh" && \
		diff --recursive --brief --exclude __pycache__ gen "$$fresh" || { echo "Run make generate"; exit 1; }
	$(BIN)/python scripts/document_settings.py --check
	$(BIN)/python scripts/lint_protos.py
	$(BIN)/yamllint --strict .
	$(BIN)/envoy --mode validate --log-level error --config-path envoy.yaml
	$(BIN)/envoy --mode validate --log-level error --config-path deploy/envoy-typed.yaml

bench: setup ## CPU and memory that calls cost, Envoy and server apart; ARGS="cpu" or "memory" for one
	$(BIN)/python -m bench.cost $(ARGS)

generate: setup ## Rebuild gen/ from protos/, and docs/configuration.md from the settings
	$(BIN)/python scripts/generate.py gen
	$(BIN)/python scripts/document_settings.py

lock: setup ## Write requirements.lock anew after a change of pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --output-file requirements.lock \
		--universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet $(ARGS)

clean: ## Remove what the other commands made
	rm -rf .venv tests/clients/node/node_modules tests/clients/go/bin tests/clients/go/imagespb
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# On all cores, and even where PYTHONDONTWRITEBYTECODE is set: each start would compile anew.
COMPILE := $(BIN)/python -m compileall -q -j 0

.PHONY: help run test faults ci lint format bench lock proxy

help: ## Show what can be done
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/runtime ## Run Parley; prints a link to open
	@$(COMPILE) config telegram_bot chat agents tracer
	@exec $(BIN)/python manage.py up

test: .venv/dev ## Run the whole test suite
	@$(COMPILE) config telegram_bot chat agents tracer tests
	@$(BIN)/python -m pytest

faults: .venv/dev ## Kill processes under 200 conversations; nothing may be lost
	FAULT_SCHEDULES=200 $(BIN)/python -m pytest -s tests/acceptance/test_faults.py tests/acceptance/test_storm.py

lint: .venv/dev ## Check format, lint, types, import contracts and migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

ci: ## Run what CI runs: lint and test
	@bash .ci/run

format: .venv/dev ## Format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev ## Measure streaming against raw httpx
	$(BIN)/python -m benchmarks.stream

lock: .venv/dev ## Pin the requirements anew, with hashes
	for name in runtime dev proxy; do $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --no-annotate requirements/$$name.in -o requirements/$$name.txt; done

proxy: .venv-proxy/ready ## Install the model server that some tests want, apart from the rest

.venv-proxy/ready: requirements/proxy.txt
	@test -x .venv-proxy/bin/python || $(PYTHON) -m venv .venv-proxy
	@.venv-proxy/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/proxy.txt
	@touch $@

.venv/runtime: requirements/runtime.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing what Parley needs (a minute or two, once) …"
	@$(BIN)/python -m pip install -q --no-compile --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	@$(COMPILE) .venv/lib || true
	@touch $@

.venv/dev: .venv/runtime requirements/dev.txt
	@$(BIN)/python -m pip install -q --no-compile --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(COMPILE) .venv/lib || true
	@touch $@

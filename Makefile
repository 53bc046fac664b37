# The only front door: `make help`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
UV_VENV := .plexus/tools/uv-venv
LOCAL := $(BIN)/python -m plexus_local
TIMED := $(BIN)/python -m plexus_testkit.times

# Every Python project of the workspace; generated code is on the path but is not checked.
SOURCES := $(patsubst %/pyproject.toml,%/src,$(wildcard libs/*/pyproject.toml \
	services/*/pyproject.toml clients/*/pyproject.toml deploy/*/pyproject.toml bench/pyproject.toml))
CHECKED := $(filter-out libs/protos/src,$(SOURCES))
DOMAIN_TESTS := $(wildcard services/*/tests/domain services/*/tests/*/domain)
# What takes longest comes first, so that both workers end together.
TESTS := tests/integration tests/architecture tests/queries tests/web libs services clients deploy bench
# Folders and files with tests beside which nothing runs (`plexus_testkit.parallel`).
ALONE = tests/web tests/integration tests/queries $(sort $(filter-out tests/integration/%, \
	$(shell grep -rl --include='test_*.py' 'mark\.alone' $(TESTS))))

empty :=
space := $(empty) $(empty)
export MYPYPATH := $(subst $(space),:,$(SOURCES))

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install everything that the lock file names into .venv
	@if uv --version >/dev/null 2>&1; then uv=uv; else \
		uv=$(UV_VENV)/bin/uv; \
		if ! "$$uv" --version >/dev/null 2>&1; then \
			echo "uv is not on the PATH; installing it into $(UV_VENV)"; \
			python3 -m venv --clear $(UV_VENV); \
			$(UV_VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv; \
		fi; \
	fi; \
	"$$uv" sync --frozen --quiet

.PHONY: proto
proto: ## Generate code from proto/, and docs/asyncapi.yaml
	@$(BIN)/python libs/protos/generate.py
	@$(LOCAL).web proto

.PHONY: proto-check
proto-check: proto ## Generate code and fail when it differs from what is committed
	@changed=$$(git status --porcelain -- libs/protos/src clients/web/src/gen docs/asyncapi.yaml); \
	if [[ -n "$$changed" ]]; then \
		echo "Generated code differs from proto/; commit the result of make proto:"; \
		echo "$$changed"; \
		exit 1; \
	fi

.PHONY: web
web: setup ## Build the web client if its sources have changed
	@$(LOCAL).web build

.PHONY: web-check
web-check: setup ## Type-check, lint and unit-test the web client
	@$(LOCAL).web check

.PHONY: web-pictures
web-pictures: setup ## Take the pictures of README and the quick-start guide; ARGS="web-zh-light" chooses
	@$(BIN)/python tests/web/pictures $(ARGS)

.PHONY: commands
commands: ## Write the index of the plexus command from the declarations of its commands
	@$(BIN)/python -m plexus_cli.describe

.PHONY: rules
rules: ## Write docs/rules.md: every rule with the tests that prove it
	@$(BIN)/python tests/architecture/rules.py

.PHONY: lint
lint:
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary $(CHECKED)
	@$(BIN)/lint-imports
	@$(BIN)/buf lint

.PHONY: check
check: lint ## Format, lint, types, imports, contracts, domain tests
	@$(if $(DOMAIN_TESTS),$(BIN)/python -m pytest --quiet $(DOMAIN_TESTS),echo "no domain tests yet")

.PHONY: fmt
fmt: ## Format and repair what can be repaired
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

.PHONY: test
test: setup ## Everything but the long tests, on real servers: 20 minutes on two cores
	@failed=0; PLEXUS_TEST_TIMES=$$(mktemp); export PLEXUS_TEST_TIMES; \
	$(TIMED) checks make -j2 --output-sync=target lint web-checked || failed=1; \
	$(BIN)/python -m pytest -m "not long and not alone" -n 2 --dist loadfile --no-loadscope-reorder \
		--durations=20 $(TESTS) || failed=1; \
	$(BIN)/python -m pytest -m "alone and not long" --durations=20 $(ALONE) || failed=1; \
	rm "$$PLEXUS_TEST_TIMES"; exit $$failed

.PHONY: web-checked
web-checked:
	@$(LOCAL).web check || test $$? -eq 3  # without Node the tests of the web client are skipped

.PHONY: test-long
test-long: setup ## The long tests: faults, load, large data
	@$(BIN)/python -m pytest -m long --durations=20 $(TESTS)

.PHONY: bench
bench: setup ## Measure on real servers; SHAPES=a50,b chooses, ARGS="--json FILE" and so on
	@$(BIN)/python -m plexus_bench $(if $(SHAPES),--shapes "$(SHAPES)") $(ARGS)
	@$(BIN)/python -m plexus_bench.command_line --help-only --runs 3

.PHONY: bench-access
bench-access: setup ## Measure what deciding costs and how fast a revocation is; ARGS="--json FILE"
	@$(BIN)/python -m plexus_bench.access $(ARGS)

.PHONY: bench-bounds
bench-bounds: setup ## Measure what checking the declared bounds of a request costs
	@$(BIN)/python -m plexus_bench.bounds

.PHONY: bench-cli
bench-cli: setup ## Measure what starting each command costs; ARGS="--help-only --runs 3"
	@$(BIN)/python -m plexus_bench.command_line $(ARGS)

.PHONY: bench-feed
bench-feed: setup ## Measure how fast a company comes in by SCIM; ARGS="--people 1000 --departments 60"
	@$(BIN)/python -m plexus_bench.feed $(ARGS)

.PHONY: bench-framing
bench-framing: setup ## Measure the driver's HTTP/2 client beside the library h2
	@$(BIN)/python -m plexus_bench.framing

.PHONY: bench-peers
bench-peers: setup ## Measure Plexus beside ejabberd and Synapse; RUNS= SECONDS= SHAPES= PEERS= JSON=
	@$(BIN)/python -m plexus_bench.peers $(if $(RUNS),--runs "$(RUNS)") $(if $(SECONDS),--seconds "$(SECONDS)") \
		$(if $(SHAPES),--shapes "$(SHAPES)") $(if $(PEERS),--peers "$(PEERS)") $(if $(JSON),--json "$(JSON)") $(ARGS)

.PHONY: bench-tracing
bench-tracing: setup ## Measure what tracing costs on the send path; ARGS="--rounds 60 --messages 400"
	@$(BIN)/python -m plexus_bench.tracing $(ARGS)

.PHONY: bench-web
bench-web: setup ## Measure the web client in Chromium; ARGS="--small", "--only typing", "--json FILE"
	@$(BIN)/python tests/web/bench $(ARGS)

.PHONY: soak
soak: setup ## Kill processes under load, CYCLES=200 times; SEED=n repeats a run
	@$(BIN)/python -m plexus_testkit.faults --cycles $(or $(CYCLES),200) $(if $(SEED),--seed $(SEED))

.PHONY: demo
demo: setup ## Start Plexus and let a company move in; EXPORT=file.zip for a Slack export
	@$(LOCAL) demo $(if $(EXPORT),--export "$(EXPORT)")

.PHONY: up
up: setup ## Start Plexus on this machine and wait until it is ready; PLEXUS_TLS=1 with certificates
	@$(LOCAL) up

.PHONY: down
down: ## Stop Plexus and keep its data
	@$(LOCAL) down

.PHONY: clean
clean: ## Stop Plexus and remove its data, logs, keys and mails
	@$(LOCAL) clean

.PHONY: status
status: ## Show what runs
	@$(LOCAL) status || test $$? -eq 3  # not running is an answer too

.PHONY: logs
logs: ## Show the ends of the logs; ARGS="gateway -f" follows one
	@$(LOCAL) logs $(ARGS)

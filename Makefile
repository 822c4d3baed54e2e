# Every command of the project. `make` alone lists them.
.DEFAULT_GOAL := help
VENV := .venv
RUN := $(VENV)/bin/python
DEMO_REQUIREMENTS := requirements.txt requirements-demo.txt
DEV_REQUIREMENTS := $(DEMO_REQUIREMENTS) requirements-dev.txt
DEMO_STAMP := $(VENV)/.demo-installed
DEV_STAMP := $(VENV)/.dev-installed

# The first interpreter that the pinned packages support.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && echo $$name && break; done)

define make_environment
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.14 is needed and not on the PATH: install it, or name it with PYTHON=." >&2; exit 1; }
	@$(RUN) -m pip --version >/dev/null 2>&1 || { \
		echo "Making the environment $(VENV) with $(PYTHON)"; \
		$(PYTHON) -m venv --clear $(VENV) || { echo "The module venv is missing: install it (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }; }
endef

define install
	@echo "Installing packages; the first time takes a minute or two"
	@$(RUN) -m pip install --disable-pip-version-check --no-input --require-hashes $(foreach file,$(1),-r $(file))
endef

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(DEMO_STAMP): $(DEMO_REQUIREMENTS)
	$(make_environment)
	$(call install,$(DEMO_REQUIREMENTS))
	@touch $@

$(DEV_STAMP): $(DEV_REQUIREMENTS)
	$(make_environment)
	$(call install,$(DEV_REQUIREMENTS))
	@touch $(DEMO_STAMP) $@

.PHONY: venv
venv: $(DEMO_STAMP) ## Make the environment for the demo

.PHONY: dev-venv
dev-venv: $(DEV_STAMP) ## Make the environment for tests and lint

.PHONY: demo
demo: venv ## Start the product on this machine; PORT= sets the port, Ctrl-C stops it
	@exec $(RUN) -m iam_dashboard.demo

.PHONY: demo-reset
demo-reset: venv ## Delete the data of the demo
	@exec $(RUN) -m iam_dashboard.demo reset

# The checks read the settings and open no connection.
.PHONY: lint
lint: export SECRET_KEY := for-the-checks-only
lint: export DATABASE_URL := postgres://iam_app@127.0.0.1:1/iam
lint: export DATABASE_POOL_SIZE := 0
lint: export REDIS_URL := redis://127.0.0.1:1/0
lint: dev-venv ## Check style, security rules, types, imports, migrations, settings and templates
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports
	@# Without a database the command warns that it cannot compare the applied migrations; the files are compared.
	$(RUN) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(RUN) manage.py check
	$(VENV)/bin/djlint templates --lint --quiet

.PHONY: test
test: dev-venv ## Run the tests, all but the browser's
	$(RUN) -m pytest -n 2 --ignore=tests/e2e tests

.PHONY: e2e
e2e: dev-venv ## Drive the pages in Chromium
	$(RUN) -m pytest tests/e2e

.PHONY: coverage
coverage: dev-venv ## Run the same tests, and fail when they pass through less of the lines and branches than pyproject.toml asks for
	$(RUN) -m pytest -n 2 --ignore=tests/e2e --cov --cov-report=term:skip-covered tests

.PHONY: mutation
mutation: dev-venv ## Change the engine and its rules a little, many times, and see that a test fails; MODULES= and EVERY= narrow
	EVERY=$(EVERY) $(RUN) -m tests.mutation $(MODULES)

.PHONY: bench
bench: dev-venv ## Measure against peers, for example BENCH=lists
	@test -n "$(BENCH)" || { echo "Name a benchmark of the directory bench: make bench BENCH=lists" >&2; exit 1; }
	$(RUN) -m bench.$(BENCH)

.PHONY: requirements
requirements: dev-venv ## List every requirement with the tests that prove it; STRICT=1 fails on one without
	$(RUN) -m tests.requirements_report

.PHONY: screenshots
screenshots: dev-venv ## Make the pictures of the README from a running product
	$(RUN) -m docs.screenshots

.PHONY: audit-packages
audit-packages: dev-venv ## Look for known vulnerabilities of the pinned packages
	$(RUN) -m pip_audit --strict --require-hashes --disable-pip $(foreach file,$(DEV_REQUIREMENTS),-r $(file))

.PHONY: proof
proof: lint coverage e2e requirements mutation ## Everything that has to hold before a release, the slow proofs included
	HYPOTHESIS_PROFILE=thorough $(RUN) -m pytest tests/roles/test_machine.py tests/roles/engine/test_agreement.py
	FUZZ_EXAMPLES=100 $(RUN) -m pytest -n 2 tests/api/test_fuzzing.py

.PHONY: lock
lock: ## Pin every package with its hashes, from the three .in files; needs uv
	@command -v uv >/dev/null || { echo "uv is needed: https://docs.astral.sh/uv/" >&2; exit 1; }
	for name in requirements requirements-demo requirements-dev; do \
		UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.11 \
			--generate-hashes $$name.in --output-file $$name.txt || exit 1; \
	done

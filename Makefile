# The commands of this project. Each one makes .venv by itself, and again when its lock file changes: `demo` and `up`
# install what running needs, all others the developers' tools too.
# make demo ARGS=--once, make test ARGS="-k breaker", PYTHON=/path/to/python3.12 make test

SHELL := bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
unexport PYTHONDONTWRITEBYTECODE  # else each of the many processes of a run would compile the whole house anew
unexport PYTHONPATH PYTHONHOME DJANGO_SETTINGS_MODULE PIP_USER PIP_TARGET PIP_PREFIX  # of other projects, not of .venv

PYTHON ?= $(shell command -v python3.11 || command -v python3)
READY := .venv/ready
RUNNING := .venv/running
RUN := .venv/bin/python

.PHONY: help demo up check image test clients fonts translations screenshots curves test-cells test-rolling test-restore test-failover test-consume test-openapi test-rabbitmq test-hostile receivers lint format bench soak lock venv clean

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1#/p' Makefile | column -t -s '#' 2>/dev/null || grep '##' Makefile

demo: $(RUNNING) ## Start everything, send a signed event to a local receiver, show it arriving
	@$(RUN) manage.py demo $(ARGS)

up: $(RUNNING) ## Start everything and stay up (ARGS="--port 9000")
	@$(RUN) manage.py up $(ARGS)

check: lint test ## Check style and types, then run the tests: what a commit has to pass

test: $(READY) ## Run the tests against a real PostgreSQL and Valkey
	@$(RUN) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

receivers: ## Fetch and build what tests use of Node, Go, Java, Rust, as far as they are here
	@tests/receivers/build

test-hostile: $(READY) ## Run what attacks: hostile receivers, callers and people; lists the cases by name
	@$(RUN) -m tests.hostile $(ARGS)

test-consume: $(READY) ## 10,000 events from a queue of RabbitMQ and an outbox, with kills of consumer and database
	@TEST_CONSUME=1 $(RUN) -m pytest -n 0 -q -s tests/faults/test_consume.py $(ARGS)

test-openapi: $(READY) ## Fetch generators and linters of npm and openapi-generator, and try them on the live description
	@tests/clients/fetch
	@$(RUN) -m pytest tests/clients tests/api/test_openapi.py $(ARGS)

clients: $(READY) ## Make the Python client and the TypeScript client's shapes from the description of the API, and a wheel
	@$(RUN) -m clients.generate
	@$(RUN) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir clients/python/dist clients/python
	@ls clients/python/dist

translations: $(READY) ## Bring the catalogs of all languages up to date, and name what has no translation
	@$(RUN) -m tests.translations

screenshots: $(READY) ## Take the pictures in docs/screenshots anew, from a month that is made up
	@$(RUN) -m pytest -n 0 -q -W ignore::pytest.PytestWarning tests/pages/screenshots.py $(ARGS)

curves: $(READY) ## Draw docs/curves.svg anew: the dashboard's curves of a run with two faults (needs Debian's prometheus)
	@$(RUN) -m pytest -n 0 -q tests/faults/curves.py $(ARGS)

fonts: $(READY) ## Cut the pages' fonts anew, after an icon came into use
	@.venv/bin/pip install --quiet --disable-pip-version-check 'fonttools[woff]==4.68.0'
	@$(RUN) -m tests.pages.fonts

test-cells: $(READY) ## Move a customer with 100,000 in the log under 200 events a second, and kill the mover at every stage
	@FAULTS_TIMEOUT_SECONDS=1800 CELLS_LOGGED=100000 CELLS_WAITING=2000 CELLS_RATE=200 CELLS_BATCH=10 \
		CELLS_KILLED_AT="delivery,sending stopped,router switched,handed over" \
		$(RUN) -m pytest -n 0 -q -s tests/faults/test_cells.py $(ARGS)

test-rolling: $(READY) ## Replace every process behind HAProxy under 500 events a second
	@TEST_ROLLING=1 $(RUN) -m pytest -n 0 -q -s -k every_process tests/faults/test_rolling_restart.py $(ARGS)

test-restore: $(READY) ## Take backups under load, and restore a dump, and a server to a moment; also with Debian's PostgreSQL 15
	@for folder in "" $(wildcard /usr/lib/postgresql/15/bin); do TEST_POSTGRES_BIN=$$folder TEST_RESTORE=1 \
		$(RUN) -m pytest -n 0 -q -s tests/faults/test_restore.py tests/faults/test_point_in_time.py \
		tests/faults/test_retention_walk.py $(ARGS); done

test-failover: $(READY) ## Kill under load: the primary of a synchronous pair, a node of RabbitMQ, a master of Sentinel's
	@TEST_FAILOVER=1 $(RUN) -m pytest -n 0 -q -s tests/faults/test_failover.py tests/faults/test_broker_failover.py $(ARGS)

test-rabbitmq: $(READY) ## Run the tests that meet a broker against RabbitMQ (needs Debian's rabbitmq-server)
	@$(RUN) -m tests.rabbitmq $(ARGS)

image: $(READY) ## Build the image without Docker and deliver by it (root on Debian, buildah and debootstrap)
	@docker/image

lint: $(READY) ## Check style and types
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

format: $(READY) ## Put the code into the house style
	@.venv/bin/ruff check --fix --quiet . || true
	@.venv/bin/ruff format .

bench: $(READY) ## Measure, one JSON line per figure
	@$(RUN) -m bench $(ARGS)

soak: $(READY) ## Do all faults at once while events are accepted, and report (ARGS="--events 200000")
	@$(RUN) -m tests.faults.soak $(ARGS)

lock: $(READY) ## Choose the versions of all dependencies again
	@command -v uv >/dev/null || .venv/bin/pip install --quiet --disable-pip-version-check uv
	@PATH="$$PATH:.venv/bin"; for extra in "requirements.lock" "requirements-dev.lock --extra dev"; do \
		uv pip compile --quiet --python-version 3.11 --generate-hashes --extra pages --extra server --extra otel \
			--no-emit-index-url --no-header pyproject.toml -o $$extra; done
	@git diff --stat -- requirements.lock requirements-dev.lock

venv: $(READY) ## Make .venv and nothing else

clean: ## Remove .venv and what tools left behind; var/, the data, stays
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis

# $(call install,LOCK): its packages into .venv, which stays as it is for the rest.
define install
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	@"$(PYTHON)" -m venv .venv
	@printf 'Installing %s packages into .venv ' "$$(grep -c '==' $(1))"
	@.venv/bin/python -m pip install --disable-pip-version-check --no-user --no-input --progress-bar off \
		--require-hashes --requirement $(1) 2>&1 | tee .venv/install.log \
		| awk '/^(Collecting|Downloading)/ { if (++n % 4 == 0) { printf "."; fflush() } }' \
		|| { echo ' failed:'; tail -n 20 .venv/install.log; exit 1; }
	@echo ' done'
endef

# Both are written last, so that an interrupted installation is done again. The developers' list holds the other whole.
$(READY): requirements-dev.lock
	$(call install,requirements-dev.lock)
	@touch $@ $(RUNNING)

$(RUNNING): requirements.lock
	$(call install,requirements.lock)
	@touch $@

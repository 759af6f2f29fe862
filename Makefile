# `make bench` and `make test` set everything up by themselves; a second time they find it there.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: bench reference test test-slow test-nightly test-lowest docs lint clean

bench: .venv/installed
	$(BIN)/python -m bench.run --config configs/studies/digits.yaml

# Keep the reports of small studies in the repository: a light page, tables and rows; not what is in the page or the rows besides.
# At most 3 MB each.
reference: reference-digits reference-same_prior .venv/installed-dev
	$(BIN)/python -m docs_build.readme

reference-%: .venv/installed
	$(BIN)/python -m bench.run --config configs/studies/$*.yaml --yes
	$(BIN)/python -m bench.report results/$* --light --out results/reference/$*
	cp results/$*/experiment.yaml results/reference/$*/
	cd results/reference/$* && rm -rf samples reconstructions interpolations summary.parquet figures/*.pdf figures/over_time.png
	find results/reference/$*/figures -name '*.csv' ! -name 'fd_*' -delete
	find results/reference/$* '(' -name samples.png -o -name comparison.csv ')' -size +200k -delete

test: .venv/installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not nightly"

test-slow: .venv/installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "slow and not nightly and not alone"
	$(BIN)/python -m pytest -m "slow and alone"

test-nightly: .venv/installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m nightly

# The fast tests with the lowest version of each direct dependency that pyproject.toml allows. Indirect dependencies and
# development tools are the newest. The environment is kept in .venv-lowest.
LOWEST := .venv-lowest/bin
test-lowest:
	test -d .venv-lowest || $(PYTHON) -m venv .venv-lowest
	$(LOWEST)/python -m pip install --quiet uv
	$(LOWEST)/uv pip compile pyproject.toml --resolution lowest-direct --no-deps --python $(LOWEST)/python --no-header \
		--quiet --output-file .venv-lowest/lowest.txt
	$(LOWEST)/uv pip install --quiet --python $(LOWEST)/python --override .venv-lowest/lowest.txt --editable ".[dev]"
	$(LOWEST)/python -m pytest -n 2 --dist worksteal -m "not slow and not nightly"

# The documentation site, site/index.html. The search needs a server: $(BIN)/python -m http.server -d site
docs: .venv/installed-dev
	PYTHONPATH=tests $(BIN)/python tests/end_to_end/mistakes.py > docs/reference/errors.md
	$(BIN)/python -m docs_build.readme
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-logo

clean:
	rm -rf .venv .venv-lowest .pytest_cache .ruff_cache .hypothesis

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

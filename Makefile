# The two commands of the README are `make demo` and `make test`; ARGS passes flags on:
#   make demo ARGS="--port 9000 --bugs 500"
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SOURCES := metrics_api collectors simulator dashboards containers docs tests bench

.PHONY: demo test check bench soak format dashboards image-size clean

demo: $(READY)
	@$(BIN)/engmetrics demo $(ARGS)

test: check
	$(BIN)/python -m pytest -q -m "not soak" -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m dashboards build --check
	$(BIN)/python -m docs --check

bench: $(READY)
	$(BIN)/python -m bench $(ARGS)

soak: $(READY)
	SOAK_FIGURES=docs/soak.md $(BIN)/python -m pytest -q -m soak $(ARGS)

format: $(READY)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

dashboards: $(READY)
	$(BIN)/python -m dashboards build
	$(BIN)/python -m docs

$(READY): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "engmetrics needs Python 3.11 or newer with venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "engmetrics needs Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[client,embedded,dashboards,dev]'
	@touch $(READY)

# What a container's layers hold: the size of the built venv.
image-size:
	containers/size

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

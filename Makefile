# The recipes that people and CI share. `make` alone names them.
#
#   PYTHON=python3.12   which Python makes the environment (3.11 or newer)
#   ARGS=…              goes to the command behind demo, test and bench:  make test ARGS='-k standing -x'

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
LOGS ?= 10000
HOURS ?= 1
ARGS ?=

BIN := $(VENV)/bin
CYTHON := $(wildcard src/fastcore/*.pyx src/fastcore/*.pxd)
COMPILED := $(patsubst src/fastcore/%.pyx,fastcore.%,$(wildcard src/fastcore/*.pyx))
SANITIZED := build/sanitize/lib
MINUTES ?= 10

.DELETE_ON_ERROR:
.PHONY: help demo test lint format build wheel agreement-long sanitize simulate kills bench clean

help:  ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-16s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build/.built $(VENV)/.cli  ## a simulated county, a day of it, through a node on loopback
	$(BIN)/feikong demo $(ARGS)

test: build/.built $(VENV)/.dev  ## every test
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

lint: build/.built $(VENV)/.dev  ## ruff, mypy, cython-lint, and the stubs against the compiled modules
	@test -n "$(COMPILED)" || { echo "no compiled module to check" >&2; exit 1; }
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PATH="$(abspath $(BIN)):$$PATH" cython-lint $(CYTHON)
	$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml \
		--allowlist tests/typing/stubtest.txt $(COMPILED)

format: $(VENV)/.dev  ## what ruff can put right by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

build: build/.built  ## the environment, and the compiled modules in place

wheel: $(VENV)/.dev  ## source distribution and wheel, under dist/
	$(BIN)/python -m build --no-isolation --outdir dist

agreement-long: build/.built $(VENV)/.dev  ## LOGS random logs through the engine and its plain-Python twin
	PYTHONPATH=tests $(BIN)/python -m tests.agreement.long --logs $(LOGS) --jobs $(JOBS)

simulate: build/.built $(VENV)/.dev  ## the whole node under every fault, for HOURS, on all cores; ARGS='--only SEED' for one schedule
	PYTHONPATH=tests $(BIN)/python -m simulation --hours $(HOURS) $(ARGS)

# libstdc++ is loaded first too, or the sanitizer would not see PyArrow's exceptions. CPython's own leaks are not ours. What
# a sanitizer says before it ends the process must not be captured: -s.
sanitize: $(VENV)/.dev  ## the agreement tests under the address and undefined-behaviour sanitizers
	FEIKONG_SANITIZE=1 $(BIN)/python setup.py -q build --build-lib $(SANITIZED)
	LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libstdc++.so)" \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc PYTHONPATH=$(SANITIZED) \
	$(BIN)/python -c "import sys, fastcore.engine as e, pytest; \
	assert '$(SANITIZED)' in e.__file__, e.__file__; \
	sys.exit(pytest.main(['-s', '-p', 'no:cacheprovider', 'tests/agreement', *'$(ARGS)'.split()]))"

kills: build/.built $(VENV)/.dev  ## a node under load, its parts killed at random moments; MINUTES=10
	PYTHONPATH=src:tests $(BIN)/python -m e2e.kills --minutes $(MINUTES)

bench: build/.built $(VENV)/.bench  ## the benchmarks, their answers compared first; ARGS='--size full' for figures
	$(BIN)/python -m benchmarks $(ARGS)

clean:  ## all that was built, but for the environment
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis src/*.egg-info
	rm -f src/fastcore/*.so
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"feikong needs Python 3.11 or newer; {sys.executable} is {v[0]}.{v[1]}: make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.tools: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'setuptools>=77' 'Cython>=3.1'
	@touch $@

$(VENV)/.cli: pyproject.toml $(VENV)/.tools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[cli,node,query]'
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.tools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[dev]'
	@touch $(VENV)/.cli $@

$(VENV)/.bench: pyproject.toml $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[bench]'
	@touch $@

build/.built: setup.py $(CYTHON) $(VENV)/.tools
	$(BIN)/python setup.py -q build_ext --inplace
	@mkdir -p $(@D) && touch $@

# Everything a fresh clone needs: git, make and Python 3.11 or newer. `make help` lists the targets.
VENV     ?= .venv
DEMO_DIR ?= demo
SEED     ?= 0

BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)

# pip shows its progress to a person who waits for the first installation
QUIET = $(if $(CI)$(wildcard $(READY)),--quiet)

export PATH := $(abspath $(BIN)):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONHOME PYTHONPATH
unexport PYTHONDONTWRITEBYTECODE # hundreds of processes import the library: it is compiled once

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test notebooks check export docs requirements clean distclean

help: ## This list
	@awk -F ': .*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## The environment in .venv: every pinned dependency, and this checkout

$(READY): requirements.txt settings.ini setup.py
	@test -n "$(PYTHON)" || { echo "fashion_nbdev needs Python 3.11 or newer: install it, or say where it is: make PYTHON=/path/to/python3.11 setup" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make $(VENV): on Debian and Ubuntu, install python3-venv" >&2; exit 1; }
	@echo "Installing what requirements.txt lists into $(VENV): some minutes the first time (7 GB, most of it torch)"
	$(BIN)/python -m pip install $(QUIET) --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip check
	@touch $@

demo: $(READY) ## The main job: draw garments, train on them, evaluate, save pictures in DEMO_DIR (demo)
	$(BIN)/demo-fashion --output-dir $(DEMO_DIR) --seed $(SEED)

# as many pages and files of tests at a time as there are cores, one core each
test notebooks: export OMP_NUM_THREADS = 1

test: notebooks docs ## Every test: the notebooks, the web site, and tests/
	$(BIN)/python -m pytest -q -rs -n logical --dist loadfile -o tmp_path_retention_policy=none tests

notebooks: $(READY)
	$(BIN)/python tools/test_pages.py --do_print --timing

check: $(READY) ## Quick: library, notebooks and README in step with each other, and lint
	bash tools/check.sh

export: $(READY) ## After editing a notebook: write the library and the README, clean the notebooks
	$(BIN)/nbdev_export
	$(BIN)/nbdev_clean
	$(BIN)/python tools/readme.py

docs: $(READY) ## The web site, in _docs
	$(BIN)/python docs/build.py

requirements: ## Make requirements.txt anew from settings.ini (with UPGRADE=1: the newest versions that fit)
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python tools/requirements.py $(if $(UPGRADE),--upgrade)

clean: ## Remove what was built; the environment stays
	rm -rf _proc _docs _build build dist demo .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## Remove the environment as well
	rm -rf $(VENV) *.egg-info docs/_vendor

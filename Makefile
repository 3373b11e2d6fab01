# The virtual environment is installed in steps: the library alone, the tools for development, and
# those of the documentation. A step ends by writing a stamp file, so an interrupted step is done again.

PYTHON ?= python3
ARGS ?=

VENV = .venv
BIN = $(VENV)/bin
PAGE = tests/test_docs_frameworks.py
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

help: ## show this list
	@echo "usage: make TARGET [PYTHON=python3.12] [ARGS='more arguments']"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.core-stamp ## compare CEAS with its baselines; results in runs/demo
	$(BIN)/ceas-gym evaluate metro --policy ceas --policy oblivious-fair \
	    --policy static-subset --policy oblivious-naive --episodes 20 --seed 0 --out runs/demo --overwrite $(ARGS)
	$(BIN)/ceas-gym replay runs/demo

setup: $(VENV)/.dev-stamp ## install everything for development

# Files go to the workers in the order of their names. Sorted by their number of tests, as by default,
# long files of few tests would come last, and one worker would wait for the other.
test: setup ## run the tests and doctests
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

slow: setup ## run the tests that take minutes
	$(BIN)/python -m pytest -m slow $(ARGS)

# Each has an environment of its own, named after its extra.
frameworks: $(VENV)-frameworks/.stamp $(VENV)-rllib/.stamp ## install other frameworks, and run the page on them
	$(VENV)-frameworks/bin/python -m pytest -m '' $(PAGE)
	$(VENV)-frameworks/bin/python -m pytest tests/test_vector_env.py -k videos
	$(VENV)-rllib/bin/python -m pytest $(PAGE) -k RLlib

mutation: setup ## make small errors in the library, and see whether the tests notice them
	$(BIN)/python tests/mutation/mutate.py $(ARGS)

lint: setup ## check style, types and the order of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

release-check: $(VENV)/.core-stamp ## build, examine, install and try what users download
	$(BIN)/python tests/release/check.py $(ARGS)

docs: $(VENV)/.docs-stamp ## build the documentation site in build/docs, and run its tutorial
	@echo "Building the site. The first time, the tutorial runs, which takes a few minutes."
	$(BIN)/python -m sphinx -W --keep-going -n -q docs build/docs $(ARGS)
	@echo "Written: build/docs/index.html"

clean: ## remove the environment, builds and caches; keep runs/
	rm -rf $(VENV) $(VENV)-frameworks $(VENV)-rllib build dist .coverage .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find ceas_gym agents tests -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment whose Python is too old, or that has no working pip, is made anew.
$(VENV)/.core-stamp: pyproject.toml constraints.txt CITATION.cff
	@$(BIN)/python -c 'import pip._internal.cli.main, sys; sys.exit(sys.version_info < (3, 11))' \
	    2>/dev/null || { \
	    $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	        "ceas_gym needs Python 3.11 or newer, but %s is %d.%d; try: make PYTHON=python3.11" \
	        % ((sys.executable,) + sys.version_info[:2]))' && \
	    $(PYTHON) -m venv --clear $(VENV); }
	@echo "Installing ceas_gym into $(VENV): about 1 GB, a minute or two."
	@$(INSTALL) -e .
	@touch $@

# torch is installed first, and by its exact version. Otherwise pip could choose a newer build of
# several GB.
$(VENV)/.dev-stamp: $(VENV)/.core-stamp
	@echo "Installing the agents' and developers' tools into $(VENV)."
	@$(INSTALL) torch==2.13.0
	@$(INSTALL) -e '.[agents,dev]'
	@touch $@

$(VENV)/.docs-stamp: $(VENV)/.dev-stamp
	@echo "Installing the tools of the documentation into $(VENV)."
	@$(INSTALL) -e '.[docs]'
	@touch $@

# Without the versions that some framework cannot do with.
$(VENV)-%/.stamp: pyproject.toml constraints.txt CITATION.cff
	$(PYTHON) -m venv --clear $(@D)
	@echo "Installing other frameworks into $(@D): minutes."
	@grep -vE '^(filelock|gymnasium|pillow|python-dateutil)==' constraints.txt > $(@D)/constraints.txt
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c $(@D)/constraints.txt \
	    torch==2.13.0 pytest -e '.[$*]'
	@touch $@

.PHONY: help demo setup test slow frameworks mutation lint release-check docs clean

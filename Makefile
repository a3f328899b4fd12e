# Every target makes the environment that it needs; only Python with its venv module is assumed.

PYTHON ?= python3
VENV := .venv
DEMO_VENV := .venv-demo
DEMO_PY := $(DEMO_VENV)/bin/python
PIP_INSTALL := bin/python -m pip install --quiet --disable-pip-version-check
ARGS ?=

.PHONY: help demo test chaos lint docs bench fuzz clean check-python

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(DEMO_VENV)/.installed ## watch a short message and its receipt travel between an ESME and a message centre
	$(DEMO_PY) docs/examples/demo.py $(ARGS)

test: $(VENV)/.installed ## run the test suite (ARGS="-k session -x" goes to pytest)
	$(VENV)/bin/python -m pytest $(ARGS)

chaos: $(VENV)/.installed ## kill -9 the message centre 1,000 times (CHAOS_KILLS=25 for fewer) and starve it
	CHAOS_KILLS=$${CHAOS_KILLS:-1000} CHAOS_SESSIONS=$${CHAOS_SESSIONS:-10000} \
	CHAOS_CYCLES=$${CHAOS_CYCLES:-20000} CHAOS_TRIES=$${CHAOS_TRIES:-1000} $(VENV)/bin/python -m pytest tests/chaos $(ARGS)

lint: $(VENV)/.installed ## check style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

docs: $(VENV)/.installed ## build the documentation into docs/_build/html; warnings are errors
	$(VENV)/bin/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	@echo "The pages are in docs/_build/html."

bench: ## say how to measure speed
	@echo "See bench/README.md: how each figure is made, and how to make it again."

fuzz: ## say how to fuzz
	@echo "See fuzz/: each target states its invariant and its command at the top of the file."

clean: ## remove what the other targets made, the environments too
	rm -rf $(VENV) $(DEMO_VENV) .tox build dist *.egg-info docs/_build
	rm -rf .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -f twisted/plugins/dropin.cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The package is installed editable, so that only a change of its requirements asks for more.
$(VENV)/.installed: setup.cfg pyproject.toml | check-python
	$(PYTHON) -m venv $(VENV)
	$(VENV)/$(PIP_INSTALL) -e '.[dev]'
	@touch $@

$(DEMO_VENV)/.installed: setup.cfg pyproject.toml | check-python
	$(PYTHON) -m venv $(DEMO_VENV)
	$(DEMO_VENV)/$(PIP_INSTALL) -e .
	@touch $@

check-python:
	@$(PYTHON) -c 'import sys; sys.exit("twisted_smpp needs Python 3.11 or newer, and $(PYTHON) is %d.%d: try make PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'

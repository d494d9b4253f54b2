# Everything a person or CI runs. Needs Python 3.10+ and make; the rest goes into .venv: first what
# the nodes need ($(BASE)), and what only tests need ($(STAMP)) when a target asks for it.

# On Windows, `make` needs the commands of Git Bash.
IS_WINDOWS := $(filter Windows_NT,$(OS))
PYTHON ?= $(if $(IS_WINDOWS),python,python3)
VENV := .venv
BIN := $(VENV)/$(if $(IS_WINDOWS),Scripts,bin)
BASE := $(VENV)/.base
STAMP := $(VENV)/.installed
export TORCH_INDEX
# With it, every process that a test starts would compile the client.
unexport PYTHONDONTWRITEBYTECODE
NPM ?= npm
HAS_NPM := $(shell command -v $(NPM) 2>/dev/null)
PAGE := tests/page
PAGE_STAMP := $(PAGE)/node_modules/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint format comfyui test-comfyui workflows film locales release-check soak bench clean test-page lint-page

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'The Python that creates .venv: PYTHON ($(PYTHON)).'
	@echo 'An index with CPU builds of torch, for a smaller .venv on Linux: TORCH_INDEX.'
	@echo 'Which ComfyUI: COMFYUI_PATH, else the one around this folder, else ~/comfy/ComfyUI;'
	@echo '  its Python: COMFYUI_PYTHON, else .venv or venv in it, or env beside it.'
	@echo 'A second, older ComfyUI for test-comfyui: COMFYUI_OLD_PATH (~/comfy/ComfyUI-0.3.64),'
	@echo '  COMFYUI_OLD_PYTHON, COMFYUI_OLD_PYTHONPATH (~/comfy/old-packages), put first.'
	@echo 'For test-page: CHROMIUM (chromium or google-chrome on the PATH; Debian: apt install chromium),'
	@echo '  and COMFYUI_NEW_FRONTEND, a newer page for the first ComfyUI (~/comfy/new-frontend):'
	@echo '  pip install --no-deps --target FOLDER comfyui-frontend-package==1.58.1'
	@echo 'The API document that requests are checked against: VENICE_OPENAPI.'

$(BASE): requirements.txt requirements-dev.txt
	@test ! -L $(VENV) || { echo '$(VENV) is a link, and make would empty its target. Remove the link first.' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit("You need Python 3.10 or newer: make PYTHON=…" if sys.version_info < (3, 10) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python scripts/install_packages.py
	@touch $@

$(STAMP): $(BASE)
	@$(BIN)/python scripts/install_packages.py --dev
	@touch $@

ifneq (,$(filter demo,$(MAKECMDGOALS)))
COMFYUIS_PYTHON := $(shell $(PYTHON) scripts/comfyui_process.py)
endif

demo: $(if $(COMFYUIS_PYTHON),,$(BASE))  ## Generate four images with the nodes, in the sandbox or with VENICE_API_KEY
	@$(if $(COMFYUIS_PYTHON),echo 'Using ComfyUI'\''s Python ($(COMFYUIS_PYTHON)). Nothing to install.')
	@'$(or $(COMFYUIS_PYTHON),$(BIN)/python)' scripts/demo.py

test: lint  ## Lint, then all tests but the long ones and those in a real ComfyUI: under two minutes on two cores
	$(BIN)/python -m pytest tests -m 'not long and not comfyui and not page' -n auto --dist loadgroup \
		--hypothesis-profile=quick

test-all: lint  ## Lint, then every test; those in a real ComfyUI where there is one
	$(BIN)/python -m pytest tests -n auto --dist loadgroup

lint: $(STAMP)  ## ruff, mypy; Biome and TypeScript with npm, the registry's rules with comfy-cli
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python scripts/typecheck.py
	@$(BIN)/python scripts/plain_english.py
	@$(BIN)/python scripts/check_package.py
	@$(MAKE) --no-print-directory lint-page

lint-page: $(if $(HAS_NPM),$(PAGE_STAMP))  ## Biome and TypeScript over web/; skipped by name without npm
	@$(if $(HAS_NPM),$(NPM) --prefix $(PAGE) run --silent lint,echo 'web/ is not linted: there is no npm (Node 20 or newer; NPM names it).')

$(PAGE_STAMP): $(PAGE)/package.json $(PAGE)/package-lock.json
	@echo 'Downloading the linters of the page with npm. About 70 MB.'
	$(NPM) --prefix $(PAGE) ci --loglevel error --no-audit --no-fund
	@touch $@

format: $(STAMP) $(if $(HAS_NPM),$(PAGE_STAMP))  ## Put the sources into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(if $(HAS_NPM),@$(NPM) --prefix $(PAGE) run --silent format)

comfyui:  ## Start a real ComfyUI with this pack, in the sandbox or with your key; its files: .comfyui
	$(PYTHON) scripts/run_comfyui.py

test-comfyui: $(STAMP)  ## The tests in a real ComfyUI; fails where there is none
	REQUIRE_COMFYUI=1 $(BIN)/python -m pytest tests -m comfyui -n auto --dist loadgroup

test-page: $(STAMP)  ## The page in a real Chromium, in every ComfyUI and frontend here; fails without any
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r scripts/requirements-workflows.txt
	REQUIRE_COMFYUI=1 $(BIN)/python -m pytest tests/page -n 2 --dist loadgroup

workflows: $(STAMP)  ## Have ComfyUI's page save the workflows (needs Chromium)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r scripts/requirements-workflows.txt
	$(BIN)/python scripts/save_workflows.py

film: $(STAMP)  ## Have ComfyUI's own page record the README's animation again (needs Chromium)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r scripts/requirements-workflows.txt
	$(BIN)/python scripts/film.py

locales: $(STAMP)  ## Write locales/en and the help pages again; name what translations lack
	$(BIN)/python scripts/locales.py

release-check: $(STAMP)  ## What a release needs beyond `make test-all`: every text in every language
	$(BIN)/python scripts/locales.py --complete

soak: $(STAMP)  ## The long form of the reliability tests, with their figures; then properties at random
	VENICE_SOAK=full $(BIN)/python -m pytest tests/promises -n auto --dist loadgroup \
		-rP --show-capture=stdout --durations=10
	$(BIN)/python -m pytest tests -m hypothesis --hypothesis-profile=search -n auto

bench: $(STAMP)  ## Measure speed and memory in ten minutes; writes docs/performance.md
	$(BIN)/python benchmarks/run.py

clean:  ## Remove .venv, caches and output, but not .comfyui: you may have paid for its images
	rm -rf $(VENV) output .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/.pytest_cache $(PAGE)/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

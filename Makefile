# What a person or a CI needs of this repository; `make` alone lists it.
# Both `make demo` and `make test` start from a bare checkout: Python >= 3.11 and Go are all they ask for.

VENV         := .venv
BIN          := $(VENV)/bin
PYTHON       ?= $(or $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
                  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; \
                done),python3)
UV           ?= $(or $(wildcard $(BIN)/uv),uv)
# Stories mostly wait, for a rollout or a member, so there are more of them at work than there are cores.
TEST_WORKERS ?= 18
PYTEST_ARGS  ?=
STORIES      := --ignore tests/unit tests
# A repair without a rollout: the quickest of those that go through the whole operator.
ONE_STORY    := tests/scenarios/repair/test_rights.py::test_pods_with_a_service_account_of_their_own_are_gathered_and_get_rights_and_no_rollout[5.8.9]
# They make environments, archives and clusters of their own.
INSTALLATIONS := $(addprefix tests/,apiserver/test_deploy.py apiserver/test_namespaced.py unit/test_packaging.py unit/test_release.py)
QUICK        = $(BIN)/pytest -q --hypothesis-profile=quick $(INSTALLATIONS:%=--ignore %)
HARNESS      := PYTHONPATH=tests:tests/scenarios $(BIN)/python
COMPILE      := pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header \
                --universal --python-version 3.11

export PYTHONUNBUFFERED := 1
# Many processes import the same modules here: each is compiled once, also where the environment says never to keep it.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv sandbox demo pictures recording external chart quick quick-computing quick-waiting test simulation soak hostile compat bench check image image-test release plugin static unit lock clean have-python have-go

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo '  make demo KEEP=1           leave the cluster of the demo running'
	@echo '  make demo EMQX=5.8.9       the same story with another generation of EMQX'
	@echo '  make test TEST_WORKERS=4   fewer tests at a time   PYTEST_ARGS="-k seed"  only some'
	@echo '  make soak SOAK_ARGS=--help  make bench BENCH_ARGS=--help  make hostile HOSTILE_ARGS=--help   what can be chosen there'
	@echo '  make compat COMPAT=1.30,1.34  COMPAT_ARGS="--workers 2"   some versions, and fewer tests at a time'
	@echo '  PYTHON=python3.12          which Python makes .venv'

venv: $(VENV)/.installed ## Make .venv with the locked packages and this project

$(VENV)/.locked: requirements/dev.lock | have-python
	$(PYTHON) -m venv $(VENV)
	@echo "installing the $$(grep -c == requirements/dev.lock) packages of requirements/dev.lock into $(VENV); this is done once"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements/dev.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

have-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'error: Python 3.11 or newer is needed; install it, or name it: make PYTHON=/path/to/python3.' >&2; exit 1; }

have-go:
	@[ -n "$$KUBEBUILDER_ASSETS" ] || command -v go >/dev/null || { \
	  echo 'error: Go is needed to build the control plane of the sandbox; install it from https://go.dev/dl/.' >&2; exit 1; }

sandbox: have-go venv ## Keep a cluster running until Ctrl-C; prints the KUBECONFIG line
	@$(HARNESS) -m sandbox up

demo: have-go venv ## Watch three lone EMQX members become one cluster
	@$(HARNESS) -m demo $(if $(EMQX),--emqx $(EMQX)) $(if $(KEEP),--keep)

external: have-go venv ## What needs Chromium, Prometheus, zsh or fish, builds helm and krew, or fetches packages
	@$(HARNESS) -m sandbox build
	$(BIN)/pytest -q tests/external/test_page.py tests/external/test_alerts.py tests/external/test_prometheus.py \
	  tests/external/test_helm.py tests/external/test_helm_installed.py tests/external/test_shells.py tests/external/test_krew.py

CHART := charts/emqx-autocluster

chart: ## Copy into the chart anew what it has of crds/ and deploy/
	cp crds/emqxautoclusters.yaml $(CHART)/crds/
	cp deploy/20-rbac.yaml $(CHART)/files/rbac.yaml
	cp deploy/50-guardrails.yaml $(CHART)/files/guardrails.yaml
	cp deploy/monitoring/podmonitor.yaml deploy/monitoring/prometheusrule.yaml $(CHART)/files/
	cp deploy/monitoring/grafana/dashboard.json $(CHART)/files/

pictures: have-go venv ## Make the README's pictures of the terminal anew, from a real run
	@$(HARNESS) -m sandbox build
	@$(HARNESS) -m pictures

recording: have-go venv ## Keep what this version writes into a cluster, from a real run, for the tests of later ones
	@$(HARNESS) -m sandbox build
	@$(HARNESS) -m released

test: have-go venv $(if $(PYTEST_ARGS),,unit) ## Run all tests: units, against a real API server, and whole stories
	@$(HARNESS) -m sandbox build
	@# Else each worker compiles all of it. What is wrong here is told by the run itself.
	@$(BIN)/pytest --collect-only -qq $(or $(PYTEST_ARGS),$(STORIES)) > /dev/null 2>&1 || true
	$(BIN)/pytest -n $(TEST_WORKERS) --verbose --durations 10 $(or $(PYTEST_ARGS),$(STORIES))

quick: have-go venv ## Run the unit tests, those against a real API server, and one story; without what installs and packs
	@$(HARNESS) -m sandbox build
	@# Side by side: one process computes, and in the others most tests wait.
	@$(MAKE) --no-print-directory -j2 --output-sync=line quick-computing quick-waiting

quick-computing:
	$(QUICK) --ignore tests/unit/sandbox tests/unit

quick-waiting:
	$(QUICK) -n 5 tests/unit/sandbox tests/apiserver '$(ONE_STORY)'

soak: have-go venv ## Repair many clusters side by side, and count how they end
	@$(HARNESS) -m sandbox build
	@$(HARNESS) -m soak $(SOAK_ARGS)

simulation: venv ## Ten thousand simulated disasters, and what mode Heal made of them
	@PYTHONPATH=tests:tests/unit $(BIN)/python -m simulation $(SIMULATION_ARGS)

hostile: have-go venv ## Put all that a tenant can do against others into one cluster, and show what it costs them
	@$(HARNESS) -m sandbox build
	@$(HARNESS) -m siege $(HOSTILE_ARGS)

compat: have-go venv ## Run the API-server tests and five stories on each version of Kubernetes; COMPAT=1.32 only on that one
	@$(HARNESS) -m compat $(if $(COMPAT),--only $(COMPAT)) $(COMPAT_ARGS)

bench: have-go venv ## Measure speed and size, as ratios within one run
	@$(HARNESS) -m sandbox build
	@$(HARNESS) -m bench $(BENCH_ARGS)

check: static unit ## Format, lint, types, import contracts and unit tests

static: venv
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy -p emqx_autocluster -p sandbox -p helm -p krew -p demo -p soak -p simulation -p siege -p compat
	$(BIN)/mypy -p bench -p release
	$(BIN)/mypy -p released
	$(BIN)/lint-imports

unit: venv ## Run the unit tests alone
	$(BIN)/pytest -q -n auto tests/unit $(PYTEST_ARGS)

image: venv ## Build the image with Docker, Podman or Buildah; IMAGE_ARGS is handed to it
	@$(BIN)/python -m release.image $(IMAGE_ARGS)

image-test: have-go venv ## Run the image, after make image, as its Deployment would; needs Docker or Podman
	@$(HARNESS) -m sandbox build
	$(BIN)/pytest -q tests/external/test_image.py

release: venv ## Build dist/ from a clean commit: packages, one manifest, the chart, the inventory of software, and their sums
	@$(BIN)/python -m release

plugin: venv ## Build dist/krew/ from a clean commit: the plugin of kubectl, and the manifest for krew; PLUGIN_URI=https://...
	@$(BIN)/python -m release.krew $(or $(PLUGIN_URI),$(error say where the archives will be found: make plugin PLUGIN_URI=https://...))

lock: ## Resolve requirements/*.lock anew, and the inventory of software with them; needs uv
	@command -v $(UV) >/dev/null || { echo 'error: uv is needed to resolve the lock files; install it: pip install uv.' >&2; exit 1; }
	$(UV) $(COMPILE) --output-file requirements/runtime.lock pyproject.toml
	$(UV) $(COMPILE) --extra dev --constraint requirements/runtime.lock --output-file requirements/dev.lock pyproject.toml
	echo hatchling | $(UV) $(COMPILE) --constraint requirements/dev.lock --output-file requirements/build.lock -
	@$(MAKE) --no-print-directory venv
	$(BIN)/python -m release.inventory

clean: ## Remove .venv and all caches in here; the built control plane stays in its own cache
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find operator tests -name __pycache__ -type d -prune -exec rm -rf {} +

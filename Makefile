# One command per job; `make help` lists them. What a job needs, it installs: uv itself included.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE

UV := $(shell command -v uv || echo $(CURDIR)/.coworker/bin/uv)
RUN := $(UV) run --frozen --no-sync
# The benchmark makes environments for those whom we are compared with.
export PATH := $(dir $(UV)):$(PATH)
# Three processes on two cores, since tests wait as long as they work; each has servers of its own,
# and a file of tests runs in one of them.
PYTEST := pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

.PHONY: help setup check test test-cluster coverage soak bench demo up down doctor

help: ## List the commands.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

$(CURDIR)/.coworker/bin/uv:
	@python3 -m venv .coworker/bootstrap
	.coworker/bootstrap/bin/pip install --quiet uv
	mkdir -p .coworker/bin && ln -sf ../bootstrap/bin/uv .coworker/bin/uv

setup: $(UV) ## Install the environment that uv.lock describes.
	@$(UV) sync --frozen --quiet --compile-bytecode

check: setup ## Formatting, lint, types, import contracts, dependencies, spelling.
	@$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) deptry .
	$(RUN) codespell

test: check ## All checks and all tests, on real servers that the suite starts.
	@$(RUN) $(PYTEST)

test-cluster: setup ## The tests that need Kubernetes, on a real control plane of their own.
	@$(RUN) python -m tests.cluster
	$(RUN) pytest -m "cluster and not soak"

coverage: setup ## The same tests, and which branches they reach: half as long again.
	@$(RUN) $(PYTEST) --cov --cov-report=term:skip-covered

soak: setup ## The long forms of the tests: hundreds of kills, 2,000 schedules.
	@$(RUN) pytest -m soak -o addopts="--import-mode=importlib -ra --capture=no"

bench: setup ## Measure, print a table, draw it, write .coworker/bench.json.
	@$(RUN) python -m tests.benchmarks

demo: setup ## The main job on real input, from nothing, in a folder of its own.
	@$(RUN) python -m coworker_pipelines.demo $(if $(REPOSITORY),--repository $(REPOSITORY))

up: setup ## Postgres, Elasticsearch and Dagster on loopback, until Ctrl-C.
	@$(RUN) coworker services up --dagster --foreground

down: setup ## Stop what was left running.
	@$(RUN) coworker services down

doctor: setup ## Check this deployment: what connects, who may do what, clocks, versions, room.
	@$(RUN) coworker doctor --all

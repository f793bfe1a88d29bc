PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DOCS_READY := .venv/ready-docs
TYPES_READY := .venv/ready-types
STUDY := .venv-study/bin
STUDY_READY := .venv-study/ready
BRIDGES := .venv-bridges/bin
BRIDGES_READY := .venv-bridges/ready

unexport PYTHONDONTWRITEBYTECODE  # modules are read once, not by each of all processes

.PHONY: help setup demo reproduce figures study docs cookbook test test-bridges mutants lint format bench clean
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(READY) ## make .venv and install vaedyn with its development tools

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "vaedyn needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: setup ## run the main job: simulate, theory, fixedpoints, plot
	$(BIN)/vaedyn simulate
	$(BIN)/vaedyn theory
	$(BIN)/vaedyn fixedpoints
	$(BIN)/vaedyn plot learning-curve --output learning-curve.png

reproduce: setup ## check every claim of the paper's abstract, and write reproduce/report.html
	$(BIN)/vaedyn reproduce

figures: setup ## draw the figures of docs/ again
	$(BIN)/vaedyn plot learning-curve -o docs/learning-curve.png
	$(BIN)/vaedyn plot cascade --latent 4 --signal 4 --rho 4,3,2,1 --lr 0.2 --t-max 10000 --runs 3 -o docs/cascade.png
	$(BIN)/vaedyn plot branches --latent 2 --signal 2 --rho 3,1 --lr 0.05 --vary beta=0.05:5 -o docs/branches.png
	$(BIN)/vaedyn plot phase-diagram --latent 2 --signal 2 --rho 3,1 --vary beta=0.05:5:200 --vary lr=0.02:1.6:160 -o docs/phase-diagram.png
	$(BIN)/vaedyn plot branches --latent 2 --signal 2 --rho 3,1 --beta 1.19 --vary lr=0.9:1.2 --cycle -o docs/cycles.png
	$(BIN)/vaedyn plot annealing --family linear --beta 1.5 --dim 10000 --runs 10 -o docs/annealing.png
	mkdir -p build && $(BIN)/python -c "import numpy, sklearn.datasets as d; numpy.save('build/digits.npy', d.load_digits().data)"
	$(BIN)/vaedyn plot spectrum build/digits.npy -q -o docs/spectrum.png
	$(BIN)/vaedyn plot collapse build/digits.npy --latent 8 --spikes 6 -q -o docs/collapse.png
	$(BIN)/vaedyn plot learning-curve --data build/digits.npy --beta 60 --latent 6 --lr 0.1 --t-max 3000 -q -o docs/course.png
	$(BIN)/vaedyn plot learning-curve --bands --runs 50 --dim 100 --lr 0.05 --t-max 300 --init m=0.3,d=0.3,Q=1,E=1,R=0,D=1 -o docs/bands.png
	$(BIN)/vaedyn plot concentration --lr 0.05 --t-max 200 --runs 400 --init m=0.3,d=0.3,Q=1,E=1,R=0,D=1 -o docs/concentration.png
	$(BIN)/vaedyn plot escape --lr 0.1 --runs 200 -o docs/escape.png
	$(BIN)/vaedyn plot passages --latent 2 --signal 2 --rho 3,1 --lr 0.05 --init-seed 4 --t-max 3000 --points 801 -o docs/passages.png
	$(BIN)/vaedyn plot sweep --rho 2 --t-max 20000 --vary beta=0.1:2.9:57 --vary latent=1,2,4 -o docs/superfluous.png
	$(BIN)/vaedyn plot branches --vary lam=0:0.8 -o docs/weight-decay.png
	$(BIN)/vaedyn plot sweep --of fixedpoints --vary beta=0.5:3:126 --vary lr=0.01,0.1 --y relaxation_time --y-scale log -q -o docs/relaxation.png
	$(BIN)/vaedyn plot phase-diagram --vary alpha=0.2:8:200 --vary beta=0.05:5:160 -q -o docs/finite.png
	mkdir -p docs/training
	$(BIN)/vaedyn plot learning-curve --vary optimiser=sgd,adam --latents sampled --rho 2 --lr 0.05 --t-max 120 --dim 1000 --points 121 --init m=0.1,d=0.1,Q=1,E=1,R=0,D=1 -o docs/training/adam.png
	$(BIN)/vaedyn plot sweep --of fixedpoints --optimiser adam --latents sampled --batch 16 --dim 1000 --vary beta=0.4:3.4:61 --vary lr=0.04,0.4,1.6 --y kl --y-scale log -q -o docs/training/floor.png
	$(BIN)/python -m study.draw_adam
	$(BIN)/python -m study.draw
	$(BIN)/python -m tests.screenshots

study: $(STUDY_READY) ## train nonlinear VAEs with PyTorch, and write docs/nonlinear.md anew
	$(STUDY)/python -m study.check
	$(STUDY)/python -m study.steps
	$(STUDY)/python -m study.measure
	$(STUDY)/python -m study.page
	$(STUDY)/python -m study.draw
	$(STUDY)/python -m study.optimisers
	$(STUDY)/python -m study.draw_adam

$(STUDY_READY): pyproject.toml
	$(PYTHON) -m venv .venv-study
	$(STUDY)/python -m pip install --quiet --disable-pip-version-check --editable '.[study]'
	@touch $@

docs: $(DOCS_READY) ## build the documentation into build/docs
	$(BIN)/python docs/commands.py
	$(BIN)/sphinx-build --fail-on-warning --keep-going --nitpicky --quiet docs build/docs
	@! grep -lE '(src|<link.* href)="https?:' build/docs/*.html  # pages must not need a network
	@echo build/docs/index.html

$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

cookbook: setup ## run the commands of the cookbook again, and put what they print below them
	$(BIN)/python docs/cookbook.py

test: setup ## run the tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal

test-bridges: $(BRIDGES_READY) ## run the recipes for PyTorch, Lightning, Keras and scvi-tools with the real libraries
	KERAS_BACKEND=torch $(BRIDGES)/python -m pytest --override-ini filterwarnings= bridges

$(BRIDGES_READY): pyproject.toml
	$(PYTHON) -m venv .venv-bridges
	$(BRIDGES)/python -m pip install --quiet --disable-pip-version-check --editable '.[bridges]'
	@touch $@

mutants: setup ## plant small changes in the code, and print those that no test notices
	$(BIN)/python -m tests.mutants

lint: $(TYPES_READY) ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

$(TYPES_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[types]'
	@touch $@

format: setup ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## measure speed beside plain references
	$(BIN)/python -m tests.bench

clean: ## remove everything that can be made again, except results
	rm -rf .venv .venv-study .venv-bridges build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

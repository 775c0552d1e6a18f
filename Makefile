# Otto's everyday commands. They need Python 3.11 and make, nothing else.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH CONDA_PREFIX
PYTHON := $(shell for p in python3.11 python3 python; do "$$p" -c 'import sys; sys.version_info[:2] == (3, 11) or sys.exit(1); print(getattr(sys, "_base_executable", sys.executable))' 2>/dev/null && break; done)
BIN := .venv/bin
# The stamp's name holds the folder: a tree that was moved or copied gets an environment of its own.
STAMP := .venv/.ready-$(shell pwd | cksum | cut -d' ' -f1)
ARGS :=

.PHONY: help setup demo up down call check test slow stateful fuzz lint types contracts diagrams licenses audit bench bench-turns bench-data chaos eval eval-voice attack soak migrations format clean
.DEFAULT_GOAL := help

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
setup: $(STAMP) ## make the environment in .venv from the lock files
$(STAMP): requirements.lock requirements-setup.lock pyproject.toml cluster/bootstrap.py
	@$(if $(PYTHON),$(PYTHON) -I cluster/bootstrap.py $@,echo "Otto needs Python 3.11 on the PATH (as python3.11 or python3); none was found." >&2; exit 2)
demo: setup ## bring everything up, book one appointment by voice, show the evidence, end
	@$(BIN)/otto demo $(ARGS)
up: setup ## bring everything up and keep it running until Ctrl-C or `make down`
	@$(BIN)/otto up $(ARGS)
down: setup ## end everything that `make up` started, also after a crash
	@$(BIN)/otto down $(ARGS)
call: setup ## place a call on the running stack, e.g. make call ARGS="--persona maria"
	@$(BIN)/otto call $(ARGS)
# Most tests wait more than they compute, so four files run at a time; what starts Ray runs alone.
test: setup ## every test except those marked slow
	@$(BIN)/python -m pytest -m "not slow and not ray" -n 4 --dist loadfile $(ARGS)
	@$(BIN)/python -m pytest -m "not slow and ray" $(ARGS)
slow: setup ## the proofs that take minutes, left out of `make test`
	@$(BIN)/python -m pytest -m slow $(ARGS)
stateful: setup ## 500 sequences of what may befall a book, and without each of its rules
	@$(BIN)/python -m pytest -m stateful $(ARGS)
fuzz: setup ## the tests of parsers and rules on examples that no run has seen
	@OTTO_TEST_FUZZ=1 $(BIN)/python -m pytest -m "hypothesis and not slow and not ray" -n 2 --dist loadfile $(ARGS)
lint: setup ## ruff: rules and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
types: setup ## mypy --strict
	@$(BIN)/mypy --strict
contracts: setup ## the arrows between the packages
	@$(BIN)/lint-imports
licenses: setup ## write docs/LICENSES.md from what the lock files install
	@$(BIN)/python -m cluster.licenses docs/LICENSES.md
audit: setup ## ask OSV for known weaknesses of what the lock files install; needs a network
	@$(BIN)/python -m cluster.audit $(ARGS)
diagrams: setup ## draw turn-taking in docs/ARCHITECTURE.md and the flows in docs/CONVERSATION.md
	@$(BIN)/python -m otto.dialogue.turns.diagram docs/ARCHITECTURE.md
	@$(BIN)/python -m otto.dialogue.flow.diagram docs/CONVERSATION.md
check: lint types contracts test ## everything CI looks at
understanding: setup ## judge what is understood on the labelled sets; docs/UNDERSTANDING.md
	@$(BIN)/python -m benchmarks.understanding
eval: setup ## hold every scenario's call five times in text, the chosen once by voice, and judge them
	@$(BIN)/python -m benchmarks.eval $(ARGS)
eval-voice: setup ## the chosen ones five times by voice; goes on where it was broken off
	@$(BIN)/python -m benchmarks.eval --voice --times 5 $(ARGS)
bench: setup ## measure Otto against the sandbox; writes benchmarks/results/
	@$(BIN)/python -m benchmarks $(ARGS)
bench-turns: setup ## how often Otto starts while the caller goes on, by voice, and the time it takes
	@$(BIN)/python -m benchmarks.talking_over $(ARGS)
bench-data: setup ## bookings a second, openings and look-ups of customers on years of data
	@$(BIN)/python -m benchmarks.data $(ARGS)
chaos: setup ## break everything around live calls by a seeded plan, and judge from outside
	@$(BIN)/python -m benchmarks.chaos $(ARGS)
attack: setup ## attack a running stack as strangers would, and hold every attack to its bound
	@$(BIN)/python -m benchmarks.attack $(ARGS)
soak: setup ## a thousand short calls: what grows?
	@$(BIN)/python -m benchmarks.soak $(ARGS)
migrations: setup ## walk every revision of the tables down and up again, empty and seeded
	@$(BIN)/python -m benchmarks.migrations
format: setup ## let ruff tidy the code
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .
clean: ## remove the environment and the caches; keeps .otto (your data)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

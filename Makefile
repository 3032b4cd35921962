# Two commands: `make demo` and `make test`. Needs Python 3.11 or 3.12 and make, nothing else.
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && { echo $$p; break; }; done)
UV := .uv/bin/uv
RUN := .venv/bin/python
STAMP := .venv/.synced
export UV_PYTHON_DOWNLOADS ?= never

.PHONY: help setup demo test check lint bench fuzz chaos siege soak fleet scale format clean

help:
	@echo 'make demo    Redis, a worker and the web chat on this machine, and a first pastiche (ARGS="--once …" for just one)'
	@echo 'make test    the tests'
	@echo 'make check   ruff, mypy --strict, import-linter and the tests'
	@echo 'make bench   speed and memory, measured here'
	@echo 'make fuzz    5,000 mutated pictures and 250 clips through the decoder'
	@echo 'make chaos   jobs under random kill -9 and a Redis in trouble: what is lost, told twice or left untold'
	@echo 'make siege   one visitor'"'"'s pictures while others attack the web side: slow bodies, floods, big styles, a full store'
	@echo 'make soak    1,000 fast jobs of random sizes in one worker: does its memory grow?'
	@echo 'make fleet   docker-compose.yml as processes: workers upgraded, Redis backed up and restored, under load'
	@echo 'make scale   how long people wait with so many workers (docs/scale.md)'

.uv/bin/uv:
	@test -n "$(PYTHON)" || { echo 'Pastiche needs Python 3.11 or 3.12; neither is on the PATH (make PYTHON=/path/to/python3.12).' >&2; exit 1; }
	@echo 'First run: getting uv (about 25 MB) into .uv/ …'
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip --quiet --disable-pip-version-check install 'uv>=0.8'

# uv has a venv of its own, since `uv sync` removes from .venv what is not locked.
$(STAMP): pyproject.toml uv.lock | .uv/bin/uv
	@test -d .venv || echo 'First run: getting TensorFlow and the rest (about 900 MB, 3 GB on disk) into .venv/ …'
	@$(UV) sync --quiet --frozen --all-extras $(SYNC_FLAGS) --python .uv/bin/python
	@touch $@

setup: $(STAMP)

demo: setup
	@$(RUN) -m bot demo $(ARGS)

# Three processes, a file to each: many tests wait for processes of their own. JOBS=0 runs them in one.
JOBS ?= 3
test: setup
	@$(RUN) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

check: lint test

format: setup
	.venv/bin/ruff check --fix-only --quiet
	.venv/bin/ruff format

bench: setup
	@$(RUN) -m bench $(ARGS)

# Mutated files: each has to end in a picture or in a user's error, within 5 s and 1 GiB.
fuzz: setup
	@FUZZ_FILES=5000 FUZZ_CLIPS=250 $(RUN) -m pytest -s tests/nst/test_hostile_pictures.py $(ARGS)

# Kills workers, frontends and Redis at random and troubles Redis while jobs run; counts what is lost, told twice, untold.
chaos: setup
	@$(RUN) -m bench.chaos $(ARGS)

# The web side under slow bodies, floods, big styles and a full store: does somebody else's picture still come soon?
siege: setup
	@$(RUN) -m bench.siege $(ARGS)

# Fast jobs of random sizes in one worker process; fails where its memory grows by 5 % after the first hundred.
soak: setup
	@$(RUN) -m bench.soak $(ARGS)

# docker-compose.yml as plain processes: workers upgraded, Redis backed up and restored, all under load.
fleet: setup
	@$(RUN) -m bench.fleet $(ARGS)

# How long people wait with so many workers, simulated from measured times: docs/scale.md.
scale: setup
	@$(RUN) -m bench.scale $(ARGS)

clean:
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache artefacts

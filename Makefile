# `make demo` starts the app; `make test` runs every check. Both set themselves up on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Python is started dozens of times: it compiles everything once, whatever the surroundings say.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test check audit timing suite soak long wheel image versions lock clean

demo: $(VENV)/.demo
	$(BIN)/python app.py $(ARGS)

# The tests of timing need the machine for themselves; the rest shares it.
test: $(VENV)/.test
	$(MAKE) -j 2 check audit
	$(MAKE) timing
	$(MAKE) -j 2 suite soak

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	find vitdemo -name '*.pyi' -delete # gradio's stubs, which it does not make anew when their source changes
	$(BIN)/pyright
	$(BIN)/deno check --quiet --config tests/js/deno.json vitdemo

audit: $(VENV)/.test
	$(BIN)/python -m tools.audit

timing: $(VENV)/.test
	$(BIN)/python tests/browser/chromium.py
	$(BIN)/python -m pytest tests/browser tests/test_timing.py -m timing

suite: $(VENV)/.test
	$(BIN)/python -m pytest -m "not timing and not long" -n 2 --dist worksteal --durations=20

soak: $(VENV)/.test
	$(BIN)/python -m tests.soak --seconds 60 --calls 1500 --result-megabytes 64

# What `make test` tries in a smaller form, at full length.
long: $(VENV)/.test
	$(BIN)/python -m pytest -m long -n 2 --dist worksteal --durations=20

# Build the wheel into dist/ and try it in an empty environment: torch is installed anew, which takes minutes.
wheel: $(VENV)/.test
	$(BIN)/python -m tools.try_wheel

# Run the lines of the Dockerfile one by one, by root and with the network; `ARGS="--torch cuda"`.
image: $(VENV)/.test
	$(BIN)/python -m tools.try_image $(ARGS)

# The tests that need no browser, with the oldest and with the newest of what requirements.txt lets in: hours.
versions: $(VENV)/.test
	$(BIN)/python -m tools.try_versions oldest --python 3.10
	$(BIN)/python -m tools.try_versions newest --python 3.13

# The versions that were tested here, with the hash of each file, for a Space and an image: Linux, Python 3.11.
lock: $(VENV)/.test
	$(BIN)/python -m pip freeze > $(VENV)/tested.txt
	$(BIN)/uv pip compile requirements.txt --constraint $(VENV)/tested.txt --output-file requirements.lock \
		--generate-hashes --python-version 3.11 --python-platform linux --quiet \
		--no-annotate --no-emit-index-url --custom-compile-command "make lock"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "$(PYTHON) must be Python 3.10 to 3.13; name another with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.test: requirements-dev.txt $(VENV)/.demo
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache artefacts dist

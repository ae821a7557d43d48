# Every command of the project. `make run` does the main job, `make test` passes the tests; both set up what is missing.
PYTHON ?= python3
PY := .venv/bin/python
BENCH ?=
TESTS ?= tests
IN_NETWORK := $(PY) -m tests.harness.netns -- $(PY)
# No media, and nothing that minds a neighbour: these run in several processes. The rest has the machine to itself.
# Slow ones among them mostly wait (a lost rep for 60 s, a silent stranger for 20), so there are more at once.
SIDE_BY_SIDE := tests/meta tests/unit tests/contract/test_intents.py tests/contract/test_camera_port.py \
  tests/integration/relay tests/integration/harness $(wildcard tests/integration/test_control*.py \
  tests/integration/test_sign_in_races.py tests/integration/test_page_*.py) \
  tests/integration/ui/test_people_live.py tests/integration/ui/test_mail_program.py

.PHONY: help run demo test test-slow bench check fix docs setup setup-run lock installer clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: ## install what is missing for everything
	@$(PYTHON) tools/setup.py run test

setup-run:
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then $(PYTHON) tools/setup.py run; else $(PYTHON) tools/setup.py run test; fi

run: setup-run ## a relay and the app signed in to it; without a display the guided tour
	@$(PY) -m tools.run

demo: setup ## the guided tour on a virtual screen, screenshots in build/demo/
	@$(IN_NETWORK) -m tools.demo

test: setup ## unit, contract, integration, one path in real Chromium per activity
ifeq ($(TESTS),tests)
	@failed=0; \
	$(IN_NETWORK) -m pytest -m "not slow" -n 3 --dist loadfile -q $(SIDE_BY_SIDE) || failed=1; \
	$(IN_NETWORK) -m pytest -m "not slow" $(SIDE_BY_SIDE:%=--ignore=%) tests || failed=1; \
	exit $$failed
else
	@$(IN_NETWORK) -m pytest -m "not slow" $(TESTS)
endif

test-slow: setup ## the rest: Firefox, bad networks, long runs
ifeq ($(TESTS),tests)
	@failed=0; \
	$(IN_NETWORK) -m pytest -m slow --timeout 600 -n 5 --dist loadfile -q --durations=10 $(SIDE_BY_SIDE) || failed=1; \
	$(IN_NETWORK) -m pytest -m slow --timeout 600 --durations=20 $(SIDE_BY_SIDE:%=--ignore=%) tests || failed=1; \
	exit $$failed
else
	@$(IN_NETWORK) -m pytest -m slow --timeout 600 $(TESTS)
endif

bench: setup ## the benchmarks, e.g. make bench BENCH="view relay"
	@$(PY) -m benchmarks --prepare $(BENCH)
	@$(IN_NETWORK) -m benchmarks $(BENCH)

check: setup ## style, types, imports, translations, generated files
	@mkdir -p build
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache >build/lint-imports.log 2>&1 || { cat build/lint-imports.log; exit 1; }
	@$(PY) -m tools.generate --check
	@$(PY) -m tools.check_translations
	@echo "check: all good"

fix: setup ## format, mend what can be mended, write the generated files
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format --quiet .
	@$(PY) -m tools.generate

docs: setup ## write the generated files
	@$(PY) -m tools.generate

lock: setup ## bring the lock files up to date with pyproject.toml
	@.venv/bin/pip-compile --quiet --generate-hashes --no-header --strip-extras --allow-unsafe \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements/app.lock pyproject.toml
	@.venv/bin/pip-compile --quiet --generate-hashes --no-header --strip-extras --allow-unsafe --extra dev \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -c requirements/app.lock \
	  -o requirements/dev.lock pyproject.toml

installer: setup ## the frozen app in build/dist, tried on its own by its --self-test
	@mkdir -p build
	@PYINSTALLER_CONFIG_DIR=build/pyinstaller/cache .venv/bin/pyinstaller --noconfirm --distpath build/dist \
	  --workpath build/pyinstaller build_installer.spec >build/installer.log 2>&1 || { cat build/installer.log; exit 1; }
	@! grep "ERROR" build/installer.log
	@$(IN_NETWORK) -m tools.try_installer

clean: ## remove what was built
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

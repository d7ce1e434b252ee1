# Each target works alone on a fresh machine with Python 3.11-3.13 and make; everything is installed into .venv, but Java, which `proof` wants.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test coverage lab lock bench worlds accuracy proof spark refresh messages docs room install

demo: $(INSTALLED)
	$(BIN)/clv run demo --as-of 2026-03-31 --only 03,08
	$(BIN)/clv run demo
	$(BIN)/clv run cdnow
	@printf '\nTwo reports: %s\n             %s\n' runs/maison-garrigue/2026-06-30/report.html runs/cdnow/1998-06-30/report.html

test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy & types=$$!; $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder && wait $$types

coverage: $(INSTALLED)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lab: $(INSTALLED)
	$(BIN)/clv lab

refresh: $(INSTALLED)
	$(BIN)/clv refresh
	$(BIN)/python -m tools.picture
	$(BIN)/python -m tools.guide

messages: $(INSTALLED)
	$(BIN)/python -m tools.messages

docs: $(INSTALLED)
	$(BIN)/python -m tools.docs site
	@echo site/index.html

# Both are taken from the command line only: other programs set variables of these names, too.
typed = $(if $(findstring command line,$(origin $(1))),$(2) "$($(1))")

room: $(INSTALLED)
	$(BIN)/python -m tools.room $(call typed,PLATFORM,--platform) $(call typed,PYTHON_VERSION,--python-version)

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks

worlds: $(INSTALLED)
	$(BIN)/python -m benchmarks.worlds

accuracy: $(INSTALLED)
	$(BIN)/python -m benchmarks.accuracy

proof: spark worlds coverage
	CI=true $(BIN)/pytest -m proof --numprocesses 2 --dist loadfile
	$(BIN)/python -m benchmarks.accuracy

spark: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[spark]"
	command -v java >/dev/null || { apt-get update -qq && apt-get install -y -qq default-jre-headless >/dev/null; }

lock: $(INSTALLED)
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --fork-strategy fewest \
	  --generate-hashes --no-emit-index-url --no-header --quiet --upgrade --output-file requirements.lock
	sed '/# from requirements.lock/q' environment.yml > environment.tmp
	sed -nE 's/^([a-z0-9].*==[^\\]*[^ \\]) *\\?$$/      - "\1"/p' requirements.lock >> environment.tmp
	mv environment.tmp environment.yml

install: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v < (3, 14) else "Python %d.%d: this needs 3.11, 3.12 or 3.13; try make PYTHON=python3.12" % v[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

# Everything a fresh machine needs is Python 3.11 or later with venv, and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check golden bench schema catalog api layers release setup lock

demo: setup      ## deploy the kit to an embedded AWS and show it working
	@$(BIN)/raytrail demo $(ARGS)

test: setup      ## every test, the end-to-end ones included
	@$(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup     ## linters, types, who imports whom
	@$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy && $(BIN)/lint-imports --no-cache && $(BIN)/python -m tools.typed

golden: setup    ## write the golden templates anew, after a change that is meant
	@$(BIN)/pytest tests/stacks --snapshot-update

bench: setup     ## what the goals are measured with
	@missed=0; for each in synth tracing lake detection; do $(BIN)/python -m benchmarks.$$each || missed=1; done; exit $$missed

schema: setup    ## the JSON Schema of the settings, which cdk.json names
	@$(BIN)/raytrail schema --output docs/settings.schema.json

catalog: setup   ## compile the Sigma rules for both engines, and write their table into docs/catalog.md
	@$(BIN)/python -m tools.catalog

api: setup       ## the reference of public names in docs/api, from the docstrings
	@$(BIN)/python -m tools.api

layers: setup    ## what no layer of AWS holds and the sample may need: Rollbar's package, whose needs ADOT's layer brings
	@$(BIN)/uv pip install --quiet --python-version 3.13 --python-platform x86_64-manylinux2014 --only-binary :all: \
	  --require-hashes --no-deps --target build/layers/rollbar/python --requirement lambda/layers/rollbar.txt

release: setup   ## what a release holds, in dist/: wheel, plain templates, patterns, queries, checksums
	@$(BIN)/python -m tools.release $(ARGS)

setup:
	@$(PYTHON) tools/set_up.py

lock: setup      ## pin anew, from the ranges in pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
	  --extra local --extra cli --extra sigma --group dev pyproject.toml --output-file requirements.txt
	@echo "-e .[local,cli,sigma]" >> requirements.txt
	@echo "rollbar>=1.5,<2" | $(BIN)/uv pip compile --quiet --generate-hashes --no-deps --python-version 3.13 \
	  --python-platform x86_64-manylinux2014 --no-header --no-annotate --no-emit-index-url \
	  --output-file lambda/layers/rollbar.txt -

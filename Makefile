# Commands for operators and developers. Every target works in a fresh clone, and needs Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help install install-dev demo serve work test e2e screenshots e2e-airflow e2e-prefect e2e-dagster nightly pgbouncer replica prometheus-drill oncall clients bench lateness fuzz faults critical-path evidence documents site docs dashboards board-pictures check-boards upgrade-check package-check units recovery life release image-steps lint format lock

help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# A stamp file is newer than its lock file if the packages of the lock file are installed.
.venv/local.stamp: requirements-local.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "CHM needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the locked packages into .venv ..."
	@$(PIP_INSTALL) --require-hashes -r requirements-local.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/local.stamp
	@echo "installing the test tools into .venv ..."
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

install: .venv/local.stamp  ## create .venv with all packages that demo and serve need

install-dev: .venv/dev.stamp  ## install the same packages, and the test tools

demo: install  ## start CHM with synthetic data, simulated partners and embedded servers; Ctrl-C stops everything (ARGS=--verbose prints every log line)
	@$(MANAGE) demo $(ARGS)

serve: install  ## start only the web server, as in production, on CHM_PORT (development settings)
	@$(MANAGE) serve

work: install  ## start worker and beat, which ingest on schedule (development settings); Ctrl-C stops both
	@$(MANAGE) work

test: install-dev  ## run all tests except those in a browser (make e2e), on the embedded servers unless CHM_DATABASE_URL and CHM_BROKER_URL are set
	@$(BIN)/python -m pytest -n auto $(ARGS)

e2e: install-dev  ## test the console in Debian's Chromium: user journeys and accessibility; writes pictures to .chm/screenshots
	@$(BIN)/python -m pytest tools/e2e/console $(ARGS)

screenshots: install-dev  ## regenerate the pictures in docs/screenshots
	@$(BIN)/python -m pytest tools/e2e/console/test_screens.py tools/e2e/console/test_tour_picture.py --screenshots docs/screenshots

e2e-airflow: install-dev  ## test ingestion from a real Airflow 3, also after manual changes in Airflow (installs 220 MB of packages in .chm/airflow)
	@tools/e2e/airflow/start_airflow.sh .chm/airflow
	@$(BIN)/python -m tools.e2e.airflow.run .chm/airflow --write docs/validation/airflow-live.md; \
	  status=$$?; tools/e2e/airflow/stop_airflow.sh .chm/airflow; exit $$status

e2e-prefect: install-dev  ## test ingestion from a real Prefect server, also after manual changes in Prefect (installs 200 MB of packages; 6 minutes)
	@tools/e2e/prefect/start_prefect.sh .chm/prefect
	@$(BIN)/python -m tools.e2e.prefect.run .chm/prefect --write docs/validation/prefect-live.md; \
	  status=$$?; tools/e2e/stop.sh .chm/prefect; exit $$status

e2e-dagster: install-dev  ## test ingestion from a real Dagster, also after manual changes in Dagster (installs 200 MB of packages; 6 minutes)
	@tools/e2e/dagster/start_dagster.sh .chm/dagster
	@$(BIN)/python -m tools.e2e.dagster.run .chm/dagster --write docs/validation/dagster-live.md; \
	  status=$$?; tools/e2e/stop.sh .chm/dagster; exit $$status

prometheus-drill: install-dev  ## test that the alerts of docker/prometheus fire and resolve, with Debian's Prometheus and a live CHM (1 minute)
	@$(BIN)/python -m tools.watch $(or $(ARGS),--write)

nightly: e2e-airflow e2e-prefect e2e-dagster lateness prometheus-drill oncall life recovery pgbouncer replica critical-path  ## tests that are too slow for every change, such as those with live orchestrators

pgbouncer: install-dev  ## run the tests through Debian's PgBouncer in transaction mode (ARGS=--quick, as in CI: 1 minute)
	@$(BIN)/python -m tools.pooler $(ARGS)

replica: install-dev  ## test reports and lists with a read replica that lags behind the main database (1 minute)
	@$(BIN)/python -m tools.replica

oncall: install-dev  ## test that an outage of 200 pipelines sends one notification, with Debian's Prometheus and Alertmanager (1 minute)
	@$(BIN)/python -m tools.oncall

.chm/clients/stamp: tools/e2e/clients/requirements.txt
	@echo "installing third-party clients into .chm/clients ..."
	@$(PYTHON) -m venv .chm/clients/venv
	@.chm/clients/venv/bin/pip install --quiet --disable-pip-version-check -r tools/e2e/clients/requirements.txt
	@touch $@

clients: install-dev .chm/clients/stamp  ## test pushes with the real clients of OpenLineage, dbt and Healthchecks
	@$(BIN)/python -m tools.e2e.clients.run .chm/clients/venv --write docs/validation/push-clients.md

bench: install-dev  ## measure speed and memory on a quiet machine, and write docs/performance.md; fails if a figure misses its limit (RUNS=5000000 measures the planned scale)
	@$(BIN)/python -m tools.bench --runs $(or $(RUNS),500000) --write --keep $(ARGS)

lateness: install-dev  ## measure the rule for late pipelines over a simulated year; fails if the rule misses its goals (decision 0016)
	@$(BIN)/python -m tools.bench.lateness $(ARGS)

fuzz: install-dev  ## fuzz the API with schemathesis (FUZZ_CASES=150 requests per operation, then FUZZ_SECONDS=60 seconds of request sequences)
	@$(BIN)/python -m tools.fuzz --cases $(or $(FUZZ_CASES),150) --seconds $(or $(FUZZ_SECONDS),60)

critical-path: install-dev  ## run the most important tests of schema, API, ingestion, summary, alert rules and reports (1 to 2 minutes)
	@$(BIN)/python -m pytest -q -n auto inventory/tests/test_constraints.py runs/tests/test_constraints.py alerting/tests/test_constraints.py inventory/tests/test_api_clients.py \
	  inventory/tests/test_api_pipelines.py runs/tests/test_api_runs.py alerting/tests/test_api_alert_rules.py \
	  runs/tests/test_worked_sequences.py ingestion/tests/test_generic_ingestion.py ingestion/tests/test_airflow_ingestion.py \
	  runs/tests/test_latest.py runs/tests/test_summary.py alerting/tests/test_previews_and_firing.py chm_project/tests/test_shapes.py $(ARGS)

evidence: install-dev  ## run each milestone's commands and write docs/validation/001-chm-api-ingestion.md
	@$(BIN)/python -m tools.evidence milestones

documents: install-dev  ## run the commands of README and quickstart in a fresh clone
	@$(BIN)/python -m tools.evidence documents

faults: install-dev  ## test ingestion and the web server while their services fail, and write docs/validation/faults.md (needs nginx; ARGS=--quick, as in CI)
	@$(BIN)/python -m tools.faults $(or $(ARGS),--write)

site: install-dev  ## build the documents as a searchable site in .chm/site; fails if a link is broken or a page loads something from another host
	@if command -v npm >/dev/null; then npm install --silent --no-fund --no-audit --prefix .chm/site-tools mermaid@11; fi
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@$(BIN)/python -m tools.site.check

docs: install-dev  ## regenerate docs/contracts, and the pages of settings, error codes and requirements
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) spectacular --fail-on-warn --file docs/contracts/openapi.yaml
	@$(MANAGE) generate_reporting_docs
	@CHM_DATABASE_URL=postgresql:///none $(BIN)/python -m tools.evidence pages

dashboards: install-dev  ## regenerate the boards of docker/grafana and docker/metabase from the shapes
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) generate_dashboards

board-pictures: install-dev  ## draw docs/dashboards/*.png from the boards' queries on the synthetic data
	@CHM_DATA_DIR=.chm/pictures $(MANAGE) migrate --verbosity 0
	@CHM_DATA_DIR=.chm/pictures $(MANAGE) load_synthetic --end now
	@CHM_DATA_DIR=.chm/pictures $(MANAGE) render_dashboards

check-boards: install-dev  ## check Grafana's boards with the types and the code that Grafana publishes (needs npm)
	@$(BIN)/python docker/grafana/check_boards.py

upgrade-check: install-dev  ## upgrade the last release's database and compare it with a fresh install (20 s)
	@$(BIN)/python -m tools.upgrade check

package-check: install-dev  ## build sdist and wheel, install the wheel outside the checkout, migrate and serve from it (40 s)
	@$(BIN)/python -m tools.package_check

units: install-dev  ## check the systemd units and the files of nginx and Caddy in docs/examples (needs systemd, nginx, caddy and openssl)
	@$(BIN)/python -m tools.operate units

recovery: install-dev  ## test point-in-time recovery: delete all runs, recover the database, and compare hashes
	@$(BIN)/python -m tools.operate recovery

life: install-dev  ## test an installation over time: install the previous release, upgrade it while it serves requests, prune runs, erase a client, restore (ARGS=--short, as in CI)
	@$(BIN)/python -m tools.operate life $(ARGS)

release: lint upgrade-check package-check  ## check the commit, and write wheel, sdist, image context, bill of materials and notes into .chm/release (CONTRIBUTING.md, A release)
	@$(BIN)/python -m tools.release build $(ARGS)

image-steps: install-dev  ## test the steps of the Dockerfile and the services of compose without Docker (needs PostgreSQL 15 and Redis)
	@$(BIN)/python docker/image_steps.py

.chm/contract/stamp: tools/contract/package-lock.json tools/contract/package.json
	@command -v npm >/dev/null || { echo "this needs Node.js 20 or newer, with npm"; exit 1; }
	@echo "installing the linters of the API contract into .chm/contract ..."
	@mkdir -p .chm/contract && cp tools/contract/package.json tools/contract/package-lock.json tools/contract/.npmrc .chm/contract/
	@cd .chm/contract && npm ci --silent
	@touch $@

.PHONY: api-clients contract

api-clients: install-dev .chm/contract/stamp  ## generate clients/python and clients/typescript from the API contract
	@$(BIN)/python -m tools.contract clients

contract: install-dev .chm/contract/stamp  ## lint the API contract, compare it with the last release, and test the generated clients
	@$(BIN)/python -m tools.contract lint
	@$(BIN)/python -m tools.contract compare
	@$(BIN)/python -m tools.contract check
	@$(BIN)/python -m tools.contract round-trip

lint: install-dev  ## check style (ruff), types (mypy --strict), imports, migrations, the API contract, documents, links and production settings
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@# Use no cache: with a cache, mypy has accepted wrong code. mypy's plugin reads CHM's
	@# settings, which need an address of a database, but it does not connect to the database.
	@CHM_DATABASE_URL=postgresql:///none $(BIN)/mypy --cache-dir=/dev/null .
	@$(MANAGE) makemigrations --check --dry-run
	@CHM_DATABASE_URL=postgresql:///none $(MANAGE) spectacular --fail-on-warn | diff -u docs/contracts/openapi.yaml - \
	  || { echo "docs/contracts/openapi.yaml is out of date: run make docs"; exit 1; }
	@$(BIN)/python -m pytest -q --no-header chm_project/tests/test_imports.py
	@CHM_DATABASE_URL=postgresql:///none $(BIN)/python -m tools.evidence pages --check
	@$(BIN)/python -m tools.evidence links
	@DJANGO_SETTINGS_MODULE=chm_project.settings.production CHM_SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') \
	  CHM_ALLOWED_HOSTS=chm.example.com CHM_DATABASE_URL=postgresql:///none CHM_BROKER_URL=redis://localhost/0 \
	  $(MANAGE) check --deploy --fail-level WARNING

format: install-dev  ## format the code, and fix what ruff can fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: install-dev  ## recompile the three lock files (hashes, no index addresses)
	@$(PIP_INSTALL) uv
	@for extra in "" local dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-annotate --custom-compile-command "make lock" pyproject.toml $${extra:+--extra $$extra -c requirements.lock} \
	    -o requirements$${extra:+-$$extra}.lock || exit 1; \
	done

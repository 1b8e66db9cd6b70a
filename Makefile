# Everything runs in .venv, which make keeps in step with requirements.txt.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# Settings with fresh secrets, for what needs no .env.
TEST_SETTINGS := DJANGO_SETTINGS_MODULE=tests.settings

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/installed .env ## Connect a workspace to a stand-in PostHog, and serve (ARGS=--no-serve, REAL=1)
	$(RUN) manage.py demo $(if $(REAL),--real) $(ARGS)

test: $(VENV)/installed ## Run the tests (ARGS="tests/beton -k login -v 2")
	$(RUN) manage.py test $(ARGS)

soak: $(VENV)/installed ## Run the long proofs, for hours: thousands of hostile histories and killed workers
	SOAK=1 $(RUN) manage.py test tests/proofs $(ARGS)

lint: $(VENV)/installed ## Check style and format
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/installed ## Check types
	$(VENV)/bin/mypy beton integrations_posthog tests manage.py

check: $(VENV)/installed ## Check migrations, and the settings of a deployment
	$(TEST_SETTINGS) $(RUN) manage.py makemigrations --check --dry-run
	env DJANGO_ENV_FILE=/dev/null DJANGO_DEBUG=false DJANGO_ALLOWED_HOSTS=inspector.example.com \
	  CACHE_URL=redis://127.0.0.1:6379/8 \
	  DJANGO_SECRET_KEY="$$($(RUN) -c 'import secrets; print(secrets.token_urlsafe(50))')" \
	  BETON_ENCRYPTION_KEY="$$($(RUN) -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')" \
	  $(RUN) manage.py check --deploy --fail-level WARNING

bench: $(VENV)/installed ## Measure, and print a table
	$(VENV)/bin/pytest -o python_files="bench_*.py" tests/benchmarks

openapi: $(VENV)/installed ## Write openapi.yaml
	$(TEST_SETTINGS) $(RUN) manage.py spectacular --validate --fail-on-warn --file openapi.yaml

$(VENV)/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is needed (on Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "Installing requirements.txt into $(VENV), which takes up to a minute ..." >&2
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.env: | $(VENV)/installed
	$(RUN) -m beton.env_file

.PHONY: help demo test soak lint types check bench openapi
.DEFAULT_GOAL := help

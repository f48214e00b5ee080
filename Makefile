# Everything below works from a fresh clone: it makes .venv and installs into it what the target needs, once.
# Installation is the only step that uses the network. Needed: GNU make and Python 3.11 or later.
#
#   make demo     record a session against a local upstream, replay it, print both timelines
#   make test     the tests, without the long ones
#   make test-pure      values and machines alone: core, dialects, cassettes, faults, engines
#   make test-long      the long ones: real clients, a browser, sweeps, crashes, every command of every page
#   make check    lint, types, structure, then all tests, the long ones too: what CI runs
#   make test-clients   real clients as programs: a turn, a tool round, a barge-in, recorded and replayed, and their ends
#   make clients-page   the same, and docs/clients.md written from what was seen
#   make docs     the documentation as a site with search: build/site/index.html
#   make try      what somebody does who tries the package, from the built wheel in a bare folder, with times
#   make cassettes      the recordings in cassettes/ anew, each against its simulated provider
#   make bench    benchmarks          make soak    long runs          make fuzz    property tests, many examples
#   make attack   bad clients, pages and moments against running servers, and what others notice of it
#   make format   put all code into the one format
#   make clean    remove .venv and caches
#
#   PYTHON=python3.12   the Python to use         WORKERS=0   run tests in one process (pytest -x --pdb needs that)
#   ARGS="..."          goes to pytest, or to the program that the target runs

VENV    ?= .venv
WORKERS ?= 3
ARGS    ?=

PY     := $(VENV)/bin/python
# Each worker begins with a stretch of its own and takes from the others when it is through, so neighbours stay together.
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist worksteal
PIP    := $(PY) -m pip install -qq --disable-pip-version-check --prefer-binary

# The first of these that runs, is new enough and can make an environment.
CANDIDATES := $(or $(PYTHON),python3.13 python3.12 python3.11 python3.14 python3 python)


CLIENTS := build/clients

# The tests start hundreds of processes: with the variable set, each of them would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: docs try cassettes test-clients clients-page test-pure pure-simulators pure-rest test-long demo test check collected lint format types structure bench soak fuzz attack clean
.DEFAULT_GOAL := test

demo: $(VENV)/installed
	@$(PY) docs/demo/demo.py $(ARGS)

test: $(VENV)/installed-unit
	@$(PYTEST) -m "not long" $(ARGS)

test-long: $(VENV)/installed-dev
	@$(PYTEST) -m long $(ARGS)

# A client that could not be had is said in one line and left out: only what was there and failed is a failure. Not part of
# CI: it would add an installation of 700 MB and half an hour of conversations in real time.
HEAVY := $(CLIENTS)/node/installed $(CLIENTS)/load/installed $(CLIENTS)/pipecat/installed $(CLIENTS)/aws/installed $(CLIENTS)/pipecat-aws/installed

test-clients: $(VENV)/installed-dev $(HEAVY)
	@MOCKSERVER_CLIENTS=$(abspath $(CLIENTS)) $(PY) -m pytest -n 0 -rs tests/clients/heavy $(ARGS)

clients-page: $(VENV)/installed-dev $(HEAVY)
	@MOCKSERVER_CLIENTS=$(abspath $(CLIENTS)) $(PY) -m tests.clients.heavy.page $(ARGS)

# Values and machines, with no socket and no process (a test that opens one fails here), and without the long ones. Two
# runs beside each other, of about the same length: workers would each collect all of it, and tell of each test.
BESIDE := tests/engines/simulator/nova_sonic tests/engines/simulator/ultravox
REST := tests/core tests/dialects tests/cassette tests/faults tests/engines/calls tests/engines/relay tests/engines/replay \
	tests/engines/script $(BESIDE)
# Looptime looks at every fixture of every test, a quarter of what a short one takes, for loops that these do not have.
PLAIN := -p no:looptime_plugin -p no:looptime_chronometers -p no:looptime_timeproxies
PURE = TESTS_PURE=1 $(PY) -m pytest -n 0 $(PLAIN) -m "not wire and not long"

test-pure: $(VENV)/installed-unit
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target pure-simulators pure-rest

# With ARGS="-k ..." one of the two may have nothing to do (status 5).
pure-simulators:
	@$(PURE) tests/engines/simulator $(BESIDE:%=--ignore=%) $(ARGS) || [ $$? = 5 ]

pure-rest:
	@$(PURE) $(REST) $(ARGS) || [ $$? = 5 ]

# One run of pytest for all tests, so that its closing line has the count of everything.
# The looks at the code come first and share the cores: mypy has one for itself. To collect the tests meanwhile is to find
# out whether they can be imported, and their compiled forms are there before the workers would each make them.
check: $(VENV)/installed-dev
	@$(MAKE) --no-print-directory --jobs=2 types collected lint structure
	@$(PYTEST) $(ARGS)

collected: $(VENV)/installed-dev
	@mkdir -p build; $(PY) -m pytest -q -n 0 --collect-only >build/collected.log 2>&1 || { cat build/collected.log; exit 1; }

lint: $(VENV)/installed-dev
	@$(PY) -m ruff check --output-format=concise .
	@$(PY) -m ruff format --check --quiet . || { echo "make: the formatter would change files: make format" >&2; exit 1; }

# One formatter for all.
format: $(VENV)/installed-dev
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format --quiet .

# tests/typed_*.py use the public API as a user types it.
types: $(VENV)/installed-dev
	@$(PY) -m mypy mockserver $(wildcard tests/typed_*.py)

# Rooms, rows, circles of imports and what else tests/structure.py counts.
structure: $(VENV)/installed-dev
	@$(PY) -m tests.structure

# A warning fails it, a link that leads nowhere among them (with -q MkDocs would not see its own warnings).
docs: $(VENV)/installed-dev
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict && echo "make: build/site/index.html"

try: $(VENV)/installed-dev
	@$(PY) -m tests.first_minutes $(ARGS)

cassettes: $(VENV)/installed-dev
	@$(PY) -m tests.recordings $(ARGS)

bench: $(VENV)/installed-dev
	@$(PY) -m tests.bench $(ARGS)

soak: $(VENV)/installed-dev
	@$(PY) -m tests.soak $(ARGS)

fuzz: $(VENV)/installed-dev
	@HYPOTHESIS_PROFILE=fuzz $(PY) -m tests.fuzz $(ARGS)

attack: $(VENV)/installed-dev
	@$(PY) -m tests.attack $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

# A stamp is written after a complete installation, so one that broke off is done again. pyproject.toml renews both.
$(VENV)/installed: pyproject.toml $(VENV)/pyvenv.cfg
	@echo "make: installing the project into $(VENV)"
	@$(PIP) --editable . || { echo "make: pip could not install the project, see above; the first run needs a package index" >&2; exit 1; }
	@touch $@

$(VENV)/installed-unit: pyproject.toml $(VENV)/pyvenv.cfg
	@echo "make: installing the project and its test tools into $(VENV) (about a minute, once)"
	@$(PIP) --editable '.[unit]' || { echo "make: pip could not install the project, see above; the first run needs a package index" >&2; exit 1; }
	@touch $(VENV)/installed $@

$(VENV)/installed-dev: pyproject.toml $(VENV)/pyvenv.cfg
	@echo "make: installing the project, its test tools and the real clients into $(VENV) (about two minutes, once)"
	@$(PIP) --editable '.[dev]' || { echo "make: pip could not install the project, see above; the first run needs a package index" >&2; exit 1; }
	@touch $(VENV)/installed $(VENV)/installed-unit $@

# No stamp is written where a client could not be had, and the next run tries again.
$(CLIENTS)/node/installed: tests/clients/heavy/package.json
	@mkdir -p $(@D) && rm -f $@ && cp $< $(@D)
	@if ! command -v node >/dev/null || ! command -v npm >/dev/null; then \
	  echo "make: left out: the clients of Node; there is no program node or npm on the PATH"; \
	elif ! (cd $(@D) && npm install --silent --no-audit --no-fund >npm.log 2>&1); then \
	  echo "make: left out: the clients of Node; npm could not install them, $(@D)/npm.log says why"; \
	else \
	  touch $@; \
	fi

# An environment of its own: what it needs is not what the others of .venv need.
$(CLIENTS)/pipecat/installed: tests/clients/heavy/pipecat.txt $(VENV)/pyvenv.cfg
	@rm -f $@ && mkdir -p $(CLIENTS)
	@if ! ($(PY) -m venv $(@D) && $(@D)/bin/python -m pip install -qq --disable-pip-version-check --prefer-binary -r $<) >$(CLIENTS)/pipecat.log 2>&1; then \
	  echo "make: left out: pipecat; pip could not install it, $(CLIENTS)/pipecat.log says why"; \
	else \
	  touch $@; \
	fi

# Locust brings gevent, which the other tests must not have. The schemas of Kubernetes are 20 MB.
$(CLIENTS)/load/installed: pyproject.toml $(VENV)/pyvenv.cfg
	@rm -f $@ && mkdir -p $(CLIENTS)
	@if ! ($(PY) -m venv $(@D) && $(@D)/bin/python -m pip install -qq --disable-pip-version-check --prefer-binary --editable '.[metrics,load]' kubernetes-validate) >$(CLIENTS)/load.log 2>&1; then \
	  echo "make: left out: Locust; pip could not install it, $(CLIENTS)/load.log says why"; \
	else \
	  touch $@; \
	fi

# AWS' SDK needs Python 3.12, and pipecat an older one of it than livekit: an environment for each.
AWS_PYTHON := $(CLIENTS)/python312
NEWER := python3.12 python3.13 $(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python $(HOME)/.pyenv/versions/3.13.*/bin/python)

$(AWS_PYTHON):
	@mkdir -p $(@D); rm -f $@; for python in $(NEWER) $(CANDIDATES); do \
	  "$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 12) <= sys.version_info < (3, 14))' >/dev/null 2>&1 || continue; \
	  "$$python" -c 'import sys; print(sys.executable)' >$@; break; \
	done; [ -s $@ ] || { rm -f $@; echo "make: left out: the clients of AWS; they need Python 3.12 or 3.13, which is not here (AWS_PYTHON: tried $(NEWER))"; }

$(CLIENTS)/aws/installed: tests/clients/heavy/aws.txt
$(CLIENTS)/pipecat-aws/installed: tests/clients/heavy/pipecat-aws.txt
$(CLIENTS)/aws/installed $(CLIENTS)/pipecat-aws/installed: $(AWS_PYTHON) pyproject.toml
	@rm -f $@; [ -s $(AWS_PYTHON) ] || exit 0; \
	if ! ("$$(cat $(AWS_PYTHON))" -m venv $(@D) && $(@D)/bin/python -m pip install -qq --disable-pip-version-check --prefer-binary --editable . -r $(filter %.txt,$^)) >$(@D).log 2>&1; then \
	  echo "make: left out: $(notdir $(@D)); pip could not install it, $(@D).log says why"; \
	else \
	  touch $@; \
	fi

$(VENV)/pyvenv.cfg:
	@found=; bare=; \
	for python in $(CANDIDATES); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	  "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || { bare=$$python; continue; }; \
	  found=$$python; break; \
	done; \
	if [ -z "$$found" ] && [ -n "$$bare" ]; then \
	  echo "make: $$bare has no venv and ensurepip modules; install them (Debian, Ubuntu: apt install python3-venv) or name another Python: make PYTHON=..." >&2; exit 1; \
	elif [ -z "$$found" ]; then \
	  echo "make: no Python 3.11 or later found (tried: $(CANDIDATES)); install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; \
	fi; \
	echo "make: creating $(VENV) with $$("$$found" --version 2>&1) ($$found)"; \
	"$$found" -m venv --clear $(VENV) || { \
	  rm -rf $(VENV); echo "make: $$found could not create $(VENV), see above (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }

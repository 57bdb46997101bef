# Every target does its own set-up, once: `make run` is all a reader needs. `make help` lists the rest.
#   PYTHON=path   the interpreter for .venv (by default the first of 3.11, 3.10, 3.12, 3.9 that runs)
#   MXNET=cu112   the build for NVIDIA GPUs (Maxwell to Ada) in place of the CPU's
#   TORCH=1       PyTorch for `make test` on any Python; TORCH=0 never; by default on Python 3.11 only
#   JOBS=n        processes of `make test`, each with its share of the processors (by default one per processor, up to 4)
#   BARE=folder   where `make bare` keeps its Debian (by default build/bare; about 3 GB)
#   ARGS='...'    passed on: make run ARGS='--data DIR', make test ARGS='-k anchors'

VENV ?= .venv
MXNET ?= cpu
TORCH ?= auto
JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 1); echo $$((n > 4 ? 4 : n)))
PYTHON ?=
ARGS ?=
BARE ?= build/bare

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: help run test venv lint smoke matrix bare site clean

PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
STAMP := $(VENV)/.installed-$(MXNET)
VERSION := import sys; print("%d.%d" % sys.version_info[:2])
# The system's libraries that MXNet needs: asked each time, for an environment outlives the system it was made on.
LIBRARIES := $(PY) -m d2lzh_cv.compat.libraries --install
HEADLESS := opencv-python-headless

ifneq ($(PYTHON),)
  WANT := $(shell $(PYTHON) -c '$(VERSION)' 2>/dev/null)
  $(if $(WANT),,$(error PYTHON=$(PYTHON) does not run: name a Python 3.9 to 3.12, or leave PYTHON out))
endif
# An environment whose interpreter has gone, or is of another version than the one asked for, is made anew.
ifneq ($(wildcard $(VENV)/.installed-*),)
  HAVE := $(shell $(PY) -c '$(VERSION)' 2>/dev/null)
  ifneq ($(HAVE),$(or $(WANT),$(HAVE),none))
    $(shell rm -f $(VENV)/.installed-* $(PY))
  endif
endif

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

run: $(STAMP)  ## run every section of the chapter in quick mode and write the report
	@$(LIBRARIES)
	@$(PY) -m d2lzh_cv run all --quick $(ARGS)

test: $(STAMP)-test-$(TORCH)  ## run all tests
	@$(LIBRARIES)
	@$(PY) -m pytest $(IN_PARALLEL) $(ARGS)

# A file's tests stay together, and files begin in the order of their names: the longest come early. Two processes of
# one thread take less time than one process of two.
ifneq ($(JOBS),1)
  IN_PARALLEL = -n $(JOBS) --dist loadfile --no-loadscope-reorder
  test: export OMP_NUM_THREADS := $(shell n=$$(( $$(nproc 2>/dev/null || echo 1) / $(JOBS) )); echo $$((n > 1 ? n : 1)))
endif

venv: $(STAMP)-test-$(TORCH)  ## make the environment with the test extra, run nothing
	@$(LIBRARIES)
	@echo "ready: source $(VENV)/bin/activate"

lint: $(STAMP)-dev  ## check the style of the code
	@$(PY) -m ruff check .

smoke: $(STAMP)-dev
	@$(LIBRARIES)
	@$(PY) -m pytest tests/smoke $(ARGS)

matrix:  ## run the smoke tests on every Python 3.9 to 3.12 found here
	@MAKE='$(MAKE)' .ci/matrix

bare:  ## run `make run` of the last commit in a bare Debian, as root and as a user (needs root, debootstrap, unshare)
	@.ci/bare '$(BARE)'

site: $(STAMP)-site  ## build the pages of the chapter in Chinese and English: docs/_build/html/index.html
	@$(LIBRARIES)
	@$(PY) docs/build_site.py $(ARGS)

clean:  ## remove environments and caches (never runs/ or data/)
	rm -rf .venv .venv-3.* build *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@python='$(PYTHON)'; python=$${python:-$$(.ci/pythons first)}; \
	echo "Making $(VENV) with $$("$$python" -V)"; "$$python" -m venv --clear $(VENV)

# Python compiles a module when it is first imported and keeps the result, which the next processes need; pip would
# compile all modules, which takes longer than the rest of the installation.
export PYTHONDONTWRITEBYTECODE =
INSTALL := $(PIP) install --no-compile -c constraints.txt

# Installs the extras $(1) and makes sure of what pip cannot: one OpenCV, that needs no libGL.
# GluonCV asks for opencv-python, which unpacks into the same cv2/ as the headless build and needs libGL.so.1.
define install
	@rm -f $(VENV)/.installed-*
	@extras='$(1)'; echo "Installing d2lzh_cv[$$extras] into $(VENV): a few minutes, once"; \
	$(INSTALL) pip setuptools; \
	$(PIP) uninstall -y $(if $(filter cpu,$(MXNET)),mxnet-cu112,mxnet) 2>/dev/null; \
	PYTHONWARNINGS=ignore $(INSTALL) --no-build-isolation -e ".[$$extras]"; \
	if $(PIP) show opencv-python >/dev/null 2>&1; then \
	    $(PIP) uninstall -y opencv-python; \
	    $(INSTALL) --no-deps --force-reinstall $(HEADLESS); \
	fi
endef

# PyTorch serves only the comparisons in the tests. On most Pythons its wheel pulls gigabytes of CUDA.
TEST_EXTRA = $$(case $(TORCH) in 0) echo dev;; 1) echo test;; \
	*) [ "$$($(PY) -c '$(VERSION)')" = 3.11 ] && echo test || echo dev;; esac)

$(STAMP): setup.py constraints.txt | $(PY)
	$(call install,$(MXNET))
	@touch $@

$(STAMP)-dev: setup.py constraints.txt | $(PY)
	$(call install,$(MXNET)$(comma)dev)
	@touch $(STAMP) $@

$(STAMP)-site: setup.py constraints.txt | $(PY)
	$(call install,$(MXNET)$(comma)site)
	@touch $(STAMP) $@

$(STAMP)-test-$(TORCH): setup.py constraints.txt | $(PY)
	$(call install,$(MXNET)$(comma)'$(TEST_EXTRA)')
	@$(PY) -c 'import importlib.util as u, sys; sys.exit(u.find_spec("torch") is None)' || \
	    echo "PyTorch is left out on this Python, so the comparisons with it are skipped: make test TORCH=1 installs it"
	@touch $(STAMP) $(STAMP)-dev $@

comma := ,

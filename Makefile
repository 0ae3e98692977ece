# The front door: `make help` lists the targets. Every target first asks tools/doctor whether the
# tools it needs are there. What a stage does in detail lives with its language (cargo, pytest,
# go test, Maven); only the order is here.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-deep check install bench clean deny \
	test-rust test-c test-python test-go test-java test-languages \
	library python-package java-package

PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo
STAGE := tools/stage
VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# Programs ask the loader for the library by its SONAME, libtamias.so.N.
ABI_LINE := pub const TAMIAS_ABI_VERSION: u32 = \([0-9]*\);
SONAME := libtamias.so.$(shell sed -n 's/^$(ABI_LINE)/\1/p' ffi/src/version.rs 2>/dev/null)

# What this checkout has. A folder that exists is tested, and a tool that its tests lack is an
# error (tools/doctor asks for all of them), never a skip.
HAS_FFI := $(wildcard ffi/Cargo.toml)
HAS_PYTHON := $(wildcard python/pyproject.toml)
HAS_GO := $(wildcard go-example/go.mod)
HAS_JAVA := $(wildcard java-example/pom.xml)
HAS_BENCHES := $(wildcard core/benches)

# The crates whose tests have a stage of their own: C programs, and the extension module.
OWN_STAGE := $(if $(HAS_FFI),--exclude tamias-ffi) $(if $(HAS_PYTHON),--exclude tamias-python)

# On a terminal a long build shows its progress; in a log it would only be noise.
QUIET := $(if $(MAKE_TERMOUT),,--quiet)

# Programs of other languages use the library of this build; the supervisor lies beside it.
LIBRARY := $(CURDIR)/target/debug
export TAMIAS_LIBRARY := $(LIBRARY)/libtamias.so

## The main job: real commands of two roles share this machine by weight, then the journal replays
demo:
	@tools/doctor cargo cc python
ifneq ($(HAS_PYTHON),)
	@$(MAKE) python-package
	@$(VENV_PYTHON) demo/run.py
else
	@echo "make demo runs the Python command line, and python/ is not in this checkout" >&2
	@exit 1
endif

## Every test of every language
test:
	@tools/doctor cargo-test cc python go jdk mvn
	@$(STAGE) --start
	@$(MAKE) check test-rust test-c test-python test-go test-java test-languages
	@$(STAGE) --summary "make test"

# Cases of the property tests in the long campaigns.
TAMIAS_CASES ?= 100000

# How many moves deep small worlds are explored in them.
TAMIAS_DEPTH ?= 6

SIM := $(CARGO) run --release --quiet --package tamias-tests --bin tamias-sim --

## The long campaigns: the same property tests with many more cases, optimised
test-deep:
	@tools/doctor cargo-test cc
	@$(STAGE) --start
	@TAMIAS_CASES=$(TAMIAS_CASES) TAMIAS_DEPTH=$(TAMIAS_DEPTH) \
		$(STAGE) deep $(CARGO) test --workspace $(OWN_STAGE) --release --quiet
	@$(STAGE) sim $(SIM) --seeds 20 --steps 500000 --out build
	@$(STAGE) sim-mesos $(SIM) --seeds 20 --steps 500000 --out build --mesos
	@$(STAGE) --summary "make test-deep"

## Format, house rules, lints, and whether the header is up to date
check:
	@tools/doctor cargo-test cc
	@$(STAGE) check $(CARGO) xtask check

test-rust:
	@$(STAGE) build $(CARGO) test --workspace $(OWN_STAGE) --no-run $(QUIET)
	@$(STAGE) rust $(CARGO) test --workspace $(OWN_STAGE) --quiet
	@$(STAGE) scenarios $(CARGO) xtask scenarios
# Recorded traces of Mesos are kept beside the checkout; where they are not, an example is replayed.
	@$(STAGE) traces $(CARGO) xtask traces \
	    $(or $(wildcard ../shared/data/mesos-traces),tests/traces/example.jsonl)

# The tests of the crate compile and run the C programs.
test-c:
ifneq ($(HAS_FFI),)
	@tools/doctor cargo cc
	@$(STAGE) c $(CARGO) test --package tamias-ffi --quiet
else
	@echo "==> c: there is no ffi/ in this checkout"
endif

test-python:
ifneq ($(HAS_PYTHON),)
	@tools/doctor cargo cc python
	@$(MAKE) python-package
	@$(STAGE) python $(VENV_PYTHON) -m pytest --quiet python/tests
else
	@echo "==> python: there is no python/ in this checkout"
endif

CGO := CGO_ENABLED=1 CGO_CFLAGS="-I$(CURDIR)/include" \
	CGO_LDFLAGS="-L$(LIBRARY) -ltamias -Wl,-rpath,$(LIBRARY)"

# -count=1: go keeps the results of tests, and does not see that the library has changed.
test-go: $(if $(HAS_GO),library)
ifneq ($(HAS_GO),)
	@tools/doctor go cc
	@$(CGO) $(STAGE) vet go -C go-example vet ./...
	@$(CGO) $(STAGE) go go -C go-example test -race -count=1 ./...
else
	@echo "==> go: there is no go-example/ in this checkout"
endif

JDK := JAVA_HOME="$$(tools/doctor --print jdk)"
MVN := mvn --batch-mode --no-transfer-progress --file java-example/pom.xml

test-java: $(if $(HAS_JAVA),library)
ifneq ($(HAS_JAVA),)
	@tools/doctor jdk mvn cc
	@$(JDK) $(STAGE) java $(MVN) verify
else
	@echo "==> java: there is no java-example/ in this checkout"
endif

# The same scripts in five languages. What other stages have made is brought up to date first.
test-languages: library python-package java-package
	@tools/doctor cargo cc python go jdk mvn
	@$(STAGE) languages $(CARGO) xtask languages
	@$(STAGE) languages $(CARGO) xtask languages tests/conformance/mesos

# The shared library and the supervisor, for the programs of other languages.
library:
	@$(STAGE) library $(CARGO) build --quiet --package tamias-ffi --package tamias-agent
	@ln -sf libtamias.so $(LIBRARY)/$(SONAME)

# The Python package, built and installed into .venv.
python-package: $(VENV)/ready
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(STAGE) package $(VENV)/bin/pip install --quiet \
		--no-build-isolation --no-deps --force-reinstall ./python

$(VENV)/ready: tools/python-requirements.txt
	@$(STAGE) venv "$$(tools/doctor --print python)" -m venv $(VENV)
	@$(STAGE) tools $(VENV)/bin/pip install --quiet --requirement tools/python-requirements.txt
	@touch $@

# The Java classes in their jar, untested.
java-package:
	@$(JDK) $(STAGE) jar $(MVN) --quiet -DskipTests package

## Library, header, pkg-config file and supervisor below PREFIX (/usr/local)
install:
	@tools/doctor cargo cc
ifneq ($(HAS_FFI),)
	@$(STAGE) release $(CARGO) build --release --quiet --package tamias-ffi --package tamias-agent
	install -d "$(DESTDIR)$(PREFIX)/lib/pkgconfig" "$(DESTDIR)$(PREFIX)/include" \
		"$(DESTDIR)$(PREFIX)/libexec/tamias"
	install -m 644 include/tamias.h "$(DESTDIR)$(PREFIX)/include/"
	install -s -m 755 target/release/libtamias.so "$(DESTDIR)$(PREFIX)/lib/$(SONAME)"
	ln -sf $(SONAME) "$(DESTDIR)$(PREFIX)/lib/libtamias.so"
	install -m 644 target/release/libtamias.a "$(DESTDIR)$(PREFIX)/lib/"
	install -s -m 755 target/release/tamias-supervisor "$(DESTDIR)$(PREFIX)/libexec/tamias/"
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' tools/tamias.pc.in \
		>"$(DESTDIR)$(PREFIX)/lib/pkgconfig/tamias.pc"
else
	@echo "make install installs the C library, and ffi/ is not in this checkout" >&2
	@exit 1
endif

## Benchmarks; docs/benchmarks.md says how to read them
bench:
	@tools/doctor cargo cc
ifneq ($(HAS_BENCHES),)
	@$(STAGE) bench $(CARGO) bench --package tamias --benches
	@$(CARGO) build --release --quiet --package tamias-ffi
	@mkdir -p build/bench
	@cc -std=c99 -O2 -Iinclude ffi/examples/bench_border.c -o build/bench/border \
		target/release/libtamias.a -lpthread -ldl -lm
	@$(STAGE) "bench-c" build/bench/border
	@$(MAKE) python-package
	@$(STAGE) "bench-python" $(VENV_PYTHON) python/benches/border.py
else
	@echo "make bench runs core/benches, which is not in this checkout" >&2
	@exit 1
endif

## Licences and advisories of the dependencies (needs cargo-deny)
deny:
	@$(CARGO) deny --version >/dev/null 2>&1 || { \
		echo "error: cargo-deny is missing; install it: cargo install cargo-deny" >&2; exit 1; }
	@$(STAGE) deny $(CARGO) deny check

## Remove everything that was built
clean:
	$(CARGO) clean
	rm -rf $(VENV) build java-example/target

## This list
help:
	@echo "Tamias $(VERSION): make TARGET"
	@awk '/^## / { text = substr($$0, 4) } \
		/^[a-z-]+:/ && text { sub(":.*", ""); printf "  %-10s %s\n", $$0, text; text = "" }' Makefile

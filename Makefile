# The front door. `make help` lists the doors behind it.
#
# Every step says its name and how long it took; the first that fails ends the run with a sentence. Rust builds
# go to $CARGO_TARGET_DIR where it is set, else to ./target.

SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

TARGET := $(or $(CARGO_TARGET_DIR),target)
UI := assets/ui
NPM := npm --prefix $(UI)
STEP := @scripts/step.sh
# Arguments for the server: make run ARGS="--listen 0.0.0.0:8080"
ARGS ?=
# The binary that `make bench` measures; without one the release build is made and measured.
BIN ?=

# The tests mean the defaults, whatever the developer's shell has configured.
PLAIN := env -u DATABASE_URL -u SECRET_KEY -u OPENAI_API_KEY -u OPENAI_BASE_URL -u OPENAI_MODEL -u CUSTARD_SOURCE

UI_SOURCES := $(shell find $(UI) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/test-results/*' 2>/dev/null)

.PHONY: help setup setup-test run dev ui build test test-rust test-ui test-browser release dist bench bench-agents crash clean

help: ## Show this list
	@echo 'Clean Custard. The two that matter: make run, make test.'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ui build ## Build what is missing and start the server on its defaults
	@exec $(TARGET)/debug/clean-custard server $(ARGS)

dev: setup $(UI)/node_modules/.installed build ## Server and Vite's dev server, for work on the UI
	@scripts/dev.sh $(TARGET)/debug/clean-custard $(ARGS)

setup: ## Check for Rust, Node, a C compiler and perl; install what can be installed
	@scripts/setup.sh build

setup-test: ## The same for the tests: PostgreSQL, mongod, Chromium
	@scripts/setup.sh test

ui: $(UI)/dist/index.html ## Build the web UI into assets/ui/dist

$(UI)/node_modules/.installed: $(UI)/package-lock.json
	$(STEP) 'Fetch the UI packages' $(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(UI)/dist/index.html: $(UI)/node_modules/.installed $(UI_SOURCES)
	$(STEP) 'Build the UI' $(NPM) run --silent build
	@touch $@

build:
	$(STEP) 'Build the program (the first time takes several minutes)' cargo build --locked

test: setup-test ## Everything CI runs: formats, lints, all tests, browser tests
	$(STEP) 'Format of the Rust code' cargo fmt --check
	@$(MAKE) test-ui ui test-rust test-browser
	@echo '==> All checks passed.'

test-rust:
	$(STEP) 'Clippy, warnings are errors' cargo clippy --locked --all-targets -- -D warnings
	$(STEP) 'Rust tests' $(PLAIN) cargo test --locked

test-ui: $(UI)/node_modules/.installed
	$(STEP) 'Types of the UI' $(NPM) run --silent typecheck
	$(STEP) 'Lint and format of the UI' $(NPM) run --silent lint
	$(STEP) 'Unit tests of the UI' $(NPM) run --silent test

test-browser: $(UI)/node_modules/.installed
	$(STEP) 'Browser tests' $(PLAIN) CUSTARD_BIN="$$(realpath $(TARGET))/debug/clean-custard" CHROMIUM="$$(scripts/setup.sh chromium)" $(NPM) run --silent browser

release: setup ui ## Optimised, stripped: target/release/clean-custard
	$(STEP) 'Release build (up to 45 minutes on two cores)' cargo build --locked --release
	@ls -lh $(TARGET)/release/clean-custard | awk '{print "==> " $$NF ", " $$5}'

dist: setup ui ## The smallest binary, for packaging: target/dist/clean-custard
	$(STEP) 'Packaging build (long: link-time optimisation)' cargo build --locked --profile dist
	@ls -lh $(TARGET)/dist/clean-custard | awk '{print "==> " $$NF ", " $$5}'

ifeq ($(BIN),)
bench: release ## Measure start, memory, questions, imports (BIN=path for a binary of your own)
	@scripts/bench.sh $(TARGET)/release/clean-custard
else
bench:
	@scripts/bench.sh $(BIN)
endif

ifeq ($(BIN),)
bench-agents: release ## Only the many agents (BIN=path as above)
	@python3 benches/agents.py $(TARGET)/release/clean-custard
else
bench-agents:
	@python3 benches/agents.py $(BIN)
endif

crash: build ## Kill the server 200 times while people work, and look whether all is there (BIN=path as above)
	@python3 benches/crash.py $(or $(BIN),$(TARGET)/debug/clean-custard)

clean: ## Remove what was built (not the server's data)
	cargo clean
	rm -rf $(UI)/dist $(UI)/node_modules $(UI)/test-results

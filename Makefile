# Every target sets up what it needs first; on a machine that is set up, that takes a moment.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long test-kiro lint bench check clean

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## install dependencies, build, find or start an engine, make the image
	@scripts/setup

demo: setup ## watch a trust-all agent wreck a project that is not wrecked
	@demo/run

test: setup ## lint and every test; ends with "N passed, N failed"
	@scripts/browser
	@node scripts/run-tests.mjs

test-long: setup ## every test, the long ones (gigabytes, 100,000 changes) too
	@scripts/browser
	@AIRLOCK_TEST_LONG=1 AIRLOCK_RUNS=500 node scripts/run-tests.mjs

test-kiro: setup ## the tests of Kiro with the real one: make test-kiro KIRO=ARCHIVE, with your KIRO_API_KEY
	@test -n "$(KIRO)" || { echo "name the archive: make test-kiro KIRO=kirocli-x86_64-linux.tar.gz"; exit 2; }
	@AIRLOCK_TEST_KIRO="$(abspath $(KIRO))" npx vitest run --project e2e test/e2e/agents.test.ts -t Kiro

lint: setup ## format, lint, types, unused code
	@npm run --silent lint

bench: setup ## measure against plain Docker; writes bench/RESULTS.md
	@scripts/bench-peers
	@node bench/run.mjs
	@node bench/network.mjs
	@node bench/tools.mjs
	@node bench/mcp.mjs
	@node bench/journal.mjs
	@node bench/aws.mjs
	@node bench/agents.mjs

check: test ## what must pass before a commit

clean: ## remove what was built (not the engine, the image or any session)
	rm -rf dist coverage *.tgz

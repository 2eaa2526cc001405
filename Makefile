# Flotilla: `make demo` and `make test` do all of their set-up (make, node >= 20 and npm are enough).
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export ORT_DISABLE_TELEMETRY := 1
DATA ?= shapes
NAME ?= engine

CHAOS_FAULTS ?= 200
CHAOS_SEED ?= 1
CHAOS_ONLY ?=
SOAK_MINUTES ?= 60
SOAK_SEED ?= 1

.PHONY: help setup demo test test-full test-links test-fuzz chaos soak check bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: node_modules/.flotilla-installed ## install what package-lock.json names

node_modules/.flotilla-installed: package.json package-lock.json .npmrc
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# A scenario needs Linux: elsewhere four equal boards train undisturbed.
DEMO := $(if $(filter Linux,$(shell uname)),--scenario docs/examples/story.yaml --survey 8,--boards 4)

demo: setup ## three boards train cifarnet, a fourth joins, one becomes slow, one is killed (DATA=dir for own data)
	@flotilla train --model cifarnet --data $(DATA) --steps 200 $(DEMO)

# `exec`: make ends the process that it has started, and no other.
test: setup ## run all tests
	@exec ava $(AVA_OPTIONS)

test-full: setup ## every model for 20 steps on 1 to 4 boards: the same losses (some minutes)
	@FLOTILLA_FULL=1 exec ava --timeout=40m test/fleet/exactness.test.ts

test-links: setup ## runs whose links are disturbed, for 10 minutes each (needs root): the same losses, flat memory
	@FLOTILLA_LONG=1 exec ava --timeout=90m test/endurance/links.test.ts

test-fuzz: setup ## a million damaged frames, tagged frames and codec payloads (some minutes)
	@FLOTILLA_FUZZ=1000000 exec ava --timeout=60m test/broker/frame.test.ts test/broker/session.test.ts test/agent/codec-fuzz.test.ts

chaos: setup ## hundreds of faults on real processes, all kinds as root: CHAOS_FAULTS=200 CHAOS_SEED=1 CHAOS_ONLY=pattern (about an hour)
	@FLOTILLA_CHAOS=$(CHAOS_FAULTS) FLOTILLA_SEED=$(CHAOS_SEED) FLOTILLA_CHAOS_ONLY='$(CHAOS_ONLY)' exec ava --timeout=6h test/fleet/chaos.test.ts

soak: setup ## an hour of faults at random (as root): memory, descriptors and logs stay as they are: SOAK_MINUTES=60 SOAK_SEED=1
	@FLOTILLA_SOAK=$(SOAK_MINUTES) FLOTILLA_SEED=$(SOAK_SEED) exec ava --timeout=6h test/endurance/soak.test.ts

check: setup ## types, format, lint
	@tsc --noEmit
	@biome check .

bench: setup ## run one bench: make bench NAME=engine
	@npm run -s bench -- $(NAME) $(ARGS)

clean: ## remove what was installed and written
	rm -rf node_modules runs out .flotilla

# `make demo` shows the main job on a fresh machine; `make test` runs every test. The rest serves developers.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
export PROMOTER_TOOLS ?= $(HOME)/.cache/promoter-tools
# The kustomize conformance corpus lies beside the checkout, if at all.
CORPUS ?= $(abspath ../shared/kustomize-corpus)

.PHONY: help
help: ## lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo
demo: release ## promotes a small app through dev, staging and prod; needs Rust and git only
	@$(TARGET)/release/promoter demo

.PHONY: release
release: ## builds the three binaries, optimised and stripped
	$(CARGO) build --release --locked -p promoter -p promoter-plugin -p promoter-controller

IMAGES ?= plugin plugin-helm controller controller-helm
.PHONY: image
image: release tools ## builds the images of the Dockerfile without Docker (needs buildah and root) and prints their sizes
	@PACK=1 scripts/image.sh "$(TARGET)/images" "$(TARGET)/release" $(IMAGES)

.PHONY: tools
tools: ## installs what tests compare with: git servers, kustomize, helm, a grpc-go client
	@scripts/tools.sh

.PHONY: test
test: tools lint ## runs every test, with real servers and the real kustomize and helm
	$(CARGO) test --locked --workspace --no-fail-fast
	@$(MAKE) --no-print-directory corpus PROFILE_DIR=debug

STORY_STEPS ?= 1000000
STORY_SEED ?= 0
.PHONY: simulate
simulate: ## a million random steps of people, clocks and faults, each judged by the rules: STORY_STEPS=1000000 STORY_SEED=0
	PROMOTER_STEPS=$(STORY_STEPS) PROMOTER_SEED=$(STORY_SEED) $(CARGO) test --release --locked -p promoter-core \
	  --test simulate rules_hold -- --nocapture

PROFILE_DIR ?= release
.PHONY: corpus
corpus: ## judges `promoter kustomize build` by the conformance corpus, if it lies beside the checkout
	@scripts/corpus.sh "$(CORPUS)" "$(abspath $(TARGET))/$(PROFILE_DIR)/promoter"

.PHONY: lint
lint: ## formatting and clippy
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

.PHONY: tidy
tidy: ## the arrows between crates, and the codes of docs/errors.md
	$(CARGO) test --locked -p promoter-testkit

.PHONY: doc
doc: ## builds the API documentation
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

.PHONY: deny
deny: ## licences, bans and sources of the dependencies (needs cargo-deny)
	$(CARGO) deny --locked check bans licenses sources

.PHONY: check
check: lint test doc deny ## everything a commit must pass

GUIDED ?= yaml kustomization
.PHONY: fuzz
fuzz: ## lets coverage guide any bytes through the YAML reader and whole builds; needs a nightly Rust: MINUTES=10 (of each)
	@scripts/fuzz.sh "$(MINUTES)" $(GUIDED)

.PHONY: oracle
oracle: tools ## asks the real kustomize for the expected output of the cases in testdata/
	@scripts/oracle.sh

.PHONY: bless
bless: ## rewrites the golden files from what the code does now; review the diff of testdata/
	INSTA_UPDATE=always PROMOTER_BLESS=1 $(CARGO) test --locked --workspace

.PHONY: bench
bench: release tools ## measures against the real peers in the same run and prints ratios; ONLY=git, plan, plugin, registry or scale for a part
	CORPUS="$(CORPUS)" $(CARGO) run --release --locked -p promoter-benches

SEED ?= 1
MINUTES ?= 10
JOBS ?= 1
FUZZ ?=
.PHONY: fuzz-kustomize
fuzz-kustomize: tools ## random kustomizations, ours against the real one: SEED=1 MINUTES=10 JOBS=1 FUZZ='--mutate DIR' or --pairs
	$(CARGO) run --release --locked -p promoter-fuzz-kustomize -- --seed $(SEED) --minutes $(MINUTES) --jobs $(JOBS) \
	  --findings $(TARGET)/fuzz-kustomize $(FUZZ)

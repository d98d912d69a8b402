#!/usr/bin/env bash
# Asks the installed kustomize for every stored answer here.
set -euo pipefail
PROMOTER_ORACLE=1 cargo test --locked -q -p promoter-yaml --test oracle stored_answers

#!/usr/bin/env bash
# Asks the installed kustomize for expected.yaml of every case here.
set -euo pipefail
PROMOTER_ORACLE=1 cargo test --locked -q -p promoter-kustomize --test builds cases

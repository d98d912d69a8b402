#!/usr/bin/env bash
# Asks the installed kustomize what every field and list of every kind here becomes, and stores it in expected/.
set -euo pipefail
PROMOTER_ORACLE=1 cargo test --locked -q -p promoter-kustomize --test tables

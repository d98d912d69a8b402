#!/usr/bin/env bash
# Asks the real library what each range makes of each version.
set -euo pipefail
tools="${PROMOTER_TOOLS:-$HOME/.cache/promoter-tools}"
"$tools/masterminds-client-v3.5.0/masterminds-client" ranges.txt versions.txt >expected.txt

#!/usr/bin/env bash
# Remakes every golden file that comes from a real tool: each folder of testdata/ that has an oracle.sh knows how.
set -euo pipefail
cd "$(dirname "$0")/../testdata"
for oracle in */oracle.sh; do
  [ -x "$oracle" ] || continue
  printf 'oracle: %s\n' "${oracle%/oracle.sh}" >&2
  (cd "$(dirname "$oracle")" && ./oracle.sh)
done

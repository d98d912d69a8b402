#!/usr/bin/env bash
# Judges `promoter kustomize build` by the conformance corpus: byte-identical output, or a refusal where kustomize refuses.
# The cases that docs/kustomize.md names as exceptions, each with its reason, are left out.
# usage: corpus.sh CORPUS PROMOTER
set -euo pipefail
corpus=$1 promoter=$2
cd "$(dirname "$0")/.."
if [ ! -f "$corpus/run.py" ]; then
  echo "corpus: skipped, there is no $(basename "$corpus") beside this checkout"
  exit 0
fi
filters=()
while read -r name; do
  filters+=(--filter "!^${name}( |\$)")
done < <(sed -n '/^## Exceptions/,/^## /s/^| `\([^`]*\)`.*/\1/p' docs/kustomize.md)
echo "corpus: $((${#filters[@]} / 2)) cases are left out, see docs/kustomize.md"
exec python3 "$corpus/run.py" "$corpus/open" "$promoter kustomize build {dir} {args}" --variants --quiet --diff 5 \
  --failures "${TMPDIR:-/tmp}/promoter-corpus-failures.txt" "${filters[@]}"

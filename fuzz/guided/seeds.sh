#!/usr/bin/env bash
# seeds.sh DIR: writes what the fuzz targets start from, made of the cases of testdata/, to DIR/yaml and DIR/kustomization.
set -euo pipefail
export LC_ALL=C
testdata="$(cd "$(dirname "$0")/../../testdata" && pwd)"
mkdir -p "$1/yaml" "$1/kustomization"
cd "$1"

# Every text of testdata that is no expected output, under a name that its content gives.
find "$testdata" -type f \( -name '*.yaml' -o -name '*.json' \) ! -name 'expected.yaml' ! -name '*.out.yaml' -size -32k -print0 |
  while IFS= read -r -d '' file; do
    name="$(sha256sum <"$file")"
    cp "$file" "yaml/${name:0:16}"
  done

# Every tree as an archive: `-- path --` before a file, `-- path -> target --` for a link.
for input in "$testdata"/kustomize/*/input "$testdata"/kustomize-patch/*/input; do
  case="${input%/input}"
  (
    cd "$input"
    find . -type f -printf '%P\n' | sort | while IFS= read -r path; do
      printf -- '-- %s --\n' "$path"
      sed -e '$a\' "$path"
    done
    find . -type l -printf '-- %P -> %l --\n'
  ) >"kustomization/$(basename "$(dirname "$case")")-${case##*/}"
done

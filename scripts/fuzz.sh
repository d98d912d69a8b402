#!/usr/bin/env bash
# fuzz.sh MINUTES TARGET…: runs the coverage-guided fuzz targets of fuzz/guided, each for so many minutes.
# What they learn stays below the target directory; an input that makes a target fail lies in `findings` there.
set -euo pipefail
minutes="$1"
shift
cd "$(dirname "$0")/../fuzz/guided"
tools="${PROMOTER_TOOLS:-$HOME/.cache/promoter-tools}/cargo-fuzz-0.13.1"
target="${CARGO_TARGET_DIR:-$PWD/../../target}/fuzz"
if [ ! -x "$tools/bin/cargo-fuzz" ]; then
  printf 'fuzz: installing cargo-fuzz\n' >&2
  cargo install cargo-fuzz --version 0.13.1 --locked --quiet --root "$tools"
fi
export PATH="$tools/bin:$PATH"
mkdir -p "$target"
./seeds.sh "$target/seeds"
for name in "$@"; do
  corpus="$target/corpus/$name"
  findings="$target/findings/$name"
  mkdir -p "$corpus" "$findings"
  # Memory and time are those of a slow machine with the address sanitizer, and far from what an input should need.
  cargo fuzz run --fuzz-dir . --target-dir "$target" "$name" "$corpus" "$target/seeds/$name" -- \
    -max_total_time=$((minutes * 60)) -timeout=30 -rss_limit_mb=4096 -malloc_limit_mb=1024 -max_len=16384 \
    -dict=kustomize.dict -artifact_prefix="$findings/" -print_final_stats=1
done

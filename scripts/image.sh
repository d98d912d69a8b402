#!/usr/bin/env bash
# image.sh STORE BINARIES TARGET…: builds stages of the Dockerfile without Docker and without pulling anything: the programs come from
# BINARIES (target/release) in place of the stage `build`, helm from $PROMOTER_TOOLS in place of the stage `helm`.
# The images are localhost/promoter:TARGET in STORE, a directory of buildah's. Prints what each takes unpacked, and with PACK=1 also packed,
# as it is pulled.
set -euo pipefail
store="$1" binaries="$(realpath "$2")"
shift 2
cd "$(dirname "$0")/.."
tools="${PROMOTER_TOOLS:-$HOME/.cache/promoter-tools}"
mkdir -p "$store"
store="$(realpath "$store")"
buildah() { command buildah --root "$store/root" --runroot "$store/run" --storage-driver vfs "$@"; }

scripts/rootfs.sh "$store/build/rootfs" "$binaries"
mkdir -p "$store/helm/rootfs/usr/bin"
if [ -x "$tools/helm-v4.2.4/helm" ]; then
  # The Dockerfile links without symbols, which is what strip leaves.
  strip --strip-all -o "$store/helm/rootfs/usr/bin/helm" "$tools/helm-v4.2.4/helm"
fi
# Docker ignores what .dockerignore says; here nothing of the source is needed.
mkdir -p "$store/context"
for target in "$@"; do
  buildah bud --quiet --isolation chroot --format oci --file Dockerfile --target "$target" \
    --build-context "build=$store/build" --build-context "helm=$store/helm" \
    --tag "localhost/promoter:$target" "$store/context" >/dev/null
  container="$(buildah from --pull-never --name "measured-$target" "localhost/promoter:$target")"
  root="$(buildah mount "$container")"
  size() { awk -v bytes="$1" 'BEGIN { printf "%.1f MB", bytes / 1e6 }'; }
  line="image $target: $(size "$(du -sb "$root" | cut -f1)") unpacked"
  if [ "${PACK:-0}" = 1 ]; then
    line+=", $(size "$(tar -C "$root" -c . | gzip -6 | wc -c)") packed"
  fi
  buildah rm "$container" >/dev/null
  printf '%s\n' "$line"
done

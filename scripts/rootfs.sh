#!/usr/bin/env bash
# rootfs.sh DEST BINARIES: lays the root file systems of the images (Dockerfile) below DEST from the programs in BINARIES:
# `system/` what all have, `plugin/` and `controller/` the programs, stripped.
set -euo pipefail
dest="$1" binaries="$2"
programs=(promoter-plugin promoter-controller promoter)

for program in "${programs[@]}"; do
  case "$program" in
    promoter-plugin) folder=plugin ;;
    *) folder=controller ;;
  esac
  install -D -m 755 "$binaries/$program" "$dest/$folder/usr/bin/$program"
  strip --strip-all "$dest/$folder/usr/bin/$program"
done

system="$dest/system"
mkdir -p "$system"
# The loader and the libraries that the programs are linked with, where the loader looks for them.
for program in "${programs[@]}"; do
  ldd "$binaries/$program" | grep -oE '/[^[:space:]]+'
done | sort -u | while read -r library; do
  [ -e "$system$library" ] || install -D -m 755 "$(readlink -f "$library")" "$system$library"
done
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$system/etc/ssl/certs/ca-certificates.crt"
# Names for the user that images run as: ssh and git ask for it.
printf 'root:x:0:0::/:/usr/bin/false\npromoter:x:999:999::/home/promoter:/usr/bin/false\n' >"$system/etc/passwd"
printf 'root:x:0:\npromoter:x:999:\n' >"$system/etc/group"
install -d -m 755 -o 999 -g 999 "$system/home/promoter" 2>/dev/null || install -d -m 755 "$system/home/promoter"
install -d -m 1777 "$system/tmp"

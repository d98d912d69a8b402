#!/usr/bin/env bash
# Installs what the tests need besides Rust, each once and by version, below $PROMOTER_TOOLS.
# Uses apt-get where it is root, and `go` with the Go module proxy.
set -euo pipefail
tools="${PROMOTER_TOOLS:-$HOME/.cache/promoter-tools}"
mkdir -p "$tools"

say() { printf 'tools: %s\n' "$*" >&2; }

# Debian packages by the command each brings.
missing=()
need() { command -v "$1" >/dev/null 2>&1 || [ -x "$1" ] || missing+=("$2"); }
need git git
need make make
need cc gcc
need python3 python3
need ssh-keygen openssh-client
need gpg gnupg
need /usr/sbin/sshd openssh-server
need tinyproxy tinyproxy-bin
need etcd etcd-server
need docker-registry docker-registry
need buildah buildah
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing ${missing[*]}"
    # The tests start their own servers; those of the packages stay off.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
      trap 'rm -f /usr/sbin/policy-rc.d' EXIT
      printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
      chmod +x /usr/sbin/policy-rc.d
    fi
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
  else
    say "missing: ${missing[*]} (install them, or run as root with apt-get)"
  fi
fi

if ! command -v go >/dev/null; then
  say "no go: the tests that need kustomize, helm and grpc-go will be skipped and say so"
  exit 0
fi

# go_tool NAME VERSION PACKAGE: $tools/NAME-VERSION/NAME
go_tool() {
  local dir="$tools/$1-$2"
  [ -x "$dir/$1" ] && return
  say "installing $1 $2"
  GOBIN="$dir" GOFLAGS= go install "$3@$2"
}
go_tool kustomize v5.8.1 sigs.k8s.io/kustomize/kustomize/v5
go_tool helm v4.2.4 helm.sh/helm/v4/cmd/helm
# The registry that pages; Debian's lists all tags at once.
go_tool registry v3.1.1 github.com/distribution/distribution/v3/cmd/registry
# A Kubernetes API for custom resources, with etcd behind it. It takes a few minutes, once.
go_tool apiextensions-apiserver v0.36.1 k8s.io/apiextensions-apiserver

# go_module PATH VERSION: the directory of a Go module's sources
go_module() {
  go mod download -json "$1@$2" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])'
}

# Argo CD's own description of an Application: $tools/argo-cd-crds-VERSION/application-crd.yaml
# and the kustomizations that install it: $tools/argo-cd-manifests-VERSION/
argo_cd=v3.5.7
if [ ! -f "$tools/argo-cd-crds-$argo_cd/application-crd.yaml" ] || [ ! -d "$tools/argo-cd-manifests-$argo_cd" ]; then
  say "fetching the CRDs and manifests of Argo CD $argo_cd"
  module="$(go_module github.com/argoproj/argo-cd/v3 "$argo_cd")"
  install -D -m 644 "$module/manifests/crds/application-crd.yaml" "$tools/argo-cd-crds-$argo_cd/application-crd.yaml"
  rm -rf "${tools:?}/argo-cd-manifests-$argo_cd.part"
  for part in base cluster-install cluster-rbac core-install crds ha/base ha/cluster-install ha/namespace-install namespace-install; do
    (cd "$module/manifests" && find "$part" -type f -exec install -D -m 644 {} "$tools/argo-cd-manifests-$argo_cd.part/{}" \;)
  done
  rm -rf "${tools:?}/argo-cd-manifests-$argo_cd"
  mv "$tools/argo-cd-manifests-$argo_cd.part" "$tools/argo-cd-manifests-$argo_cd"
fi

# What Kubernetes takes, by its own description: $tools/kubernetes-openapi-VERSION/swagger.json
kubernetes=v1.35.0
if [ ! -f "$tools/kubernetes-openapi-$kubernetes/swagger.json" ]; then
  say "fetching the OpenAPI description of Kubernetes $kubernetes"
  module="$(go_module k8s.io/kubernetes "$kubernetes")"
  install -D -m 644 "$module/api/openapi-spec/swagger.json" "$tools/kubernetes-openapi-$kubernetes/swagger.json"
fi
# The same for a ServiceMonitor: $tools/prometheus-operator-crds-VERSION/servicemonitors.yaml
prometheus_operator=v0.92.0
if [ ! -f "$tools/prometheus-operator-crds-$prometheus_operator/servicemonitors.yaml" ]; then
  say "fetching the CRD of a ServiceMonitor $prometheus_operator"
  module="$(go_module github.com/prometheus-operator/prometheus-operator "$prometheus_operator")"
  install -D -m 644 "$module/example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml" \
    "$tools/prometheus-operator-crds-$prometheus_operator/servicemonitors.yaml"
fi

# go_client NAME VERSION FOLDER: $tools/NAME-VERSION/NAME from the Go sources in a folder of testdata, built again when
# they are others.
go_client() {
  local dir="$tools/$1${2:+-$2}" sources
  sources="$(cd "$root/testdata/$3" && sha256sum -- *)"
  [ -x "$dir/$1" ] && [ "$(cat "$dir/sources" 2>/dev/null)" = "$sources" ] && return
  say "building $1 ${2:-}"
  mkdir -p "$dir"
  (cd "$root/testdata/$3" && GOFLAGS= go build -ldflags '-s -w' -o "$dir/$1" .)
  printf '%s\n' "$sources" >"$dir/sources"
}
root="$(cd "$(dirname "$0")/.." && pwd)"
# What the plugin's tests ask with, and what hydrated branches are held against. The second takes a few minutes, once.
go_client grpc-go-client '' cmp/grpc-go-client
go_client go-yaml-client '' hydrated/go-yaml-client
go_client argo-cd-client v3.5.7 hydrated/argo-cd-client
# What ranges of versions are held against.
go_client masterminds-client v3.5.0 range/masterminds-client

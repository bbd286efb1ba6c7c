#!/usr/bin/env bash
# Builds the gateway's Caddy, in the version that docker-compose.yml names, from its Go module, because the versions that
# package registries have ready are older:
#
#   bash infra/install-caddy.sh <directory>      needs go; does nothing when the directory has that version already
set -euo pipefail
mkdir -p "$1"
directory=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

version=$(sed -n 's/.*image: caddy:\([0-9.]*\).*/\1/p' docker-compose.yml)
[ -n "$version" ] || { echo 'docker-compose.yml names no version of Caddy.' >&2; exit 1; }
[ "$("$directory/caddy" version 2> /dev/null)" != "v$version" ] || exit 0
# Static, so that it runs in any image; Go tells a program that it builds no version of its own.
CGO_ENABLED=0 GOBIN=$directory go install -ldflags "-s -X github.com/caddyserver/caddy/v2.CustomVersion=v$version" \
  "github.com/caddyserver/caddy/v2/cmd/caddy@v$version"

#!/usr/bin/env bash
# Renews the instances of a role one after the other, as many as there are, and fails no request: a new one starts beside an
# old one, with the image and settings of now, and the old one ends when the new one is healthy.
#
#   bash infra/docker/roll.sh order-query order-processor order-api
#
# COMPOSE is the command (`docker compose`); COMPOSE_FILE and the other variables of Compose are heeded.
set -euo pipefail
cd "$(dirname "$0")/../.."
read -ra compose <<< "${COMPOSE:-docker compose}"
read -ra docker <<< "${DOCKER:-docker}"

for role in "$@"; do
  mapfile -t old < <("${compose[@]}" ps --quiet "$role")
  [ "${#old[@]}" -gt 0 ] || { echo "No instance of $role runs." >&2; exit 1; }
  for instance in "${old[@]}"; do
    "${compose[@]}" up --detach --wait --no-deps --no-build --no-recreate --scale "$role=$((${#old[@]} + 1))" "$role"
    # The gateway asks for addresses every second.
    sleep 2
    "${docker[@]}" stop "$instance" > /dev/null
    "${docker[@]}" rm --volumes "$instance" > /dev/null
  done
done

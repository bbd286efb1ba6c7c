#!/usr/bin/env bash
# Replaces a role's instances one after the other. Requests that are safe to retry never fail: a new instance starts
# alongside an old one, with the current image and settings, and the old one stops when the new one is healthy. If a new
# instance does not become healthy, its last log lines are shown and it is removed; the other instances keep running.
#
#   bash infra/docker/roll.sh order-query order-processor order-api
#
# COMPOSE is the command to use (`docker compose`). COMPOSE_FILE and Compose's other variables work as usual.
set -euo pipefail
cd "$(dirname "$0")/../.."
read -ra compose <<< "${COMPOSE:-docker compose}"
read -ra docker <<< "${DOCKER:-docker}"

# The role whose new instance is not healthy yet, and the instances that the role had before.
waiting='' before=''
remove_newcomer() {
  local instance
  [ -n "$waiting" ] || return 0
  for instance in $("${compose[@]}" ps --all --quiet "$waiting"); do
    if grep -qx "$instance" <<< "$before"; then continue; fi
    "${docker[@]}" logs --tail 20 "$instance" >&2 || :
    "${docker[@]}" stop "$instance" > /dev/null || :
    "${docker[@]}" rm --force --volumes "$instance" > /dev/null
    echo "The new instance of $waiting did not become healthy and is being removed; the old instances keep running." >&2
  done
}
trap remove_newcomer EXIT

for role in "$@"; do
  mapfile -t old < <("${compose[@]}" ps --quiet "$role")
  [ "${#old[@]}" -gt 0 ] || { echo "No instance of $role is running." >&2; exit 1; }
  for instance in "${old[@]}"; do
    before=$("${compose[@]}" ps --all --quiet "$role")
    waiting=$role
    "${compose[@]}" up --detach --wait --no-deps --no-build --no-recreate --scale "$role=$((${#old[@]} + 1))" "$role"
    waiting=''
    # The gateway resolves addresses every second.
    sleep 2
    "${docker[@]}" stop "$instance" > /dev/null
    "${docker[@]}" rm --volumes "$instance" > /dev/null
  done
done

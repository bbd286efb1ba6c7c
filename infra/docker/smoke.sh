#!/usr/bin/env bash
# Run this after `docker compose up --wait`. It places an order through the gateway; a second role stores the order, and
# a third one reads it back. Then it checks that the ledger accounts for the order. If anything fails, it prints the
# reason and exits with 1. ENV_FILE is the .env of the stack.
set -euo pipefail
cd "$(dirname "$0")/../.."

setting() { sed -n "s/^$1=//p" "${ENV_FILE:-.env}"; }
url="http://$(setting GATEWAY_ADDRESS):$(setting GATEWAY_PORT)"
key="x-functions-key: $(setting FUNCTIONS_KEY)"

fail() {
  echo "$1" >&2
  exit 1
}
status() { curl --silent --output /dev/null --write-out '%{http_code}' "$@"; }

placed=$(curl --fail-with-body --silent --show-error --dump-header - --output /dev/null \
  --header 'content-type: application/json' --header "x-functions-key: $(setting FUNCTIONS_KEY)" --data @order.json "$url/api/orders")
location=$(tr -d '\r' <<< "$placed" | sed -n 's/^location: //Ip')
[ -n "$location" ] || fail "The order was not accepted: $placed"

order=$(curl --fail-with-body --silent --show-error --header 'prefer: wait=30' --header "$key" "$url$location")
grep -q '"status":"stored"' <<< "$order" || fail "The order was not stored in time: $order"

# A chunked body has no Content-Length, so without the gateway the runtime would drop it.
chunked=$(status --request POST --header 'transfer-encoding: chunked' --header 'content-type: application/json' \
  --header "$key" --data @order.json "$url/api/orders")
[ "$chunked" = 202 ] || fail "An order sent in chunks was answered with $chunked."

[ "$(status "$url/api/ops/ledger")" = 401 ] || fail 'The ledger was shown without a key.'
[ "$(status --header "$key" "$url/admin/host/status")" = 404 ] || fail "The runtime's own /admin can be reached."

for _ in $(seq 30); do
  ledger=$(curl --fail-with-body --silent --show-error --header "$key" "$url/api/ops/ledger")
  grep -q '"balanced":true' <<< "$ledger" && echo "$ledger" && exit 0
  sleep 1
done
fail "The ledger does not balance: $ledger"

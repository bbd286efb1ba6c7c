#!/usr/bin/env bash
# Holds the product against its own OpenAPI document: starts it on a free port and an empty DATA_DIR and lets
# Schemathesis (pip install schemathesis) ask it what the document says and what it does not.
# Exits non-zero when document and answers disagree. SECONDS_TO_RUN bounds it; arguments go to `schemathesis run`.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/node_modules/.bin:$PATH"

command -v schemathesis > /dev/null || { echo 'schemathesis is not there: pip install schemathesis' >&2; exit 2; }

work=$(mktemp -d)
here="$PWD/tests/property"
export DATA_DIR="$work/data" PORT=0 FUNCTIONS_KEY=only-for-this-run-of-tests LOG_LEVEL=error
unset KAFKA_BROKERS SQL_CONNECTION_STRING ORDERS_AUTH FAULTS

node --import ./infra/host/node-version.js infra/host/start.ts > "$work/log" 2>&1 &
product=$!
stop() {
  kill "$product" 2> /dev/null || true
  wait "$product" 2> /dev/null || true
  rm -rf "$work"
}
trap stop EXIT

url=
for _ in $(seq 100); do
  url=$(grep -om1 'http://127\.0\.0\.1:[0-9]*' "$work/log" || true)
  [ -n "$url" ] && break
  kill -0 "$product" 2> /dev/null || { cat "$work/log" >&2; exit 2; }
  sleep 0.1
done
[ -n "$url" ] || { echo 'The product did not start in 10 s.' >&2; cat "$work/log" >&2; exit 2; }

cd "$work" # where Schemathesis leaves its files
status=0
SCHEMATHESIS_HOOKS=hooks PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 \
  schemathesis --config-file "$here/schemathesis.toml" run "$url/api/openapi.json" \
  --header "x-functions-key: $FUNCTIONS_KEY" \
  --checks all --continue-on-failure --suppress-health-check all --request-timeout 35 \
  --max-examples 50 --max-time "${SECONDS_TO_RUN:-60}" --workers 1 "$@" || status=$?

# What Schemathesis does not see: an error that was logged though the answer looked well.
if grep -q '"level":"error"' "$work/log"; then
  echo 'The product logged errors:' >&2
  grep '"level":"error"' "$work/log" | head -5 >&2
  status=1
fi
exit "$status"

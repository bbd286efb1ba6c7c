#!/usr/bin/env bash
# Tests the product against its own OpenAPI document: starts it on a free port with an empty DATA_DIR, and lets
# Schemathesis (pip install schemathesis) send requests that the document allows and requests that it does not.
# Exits non-zero if the document and the responses disagree. SECONDS_TO_RUN limits the run; arguments go to
# `schemathesis run`.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/node_modules/.bin:$PATH"

command -v schemathesis > /dev/null || { echo 'schemathesis is not installed: pip install schemathesis' >&2; exit 2; }

work=$(mktemp -d)
here="$PWD/tests/property"
# shellcheck source=tests/support/product/start-product.sh
. tests/support/product/start-product.sh
clean_up() {
  stop_product
  rm -rf "$work"
}
trap clean_up EXIT

unset FAULTS
start_product "$work" || exit 2

cd "$work" # where Schemathesis leaves its files
status=0
SCHEMATHESIS_HOOKS=hooks PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 \
  schemathesis --config-file "$here/schemathesis.toml" run "$url/api/openapi.json" \
  --header "x-functions-key: $FUNCTIONS_KEY" \
  --checks all --continue-on-failure --suppress-health-check all --request-timeout 35 \
  --max-examples 50 --max-time "${SECONDS_TO_RUN:-60}" --workers 1 "$@" || status=$?

# Schemathesis does not see the errors that the product logs, so they are checked here.
no_errors "$work" || status=1
exit "$status"

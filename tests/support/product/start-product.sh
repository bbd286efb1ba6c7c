# shellcheck shell=bash
# For scripts that run other tools against the product. Source it from the root of the repository.

# start_product DIRECTORY: starts the product as `npm start` does, on a free port, with an empty DATA_DIR in the directory
# and the exported settings. Sets `url` to its address and `product` to its pid; its output goes to DIRECTORY/log.
start_product() {
  export DATA_DIR="$1/data" PORT=0 FUNCTIONS_KEY=only-for-this-run-of-tests LOG_LEVEL=error
  unset KAFKA_BROKERS SQL_CONNECTION_STRING ORDERS_AUTH
  node --import ./infra/host/preload.js infra/host/start.ts > "$1/log" 2>&1 &
  product=$!
  url=
  for _ in $(seq 600); do
    url=$(grep -om1 'http://127\.0\.0\.1:[0-9]*' "$1/log" || true)
    [ -z "$url" ] || return 0
    kill -0 "$product" 2> /dev/null || break
    sleep 0.1
  done
  echo 'The product did not start in a minute.' >&2
  cat "$1/log" >&2
  return 1
}

# Stops the product, if it was started.
stop_product() {
  [ -n "${product:-}" ] || return 0
  kill "$product" 2> /dev/null || true
  wait "$product" 2> /dev/null || true
}

# no_errors DIRECTORY: fails if the product logged an error, even if its responses were correct. Dead-lettered records
# do not count, because scripts cause them on purpose.
no_errors() {
  grep '"level":"error"' "$1/log" | grep -v '"event":"delivery:dead-lettered"' > "$1/errors" || return 0
  echo 'The product logged errors:' >&2
  head -5 "$1/errors" >&2
  return 1
}

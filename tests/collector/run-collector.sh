#!/usr/bin/env bash
# Sends an order's trace to the real OpenTelemetry Collector, which is built from its packages, and checks the resource,
# tracestate and attributes as the collector reads them. Prints one line for each check; exits non-zero if one fails.
#
#   bash tests/collector/run-collector.sh      needs Go 1.26 or later
#
# CI does not run this, because building the collector takes two minutes of CPU time. Instead,
# tests/integration/host/tracing.test.ts checks the product's exports against the protocol.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
export PATH="$PWD/node_modules/.bin:$PATH"

work=$(mktemp -d)
failed=0
collector=
# shellcheck source=tests/support/product/start-product.sh
. tests/support/product/start-product.sh
clean_up() {
  stop_product
  [ -z "$collector" ] || kill "$collector" 2> /dev/null
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

cp tests/collector/main.go tests/collector/go.* "$work"
(cd "$work" && go build -gcflags='all=-N -l' -ldflags='-s -w' -o collector .) || exit 1

port=$(node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
"$work/collector" "
receivers: { otlp: { protocols: { http: { endpoint: '127.0.0.1:$port' } } } }
exporters: { debug: { verbosity: detailed } }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { traces: { receivers: [otlp], exporters: [debug] } }
" > "$work/seen" 2>&1 &
collector=$!
for _ in $(seq 100); do
  grep -q 'Everything is ready' "$work/seen" && break
  sleep 0.1
done

export OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:$port/v1/traces" OTEL_BSP_SCHEDULE_DELAY=100
export OTEL_RESOURCE_ATTRIBUTES=service.name=shop-orders,deployment.environment.name=staging
start_product "$work" || exit 1
curl --fail --silent --show-error --output /dev/null --header 'content-type: application/json' --header 'prefer: wait=30' \
  --header 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' --header 'tracestate: rojo=00f067aa0ba902b7' \
  --data @order.json "$url/api/orders" || exit 1
# The product exports its last spans when it exits.
stop_product
sleep 1

# seen NAME COUNT PATTERN: checks that at least COUNT lines of the collector's output match the pattern.
seen() {
  local count
  count=$(grep -cE -e "$3" "$work/seen")
  if [ "$count" -ge "$2" ]; then
    echo "ok: $1"
  else
    failed=1
    echo "failed: $1 ($count instead of $2)"
  fi
}
seen 'the resource has the service name that it was given' 1 'service\.name: Str\(shop-orders\)'
seen 'the resource has its other given attributes' 1 'deployment\.environment\.name: Str\(staging\)'
seen 'request, publishing and processing are one trace' 3 '^ +Trace ID +: 4bf92f3577b34da6a3ce929d0e0e4736'
seen 'each has the tracestate of the caller' 3 '^ +TraceState +: rojo=00f067aa0ba902b7'
seen 'the request has its scheme' 1 'url\.scheme: Str\(http\)'
seen 'the batch has a link to the order' 1 '-> Trace ID: 4bf92f3577b34da6a3ce929d0e0e4736'
exit "$failed"

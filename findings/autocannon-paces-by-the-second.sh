#!/usr/bin/env bash
# Guess: autocannon with overallRate 50 on 50 connections sends a request every 20 ms, and its correction for
# coordinated omission adds the requests that a late response delayed, at the requested rate.
# Seen: autocannon 9.0.0 sends all 50 at the start of each second, so a server that pauses between two bursts goes
# unnoticed. Its correction assumes an interval of one millisecond at any rate: a response after one second at 1
# request/s counts as about a thousand latencies.
# Source: lib/httpClient.js, rateInterval; lib/run.js, recordValueWithExpectedInterval(responseTime, Math.ceil(1 / rate)).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund autocannon@9.0.0
cat > look.cjs << 'JS'
const http = require('node:http')
const autocannon = require('autocannon')

/** The requests that a server saw, and the latencies that autocannon counted. */
async function run(options, answerAfterMs) {
  const arrivals = []
  const server = http.createServer((request, response) => {
    arrivals.push(performance.now())
    setTimeout(() => response.end(), answerAfterMs(arrivals.length))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const result = await autocannon({ url: `http://127.0.0.1:${server.address().port}`, ...options })
  server.closeAllConnections()
  server.close()
  return { arrivals, result }
}

async function main() {
  const even = await run({ connections: 50, overallRate: 50, duration: 4 }, () => 0)
  const waits = even.arrivals.slice(1).map((at, index) => at - even.arrivals[index])
  console.log(`50 a second: three times none for more than half a second: ${waits.filter((ms) => ms > 500).length >= 3}`)
  const slow = await run({ connections: 1, connectionRate: 1, duration: 4 }, (request) => (request === 2 ? 1000 : 0))
  const { requests, latency } = slow.result
  console.log(`one late answer: at most 5 requests: ${requests.total <= 5}, more than 900 latencies: ${latency.totalCount > 900}`)
}
main()
JS
node look.cjs | tee seen
diff - seen << 'SEEN'
50 a second: three times none for more than half a second: true
one late answer: at most 5 requests: true, more than 900 latencies: true
SEEN

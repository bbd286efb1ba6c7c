#!/usr/bin/env bash
# Guess: a V8 flag such as --expose-gc has only the effect that its name says, and Node starts as fast as before.
# Seen with Node 24.21.0: Node compiles its built-in modules at each start, although its binary contains their code
# cache. V8 refuses a code cache that was created with other flags, and most flags count, but not those that size the
# heap. `v8.setFlagsFromString` has the same effect on modules that are loaded later; some of node:http's are loaded
# before any script runs. In a program that uses node:http and SQLite in three threads, the start takes 25 to 45 ms
# longer. Source: V8's src/flags/flags.cc, FlagList::Hash; Node's src/node_builtins.cc.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node@24.21.0
cat > usage.cjs << 'JS'
const { internalBinding } = require('internal/test/binding')
if (process.argv[2]) require('node:v8').setFlagsFromString(process.argv[2])
require('node:http')
const { compiledWithCache, compiledWithoutCache } = internalBinding('builtins').getCacheUsage()
/** How many of the modules that node:http loads are among them. */
const count = (names) => [...names].filter((name) => /^_?http|^net$|^internal\/(streams|dns)/.test(name)).length
console.log(`${count(compiledWithCache)} with the cache, ${count(compiledWithoutCache)} without`)
JS
node() { node_modules/.bin/node --expose-internals --no-warnings "$@"; }
{
  for flag in --no-warnings --max-semi-space-size=16 --max-old-space-size=320 --stack-size=900 --expose-gc --no-opt; do
    echo "$flag: $(node "$flag" usage.cjs)"
  done
  echo "setFlagsFromString: $(node usage.cjs --no-opt)"
} | tee seen
diff - seen << 'SEEN'
--no-warnings: 23 with the cache, 0 without
--max-semi-space-size=16: 23 with the cache, 0 without
--max-old-space-size=320: 23 with the cache, 0 without
--stack-size=900: 0 with the cache, 23 without
--expose-gc: 0 with the cache, 23 without
--no-opt: 0 with the cache, 23 without
setFlagsFromString: 15 with the cache, 8 without
SEEN

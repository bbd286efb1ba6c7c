#!/usr/bin/env bash
# Guess: `import { createServer } from 'node:http'` loads what `require('node:http')` loads.
# Seen with Node 24.21.0: the import also loads undici, the implementation of fetch, and through it http2 and tls, which
# takes about 35 ms and 14 MB. An ES module's view of a built-in module reads every member when it is created, even if
# the import names only one of them, and `http.WebSocket` is a getter that loads undici. `require` and
# `process.getBuiltinModule` read no member. Source: lib/internal/bootstrap/realm.js, syncExports; lib/http.js,
# lazyUndici.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node@24.21.0
cat > loaded.cjs << 'JS'
module.exports = () =>
  ['http', 'internal/deps/undici/undici', 'http2', 'tls'].filter((name) =>
    process.moduleLoadList.includes(`NativeModule ${name}`),
  )
JS
cat > import.mjs << 'JS'
import { createServer } from 'node:http'
import loaded from './loaded.cjs'
console.log(`import: ${typeof createServer}, ${loaded()}`)
JS
cat > builtin.mjs << 'JS'
import loaded from './loaded.cjs'
const { createServer } = process.getBuiltinModule('node:http')
console.log(`getBuiltinModule: ${typeof createServer}, ${loaded()}`)
JS
cat > require.cjs << 'JS'
const { createServer } = require('node:http')
console.log(`require: ${typeof createServer}, ${require('./loaded.cjs')()}`)
JS
for script in import.mjs builtin.mjs require.cjs; do node_modules/.bin/node "$script"; done | tee seen
diff - seen << 'SEEN'
import: function, http,internal/deps/undici/undici,http2,tls
getBuiltinModule: function, http
require: function, http
SEEN

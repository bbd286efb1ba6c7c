#!/usr/bin/env bash
# Guess: a value that was deleted from a Map is garbage, and the next minor collection frees it.
# Seen with Node 24.21.0 (V8 13.6): if a Map keeps losing and gaining entries, most of the deleted values are moved to
# the old generation, and are freed only when that is collected. In the run below, no value is needed for more than one
# minor collection, but with the Map most are promoted. With an array of slots that are overwritten, none is. A Map
# replaces its table after a number of insertions and deletions. A table that was in the Map for two minor collections,
# for example while the process was idle, is in the old generation, and V8 then allocates every replacement there too.
# Each replaced table stays there until a major collection, with the entries that it had, and refers to the next one, so
# that iterators in progress can continue in that. Source: V8's src/objects/ordered-hash-table.cc,
# OrderedHashTable::Rehash and SetNextTable.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node@24.21.0
cat > churn.mjs << 'JS'
import { getHeapSpaceStatistics } from 'node:v8'

const LIVE = 50
const ROUNDS = 20
const NEW_PER_ROUND = 100
const inMap = new Map()
const inSlots = Array.from({ length: LIVE }, () => undefined)
const holders = {
  Map(key, value) {
    inMap.set(key, value)
    inMap.delete(key - LIVE)
  },
  slots(key, value) {
    inSlots[key % LIVE] = value
  },
}

function oldBytes() {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space').space_used_size
}

/** The part of the values' bytes that was promoted, in percent. */
function promoted(hold) {
  let key = 0
  const fill = (count) => {
    for (const end = key + count; key < end; key += 1) hold(key, Array.from({ length: 1000 }, () => key))
  }
  fill(LIVE)
  for (let idle = 0; idle < 3; idle += 1) gc({ type: 'minor' })
  const before = oldBytes()
  for (let round = 0; round < ROUNDS; round += 1) {
    fill(NEW_PER_ROUND)
    gc({ type: 'minor' })
  }
  return (100 * (oldBytes() - before)) / (ROUNDS * NEW_PER_ROUND * 8000)
}

for (const [name, hold] of Object.entries(holders)) {
  gc()
  const percent = promoted(hold)
  console.log(`${name}: ${percent > 50 ? 'most' : percent < 5 ? 'none' : `${percent} %`} of the values are promoted`)
}
JS
node_modules/.bin/node --expose-gc --max-semi-space-size=16 churn.mjs | tee seen
diff - seen << 'SEEN'
Map: most of the values are promoted
slots: none of the values are promoted
SEEN

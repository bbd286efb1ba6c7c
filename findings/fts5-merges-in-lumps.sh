#!/usr/bin/env bash
# Guess: FTS5 merges its index incrementally: with `automerge`, every transaction merges a little, so a transaction that
# adds a single row never writes much more than the others. If an application runs the command `merge` in every
# transaction, a high `automerge` finds nothing to do.
# Seen with node:sqlite of Node 24.21.0 (SQLite 3.53.4): half of the transactions that add one row write at most 6
# pages, but one writes 379. FTS5 counts the pages that it adds. It merges only after every 64 of them, and then merges
# 64 pages for each level of the index at once. So the large transactions are a multiple of 64 transactions apart, and
# they grow with the index. With `merge` in every transaction and `automerge` at its maximum, one transaction still
# writes 487 pages, because `automerge` continues a merge that `merge` has begun, no matter how few segments there are.
# Only `automerge` 0 prevents this.
# Source: fts5_index.c, fts5IndexAutomerge (FTS5_WORK_UNIT) and fts5IndexMerge (nMerge).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node@24.21.0
cat > look.mjs << 'JS'
import { rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

const ROWS = 16_000
const set = (name, value) => `INSERT INTO found (found, rank) VALUES ('${name}', ${value})`

/** How many pages are written by transactions that each add one row of twenty new words. */
function look(name, automerge, merge) {
  rmSync('look.db', { force: true })
  const db = new DatabaseSync('look.db')
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0')
  db.exec(`CREATE VIRTUAL TABLE found USING fts5(words, content = '', columnsize = 0, detail = none, prefix = '1 2 3 4')`)
  db.exec(set('automerge', automerge))
  const add = db.prepare('INSERT INTO found (rowid, words) VALUES (?, ?)')
  const wal = db.prepare('PRAGMA wal_checkpoint(NOOP)')
  const written = []
  for (let row = 1; row <= ROWS; row += 1) {
    const before = wal.get().log
    db.exec('BEGIN')
    add.run(row, Array.from({ length: 20 }, (_, n) => ((row * 20 + n) * 7919).toString(36)).join(' '))
    if (merge > 0) db.exec(set('merge', merge))
    db.exec('COMMIT')
    written.push(wal.get().log - before)
  }
  db.close()
  const large = written.flatMap((pages, row) => (pages > 100 ? [row] : []))
  const apart = large.slice(1).map((row, index) => row - large[index])
  const isMultiple = apart.length === 0 ? '' : apart.every((rows) => rows % 64 === 0) ? ', a multiple of 64 apart' : ', anywhere'
  const pages = written.toSorted((a, b) => a - b)
  console.log(`${name}: half write at most ${pages[ROWS / 2]} pages, one ${pages.at(-1)}; ${large.length} write more than 100${isMultiple}`)
}

look('automerge 4, the default', 4, 0)
look('automerge 16, and merge 8 in every transaction', 16, 8)
look('automerge 0, and merge 8 in every transaction', 0, 8)
JS
node_modules/.bin/node look.mjs | tee seen
diff - seen << 'SEEN'
automerge 4, the default: half write at most 6 pages, one 379; 15 write more than 100, a multiple of 64 apart
automerge 16, and merge 8 in every transaction: half write at most 6 pages, one 487; 1 write more than 100
automerge 0, and merge 8 in every transaction: half write at most 6 pages, one 48; 0 write more than 100
SEEN

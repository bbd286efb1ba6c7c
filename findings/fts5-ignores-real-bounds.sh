#!/usr/bin/env bash
# Guess: FTS5 uses a bound on the rowid of a full-text table whatever numeric type the driver binds, as SQLite does on
# an ordinary table, so a page of a long result costs the same wherever it is.
# Seen with node:sqlite of Node 24.11.1: it binds every JavaScript number as a REAL, and FTS5 uses a bound only if it is an
# INTEGER. The rows are correct, but FTS5 returns all matches from the newest one on and SQLite drops those beyond
# the bound. A BigInt, or CAST(? AS INTEGER), makes it a seek. An ordinary table seeks with either.
# Source: fts5_main.c, fts5GetRowidLimit.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node@24.11.1
cat > look.mjs << 'JS'
import { DatabaseSync } from 'node:sqlite'

const ROWS = 300_000
const db = new DatabaseSync(':memory:')
db.exec(`
  CREATE VIRTUAL TABLE found USING fts5(words);
  CREATE TABLE plain (id INTEGER PRIMARY KEY, words TEXT);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS}) INSERT INTO plain SELECT i, 'order' FROM n;
  INSERT INTO found (rowid, words) SELECT id, words FROM plain;
`)
const page = {
  fts5: db.prepare("SELECT rowid AS id FROM found WHERE found MATCH 'order' AND rowid < ? ORDER BY rowid DESC LIMIT 10"),
  'fts5 with CAST': db.prepare(
    "SELECT rowid AS id FROM found WHERE found MATCH 'order' AND rowid < CAST(? AS INTEGER) ORDER BY rowid DESC LIMIT 10",
  ),
  'ordinary table': db.prepare('SELECT id FROM plain WHERE id < ? ORDER BY id DESC LIMIT 10'),
}

/** The median of eleven, in ms. */
function cost(statement, bound) {
  const times = Array.from({ length: 11 }, () => {
    const begun = performance.now()
    statement.all(bound)
    return performance.now() - begun
  })
  return times.sort((a, b) => a - b)[5]
}

for (const [name, statement] of Object.entries(page)) {
  const isSame = JSON.stringify(statement.all(20)) === JSON.stringify(statement.all(20n))
  const ratio = cost(statement, 20) / cost(statement, 20n)
  console.log(`${name}: ${isSame ? 'the same rows' : 'other rows'}, a number costs ${ratio > 20 ? 'over 20 times' : 'about'} what a BigInt does`)
}
JS
node_modules/.bin/node look.mjs | tee seen
diff - seen << 'SEEN'
fts5: the same rows, a number costs over 20 times what a BigInt does
fts5 with CAST: the same rows, a number costs about what a BigInt does
ordinary table: the same rows, a number costs about what a BigInt does
SEEN

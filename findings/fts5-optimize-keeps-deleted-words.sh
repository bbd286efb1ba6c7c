#!/usr/bin/env bash
# Guess: after FTS5's command `optimize`, which merges an index into one segment, no word of a deleted row is left in
# the file, because a merge into the oldest segment drops the marks of deleted words together with the words.
# Seen with node:sqlite of Node 24.11.1, in a contentless index whose rows are deleted by the command `delete`: this is
# true as long as the index only grows. If the index once had more segments, its structure keeps the higher levels even
# though they are empty. New segments are small, so FTS5 moves them all to one level. `optimize` then merges this level
# into the next one, which is not the highest, so the words of deleted rows are written again, each with a mark. A
# second `optimize` finds one segment and does nothing. No query finds the words, and VACUUM keeps them. The command
# `delete-all` removes them.
# Source: fts5_index.c, fts5IndexOptimizeStruct, fts5StructurePromote and fts5IndexMergeLevel (bOldest).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node@24.11.1
cat > look.mjs << 'JS'
import { DatabaseSync } from 'node:sqlite'

/** How many of five deleted words are in the index's segments after `optimize`, run twice. */
function leftIn(name, earlierRows) {
  const db = new DatabaseSync(':memory:')
  db.exec(`CREATE VIRTUAL TABLE found USING fts5(words, content = '', columnsize = 0, detail = none, prefix = '1 2 3 4')`)
  const add = db.prepare('INSERT INTO found (rowid, words) VALUES (?, ?)')
  const remove = db.prepare("INSERT INTO found (found, rowid, words) VALUES ('delete', ?, ?)")
  for (const statement of [add, remove]) {
    for (let row = 1; row <= earlierRows; row += 1) statement.run(row, `word${row} other${(row * 7919) % 1000} more${row * 31}`)
  }
  const words = ['quince', 'medlar', 'sorbus', 'damson', 'bullace']
  for (const [index, word] of words.entries()) add.run(1000 + index, word)
  add.run(2000, 'apple')
  for (const [index, word] of words.entries()) remove.run(1000 + index, word)
  for (let times = 0; times < 2; times += 1) db.exec("INSERT INTO found (found) VALUES ('optimize')")

  const blocks = db.prepare('SELECT block FROM found_data')
  const text = blocks.all().map(({ block }) => Buffer.from(block).toString('latin1')).join()
  // A word may be shortened by the letters that it shares with the word before it.
  const left = words.filter((word) => text.includes(word.slice(1))).length
  const matches = db.prepare('SELECT count(*) AS matches FROM found WHERE found MATCH ?').get(words.join(' OR ')).matches
  console.log(`${name}: ${left} of 5 deleted words are left, ${matches} rows match them`)
}

leftIn('an index that only grew', 0)
leftIn('an index that had 300 rows before', 300)
JS
node_modules/.bin/node look.mjs | tee seen
diff - seen << 'SEEN'
an index that only grew: 0 of 5 deleted words are left, 0 rows match them
an index that had 300 rows before: 5 of 5 deleted words are left, 0 rows match them
SEEN

import type { DatabaseSync } from 'node:sqlite'

/** Replaces the words of an order in the full-text index: `before` and `after` are texts as `searchableText` makes them. */
export type Reword = (seq: number, before: string, after: string) => void

/**
 * The index keeps no texts (content = ''), so a delete has to name the words along with the row's id
 * (https://www.sqlite.org/fts5.html#the_delete_command). Words that stay are not touched.
 */
export function prepareRewording(db: Pick<DatabaseSync, 'prepare'>, prefix = ''): Reword {
  const table = `${prefix}order_search`
  const remove = db.prepare(`INSERT INTO ${table} (${table}, rowid, words) VALUES ('delete', ?, ?)`)
  const add = db.prepare(`INSERT INTO ${table} (rowid, words) VALUES (?, ?)`)
  return (seq, before, after) => {
    const [gone, now] = [new Set(before.split(' ')), new Set(after.split(' '))]
    const removed = [...gone].filter((word) => !now.has(word))
    const added = [...now].filter((word) => !gone.has(word))
    if (removed.length === 0 && added.length === 0) return
    // Both statements run, so that the index still counts one row for the order.
    remove.run(seq, removed.join(' '))
    add.run(seq, added.join(' '))
  }
}

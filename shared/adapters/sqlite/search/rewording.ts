import type { DatabaseSync } from 'node:sqlite'

/** Replaces the words of an order in the full-text index: `before` and `after` are texts as `searchableText` makes them. */
export type Reword = (seq: number, before: string, after: string) => void

/**
 * The index keeps no texts (content = ''), so a delete has to name the words along with the row's id
 * (https://www.sqlite.org/fts5.html#the_delete_command). All words are deleted and added again, because words share the
 * index entries of their prefixes: to delete one word also deletes the prefixes of the words that stay.
 */
export function prepareRewording(db: Pick<DatabaseSync, 'prepare'>, prefix = ''): Reword {
  const table = `${prefix}order_search`
  const remove = db.prepare(`INSERT INTO ${table} (${table}, rowid, words) VALUES ('delete', ?, ?)`)
  const add = db.prepare(`INSERT INTO ${table} (rowid, words) VALUES (?, ?)`)
  return (seq, before, after) => {
    if (before === after) return
    remove.run(seq, before)
    add.run(seq, after)
  }
}

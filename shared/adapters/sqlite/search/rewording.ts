import type { DatabaseSync } from 'node:sqlite'

/** Replaces an order's words in the full-text index. `before` and `after` come from `searchableText`. */
export type Reword = (seq: number, before: string, after: string) => void

/**
 * The index does not store the text (content = ''), so a delete has to pass the words as well as the row's id
 * (https://www.sqlite.org/fts5.html#the_delete_command). All words are deleted and added again, because words share the
 * index entries of their prefixes: deleting only one word would also delete the prefixes that it shares with words that
 * stay.
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

import type { DatabaseSync } from 'node:sqlite'
import { inNames, inOthers, type SearchParts } from './search-text.ts'

/** Keeps the list of the index's words (search_terms). */
export interface SearchTerms {
  /** Of an order whose text is added to the index. */
  note(parts: SearchParts): void
  /** Adds what was noted; in the transaction that adds the texts. */
  write(): void
  /** After a transaction that was rolled back: what it wrote is not in the table. */
  forget(): void
}

/** By the primary key. Of many words most are there already. */
const INSERT_TERMS = `
  INSERT INTO search_terms SELECT value FROM json_each(?) WHERE true ON CONFLICT DO NOTHING`
/** Per kind. Words of items come from a catalogue and names repeat, so a few thousand words recur. */
const MAX_REMEMBERED = 20_000

/** Remembers what it has written, so that orders of known words cost no statement. */
export function prepareSearchTerms(db: DatabaseSync): SearchTerms {
  const insertTerms = db.prepare(INSERT_TERMS)
  const kinds = [createWords(), createWords(), createWords()] as const
  const [names, items, others] = kinds

  return {
    note(parts) {
      names.note(parts.names)
      items.note(parts.items)
      others.note(parts.others)
    },
    write() {
      const terms = [
        ...names.take().flatMap((word) => [word, inNames(word)]),
        ...items.take(),
        ...others.take().map(inOthers),
      ]
      if (terms.length > 0) insertTerms.run(JSON.stringify(terms))
    },
    forget() {
      for (const words of kinds) words.forget()
    },
  }
}

/** The words of one kind that were noted, as far as they are not known to be written. */
function createWords() {
  const written = new Set<string>()
  const noted = new Set<string>()
  return {
    note(words: readonly string[]) {
      for (const word of words) if (!written.has(word)) noted.add(word)
    },
    take(): string[] {
      const taken = [...noted]
      if (written.size + taken.length > MAX_REMEMBERED) written.clear()
      for (const word of taken) written.add(word)
      noted.clear()
      return taken
    },
    forget() {
      written.clear()
      noted.clear()
    },
  }
}

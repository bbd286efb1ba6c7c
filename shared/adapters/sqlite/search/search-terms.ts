import type { DatabaseSync } from 'node:sqlite'
import { inNames, inOthers, type SearchParts } from './search-text.ts'

/** Maintains search_terms, the list of the words in the full-text index. */
export interface SearchTerms {
  /** Collects the words of an order whose text is added to the full-text index. */
  note(parts: SearchParts): void
  /** Writes the collected words. Must be called in the transaction that adds the text. */
  write(): void
  /** Must be called after a rollback, because the table then lacks the words that the transaction wrote. */
  forget(): void
}

/** Uses the primary key. Most words are usually in the table already. */
const INSERT_TERMS = `
  INSERT INTO search_terms SELECT value FROM json_each(?) WHERE true ON CONFLICT DO NOTHING`
/** The limit for each kind of word. Items come from a catalogue and names repeat, so a few thousand words recur. */
const MAX_REMEMBERED = 20_000

/** Remembers the words that have been written, so an order without new words needs no statement. */
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

/** Collects the words of one kind, except those that are known to have been written already. */
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

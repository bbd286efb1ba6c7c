import type { DatabaseSync } from 'node:sqlite'
import { wordsOf } from '../../domain/search-words.ts'
import { inNames, type SearchParts } from './search-text.ts'

/** Keeps the list of the index's words (search_terms). */
export interface SearchTerms {
  /** In the transaction that adds the order to the index. */
  note(parts: SearchParts): void
  /** After a transaction that was rolled back: what it noted is not in the table. */
  forget(): void
}

/** By the primary key, and reads before it writes: nearly every word is there already. */
const INSERT_TERM = 'INSERT INTO search_terms VALUES (?) ON CONFLICT DO NOTHING'
/** Of each kind. Descriptions are those of a catalogue and names are shared: a few thousand come again and again. */
const MAX_REMEMBERED = 20_000

/** Remembers what it has noted, so that an order of known words costs no statement. */
export function prepareSearchTerms(db: DatabaseSync): SearchTerms {
  const insertTerm = db.prepare(INSERT_TERM)
  const terms = new Set<string>()
  const texts = new Set<string>()

  function noteTerm(term: string): void {
    if (isNew(terms, term)) insertTerm.run(term)
  }

  return {
    note({ names, descriptions }) {
      for (const word of names) {
        noteTerm(word)
        noteTerm(inNames(word))
      }
      for (const text of descriptions) if (isNew(texts, text)) for (const word of wordsOf(text)) noteTerm(word)
    },
    forget() {
      terms.clear()
      texts.clear()
    },
  }
}

function isNew(remembered: Set<string>, text: string): boolean {
  if (remembered.has(text)) return false
  if (remembered.size === MAX_REMEMBERED) remembered.clear()
  remembered.add(text)
  return true
}

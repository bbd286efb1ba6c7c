import { asOwn, CANCELLED, canBeOwn, filterWords, inNames, inOthers, type Filters } from './search-text.ts'

/**
 * At most `MAX_TERMS + 1` indexed words with this prefix, sorted. If the prefix itself is an indexed word, it comes
 * first.
 */
export type TermsOf = (beginning: string) => readonly string[]

/**
 * For up to this many whole words, the index reads only the entries that a page needs. For a prefix, it first merges
 * the entries of all matching words.
 */
export const MAX_TERMS = 32

/** Full-text queries for the words that a caller searches for. Each is undefined if no order can match. */
interface Found {
  /** Finds orders that contain every word as a whole word. */
  readonly whole: string | undefined
  /**
   * Finds orders that contain every word as a whole word or as a prefix. Equals `whole` if no other indexed word begins
   * with one of those words.
   */
  readonly begins: string | undefined
}

/**
 * Full-text queries, one for each class of matches, best class first. Each query finds only orders that no earlier
 * query finds, and is undefined if there can be no such orders. `namesOnly` searches only the names of customers.
 */
export function rankedMatches(
  words: readonly string[],
  namesOnly: boolean,
  termsOf: TermsOf,
): readonly (string | undefined)[] {
  const name = findable(words, (word) => [termsAmong(inNames(word), termsOf)])
  const inNamesAlone = [name.whole, without(name.begins, name.whole)]
  if (namesOnly) return inNamesAlone
  const any = findable(words, (word) => anywhere(word, termsOf))
  return [...inNamesAlone, without(any.whole, name.begins), without(any.begins, any.whole, name.begins)]
}

/**
 * A full-text query for orders that contain every word, as a whole word or as a prefix, and match every filter;
 * undefined if no order can match. `isCancelled: false` leaves cancelled orders out. Without `termsOf`, the query
 * searches for prefixes, because there is no list of the index's words.
 */
export function filteredMatch(words: readonly string[], filters: Filters, termsOf?: TermsOf): string | undefined {
  const begins =
    termsOf === undefined ? allOf(words.map(beginning)) : findable(words, (word) => anywhere(word, termsOf)).begins
  if (begins === undefined) return undefined
  const all = allOf([begins, ...filterWords(filters).map(quoted)])
  return filters.isCancelled === false ? `(${all} NOT ${quoted(CANCELLED)})` : all
}

/** The indexed words of one kind that match a query word. */
interface Among {
  readonly word: string
  /** The words that begin with `word`. If `word` itself is indexed, it comes first. */
  readonly terms: readonly string[]
}

const termsAmong = (word: string, termsOf: TermsOf): Among => ({ word, terms: termsOf(word) })

/**
 * The matches for a word among the indexed words of each kind: words in names and items; words in item codes,
 * references and e-mail addresses; and words that are nearly unique to an order.
 */
function anywhere(word: string, termsOf: TermsOf): Among[] {
  // Nearly unique words are not listed, so the index may or may not contain this one.
  const own = canBeOwn(word) ? [{ word: asOwn(word), terms: [asOwn(word)] }] : []
  return [termsAmong(word, termsOf), termsAmong(inOthers(word), termsOf), ...own]
}

function findable(words: readonly string[], amongOf: (word: string) => readonly Among[]): Found {
  const among = words.map((word) => amongOf(word).filter(({ terms }) => terms.length > 0))
  const whole = among.map((some) => some.filter(({ word, terms: [first] }) => first === word))
  return {
    whole: areAllThere(whole) ? allOf(whole.map((some) => oneOf(some.map(({ word }) => quoted(word))))) : undefined,
    begins: areAllThere(among) ? allOf(among.map((some) => oneOf(some.flatMap(beginningsOf)))) : undefined,
  }
}

const areAllThere = (choices: readonly (readonly Among[])[]): boolean => choices.every(({ length }) => length > 0)

function beginningsOf({ word, terms }: Among): string[] {
  return terms.length > MAX_TERMS ? [startingWith(word)] : terms.map(quoted)
}

/** A query that finds what `found` finds, except what any of the queries in `earlier` finds. */
function without(found: string | undefined, ...earlier: readonly (string | undefined)[]): string | undefined {
  const others = earlier.filter((other) => other !== undefined)
  if (found === undefined || others.includes(found)) return undefined
  return others.length === 0 ? found : `${found} NOT ${oneOf(others)}`
}

function beginning(word: string): string {
  const own = canBeOwn(word) ? [quoted(asOwn(word))] : []
  return oneOf([startingWith(word), startingWith(inOthers(word)), ...own])
}

const allOf = (texts: readonly string[]): string => `(${texts.join(' AND ')})`
const oneOf = (texts: readonly string[]): string => `(${texts.join(' OR ')})`
const startingWith = (word: string): string => `${quoted(word)}*`
const quoted = (word: string): string => `"${word}"`

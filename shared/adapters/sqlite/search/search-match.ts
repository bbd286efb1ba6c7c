import { asOwn, CANCELLED, canBeOwn, filterWords, inNames, inOthers, type Filters } from './search-text.ts'

/** The words of the index with this beginning, sorted, at most `MAX_TERMS + 1`. The word itself comes first. */
export type TermsOf = (beginning: string) => readonly string[]

/** For up to this many words the index reads only what a page needs. For a prefix it first merges all entries. */
export const MAX_TERMS = 32

/** Queries of the full-text index for the words that a caller searches for; undefined where no order can match. */
interface Found {
  /** Finds orders that have all of them as whole words. */
  readonly whole: string | undefined
  /** Finds orders that have all of them as words or beginnings. Equals `whole` if no longer words begin so. */
  readonly begins: string | undefined
}

/**
 * Queries of the full-text index, one for each class of matches, best first. Each finds only orders that no earlier one
 * finds, and is undefined if there are none. `namesOnly` leaves items out.
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
 * A query of the full-text index for orders that have every word, as a word or a beginning, and match every filter;
 * undefined if no order can match. `isCancelled: false` leaves cancelled orders out. Without `termsOf`, for an index whose words are not listed, it searches for
 * prefixes.
 */
export function filteredMatch(words: readonly string[], filters: Filters, termsOf?: TermsOf): string | undefined {
  const begins =
    termsOf === undefined ? allOf(words.map(beginning)) : findable(words, (word) => anywhere(word, termsOf)).begins
  if (begins === undefined) return undefined
  const all = allOf([begins, ...filterWords(filters).map(quoted)])
  return filters.isCancelled === false ? `(${all} NOT ${quoted(CANCELLED)})` : all
}

/** The words of one kind that a word of a query matches. */
interface Among {
  readonly word: string
  /** The words with this beginning. If the index has the word itself, it comes first. */
  readonly terms: readonly string[]
}

const termsAmong = (word: string, termsOf: TermsOf): Among => ({ word, terms: termsOf(word) })

/** Matches in names and items, in codes and other texts, and among words that hardly two orders share. */
function anywhere(word: string, termsOf: TermsOf): Among[] {
  // These words are not listed, so the index may have them or not.
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

/** Finds what `found` does, except what earlier classes find. */
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

import { filterWords, inNames, type Filters } from './search-text.ts'

/** The words of the index that begin so, in their order and at most `MAX_TERMS + 1`; the word itself is the first. */
export type TermsOf = (beginning: string) => readonly string[]

/** The index reads the entries of so many words as far as a page needs; of all words that begin alike, it first merges all. */
export const MAX_TERMS = 32

/** What an order must have one of. */
export interface Choice {
  /** The words of the index; undefined where they are too many to name, and where blocks do not have them. */
  readonly terms: readonly string[] | undefined
  /** The same for the full-text index. */
  readonly text: string
}

/** Finds the orders that have one of each choice in `all`, but not those that have one of each in any of `but`. */
export interface Match {
  readonly all: readonly Choice[]
  readonly but: readonly (readonly Choice[])[]
}

/** What matches the words of a query; undefined for what no order can match. */
interface Found {
  /** Orders that have them as whole words. */
  readonly whole: readonly Choice[] | undefined
  /** Orders that have them as words or beginnings; the same as `whole` when no longer word begins so. */
  readonly begins: readonly Choice[] | undefined
}

/** The match as a query of the full-text index; among the orders of `stretches`, if there are any. */
export function matchText({ all, but }: Match, stretches: readonly string[] = []): string {
  const among = stretches.length === 0 ? [] : [oneOf(stretches)]
  const found = textOf([...among, ...all])
  // On either side: what is not to be found is looked for as far as what is.
  return but.length === 0
    ? found
    : `${found} NOT (${but.map((choices) => textOf([...among, ...choices])).join(' OR ')})`
}

/**
 * Classes of matches, best first; each finds what no earlier one does, and is undefined when there is nothing to find.
 * `namesOnly` leaves items out.
 */
export function rankedMatches(
  words: readonly string[],
  namesOnly: boolean,
  termsOf: TermsOf,
): readonly (Match | undefined)[] {
  const name = findable(words.map(inNames), termsOf)
  const inNamesAlone = [without(name.whole), without(name.begins, name.whole)]
  if (namesOnly) return inNamesAlone
  const any = findable(words, termsOf)
  return [...inNamesAlone, without(any.whole, name.begins), without(any.begins, any.whole, name.begins)]
}

function findable(words: readonly string[], termsOf: TermsOf): Found {
  const terms = words.map(termsOf)
  const isThere = terms.every(([first], index) => first === words[index])
  return {
    whole: isThere ? words.map((word) => oneOf([word])) : undefined,
    begins: terms.every(({ length }) => length > 0)
      ? words.map((word, index) => beginningAmong(word, terms[index] ?? []))
      : undefined,
  }
}

/** What is found, but for what earlier classes have found. */
function without(
  found: readonly Choice[] | undefined,
  ...earlier: readonly (readonly Choice[] | undefined)[]
): Match | undefined {
  const but = earlier.filter((choices) => choices !== undefined)
  if (found === undefined || but.some((choices) => textOf(choices) === textOf(found))) return undefined
  return { all: found, but }
}

/**
 * Orders that have every word, as a word or a beginning, and every filter; undefined when no order can. An index whose
 * words are not listed, so that there is no `termsOf`, is asked for the beginnings themselves.
 */
export function filteredMatch(words: readonly string[], filters: Filters, termsOf?: TermsOf): Match | undefined {
  const begins = termsOf === undefined ? words.map(beginning) : findable(words, termsOf).begins
  if (begins === undefined) return undefined
  const { customerId, ...others } = filters
  const all = [...begins, ...filterWords(others).map((word) => oneOf([word]))]
  return { all: customerId === undefined ? all : [...all, ...filterWords({ customerId }).map(inIndexAlone)], but: [] }
}

function beginningAmong(word: string, terms: readonly string[]): Choice {
  return terms.length > MAX_TERMS ? beginning(word) : oneOf(terms)
}

const textOf = (all: readonly Choice[]): string => `(${all.map(({ text }) => text).join(' AND ')})`
const oneOf = (terms: readonly string[]): Choice => ({ terms, text: `(${terms.map(quoted).join(' OR ')})` })
const beginning = (word: string): Choice => ({ terms: undefined, text: `${quoted(word)}*` })
/** A customer has few orders: the index finds them at once, and blocks leave customers out. */
const inIndexAlone = (word: string): Choice => ({ ...oneOf([word]), terms: undefined })
const quoted = (word: string): string => `"${word}"`

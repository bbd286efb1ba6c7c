import { asOwn, canBeOwn, filterWords, inNames, inOthers, type Filters } from './search-text.ts'

/** The words of the index that begin so, in their order and at most `MAX_TERMS + 1`; the word itself is the first. */
export type TermsOf = (beginning: string) => readonly string[]

/** The index reads the entries of so many words as far as a page needs; of all words that begin alike, it first merges all. */
export const MAX_TERMS = 32

/** Queries of the full-text index for the words of a query of ours; undefined for what no order can match. */
interface Found {
  /** Orders that have them as whole words. */
  readonly whole: string | undefined
  /** Orders that have them as words or beginnings; the same as `whole` when no longer word begins so. */
  readonly begins: string | undefined
}

/**
 * Queries of the full-text index for classes of matches, best first; each finds what no earlier one does, and is undefined
 * when there is nothing to find. `namesOnly` leaves items out.
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
 * A query of the full-text index for orders that have every word, as a word or a beginning, and every filter; undefined
 * when no order can. An index whose words are not listed, so that there is no `termsOf`, is asked for the beginnings
 * themselves.
 */
export function filteredMatch(words: readonly string[], filters: Filters, termsOf?: TermsOf): string | undefined {
  const begins =
    termsOf === undefined ? allOf(words.map(beginning)) : findable(words, (word) => anywhere(word, termsOf)).begins
  return begins === undefined ? undefined : allOf([begins, ...filterWords(filters).map(quoted)])
}

/** The words of one kind that a word of a query stands for. */
interface Among {
  readonly word: string
  /** Those that begin so; the word itself is the first, if it is there. */
  readonly terms: readonly string[]
}

const termsAmong = (word: string, termsOf: TermsOf): Among => ({ word, terms: termsOf(word) })

/** In names and items, in codes and other texts, and among the words that hardly two orders share. */
function anywhere(word: string, termsOf: TermsOf): Among[] {
  // Not in the list of words: it may be in the index.
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

/** What is found, except what earlier classes have found. */
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

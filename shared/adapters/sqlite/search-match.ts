import { asOwn, canBeOwn, filterWords, inNames, inOthers, type Filters } from './search-text.ts'

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
  const name = findable(words, (word) => [termsAmong(inNames(word), termsOf)])
  const inNamesAlone = [without(name.whole), without(name.begins, name.whole)]
  if (namesOnly) return inNamesAlone
  const any = findable(words, (word) => anywhere(word, termsOf))
  return [...inNamesAlone, without(any.whole, name.begins), without(any.begins, any.whole, name.begins)]
}

/** The words of one kind that a word of a query stands for. */
interface Among {
  readonly word: string
  /** Those that begin so; the word itself is the first, if it is there. */
  readonly terms: readonly string[]
  /** Whether blocks have them too. */
  readonly inBlocks: boolean
}

function termsAmong(word: string, termsOf: TermsOf, inBlocks = true): Among {
  return { word, terms: termsOf(word), inBlocks }
}

/** In names and items, in codes and other texts, and among the words that hardly two orders share. */
function anywhere(word: string, termsOf: TermsOf): Among[] {
  const own = { word: asOwn(word), terms: [asOwn(word)], inBlocks: false }
  return [
    termsAmong(word, termsOf),
    termsAmong(inOthers(word), termsOf, false),
    // Not in the list of words: it may be in the index.
    ...(canBeOwn(word) ? [own] : []),
  ]
}

function findable(words: readonly string[], amongOf: (word: string) => readonly Among[]): Found {
  const among = words.map((word) => amongOf(word).filter(({ terms }) => terms.length > 0))
  const whole = among.map((some) => some.filter(({ word, terms: [first] }) => first === word))
  return {
    whole: allAreThere(whole)
      ? whole.map((some) => anyOf(some.map((one) => ({ ...one, terms: [one.word] }))))
      : undefined,
    begins: allAreThere(among) ? among.map(anyOf) : undefined,
  }
}

const allAreThere = (choices: readonly (readonly Among[])[]): boolean => choices.every(({ length }) => length > 0)

function anyOf(some: readonly Among[]): Choice {
  const areNamed = some.every(({ terms, inBlocks }) => inBlocks && terms.length <= MAX_TERMS)
  const texts = some.flatMap(({ word, terms }) => (terms.length > MAX_TERMS ? [startingWith(word)] : terms.map(quoted)))
  return { terms: areNamed ? some.flatMap(({ terms }) => terms) : undefined, text: `(${texts.join(' OR ')})` }
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
  const begins =
    termsOf === undefined ? words.map(beginning) : findable(words, (word) => anywhere(word, termsOf)).begins
  if (begins === undefined) return undefined
  const { customerId, ...others } = filters
  const all = [...begins, ...filterWords(others).map((word) => oneOf([word]))]
  return { all: customerId === undefined ? all : [...all, ...filterWords({ customerId }).map(inIndexAlone)], but: [] }
}

const textOf = (all: readonly Choice[]): string => `(${all.map(({ text }) => text).join(' AND ')})`
const oneOf = (terms: readonly string[]): Choice => ({ terms, text: `(${terms.map(quoted).join(' OR ')})` })
const startingWith = (word: string): string => `${quoted(word)}*`

function beginning(word: string): Choice {
  const texts = [startingWith(word), startingWith(inOthers(word)), ...(canBeOwn(word) ? [quoted(asOwn(word))] : [])]
  return { terms: undefined, text: `(${texts.join(' OR ')})` }
}

/** A customer has few orders: the index finds them at once, and blocks leave customers out. */
const inIndexAlone = (word: string): Choice => ({ ...oneOf([word]), terms: undefined })
const quoted = (word: string): string => `"${word}"`

import type { NewOrderCommand, OrderItem } from '../../domain/order-commands.ts'
import { customerFullName, longDescription } from '../../domain/order-view.ts'
import { ASCII, wordsOf } from '../../domain/search-words.ts'

/**
 * What the full-text index holds of an order. Words are letters and digits, lower case, without accents. The rank of a
 * match must not change as orders are added, so it is no score but a class, and each class is a query of plain words:
 *
 *   alex       a word of the name or of an item
 *   §alex      a word of the customer's name
 *   ¤pPayPal   a filter of the list, so that text and filters together are one intersection of the index
 *
 * The marks are neither letters nor digits, so that no text makes them; outside of ASCII the tokenizer keeps them.
 */
const NAME_MARK = '§'
const FILTER_MARK = '¤'

export interface Filters {
  readonly customerId?: number
  readonly currency?: string
  readonly paymentMethod?: string
}

/** What of an order can be searched for. */
export type Searchable = Pick<
  NewOrderCommand,
  'customerId' | 'customerName' | 'customerLastName' | 'currencyType' | 'paymentMethodType'
> & {
  readonly orderItems: readonly Pick<OrderItem, 'brand' | 'type' | 'size' | 'colour'>[]
}

/** What of an order the index is made from. */
export interface SearchParts {
  /** The words of the customer's name. */
  readonly names: readonly string[]
  /** The text of each item. */
  readonly descriptions: readonly string[]
}

export function searchParts(order: Searchable): SearchParts {
  return { names: wordsOf(customerFullName(order)), descriptions: order.orderItems.map(longDescription) }
}

/** The text of an order for the index. */
export function searchableText(order: Searchable, { names, descriptions } = searchParts(order)): string {
  const parts = names.map((word) => `${word} ${inNames(word)}`)
  // The tokenizer makes words of ASCII by itself.
  for (const text of descriptions) parts.push(ASCII.test(text) ? text : wordsOf(text).join(' '))
  const { customerId, currencyType: currency, paymentMethodType: paymentMethod } = order
  return [...parts, ...filterWords({ customerId, currency, paymentMethod })].join(' ')
}

/** The words of the index that begin so, in their order and at most `MAX_TERMS + 1`; the word itself is the first. */
export type TermsOf = (beginning: string) => readonly string[]

/** As the index has a word of a customer's name. */
export const inNames = (word: string): string => `${NAME_MARK}${word}`

/** The index reads the entries of so many words as far as a page needs; of all words that begin alike, it first merges all. */
export const MAX_TERMS = 32

/** What matches the words of a query; undefined for what no order can match. */
interface Matches {
  /** Orders that have them as whole words. */
  readonly whole: string | undefined
  /** Orders that have them as words or beginnings; the same as `whole` when no longer word begins so. */
  readonly begins: string | undefined
}

/**
 * Classes of matches, best first; each query finds what no earlier one does, and is undefined when there is nothing to
 * find. `namesOnly` leaves items out.
 */
export function rankedQueries(
  words: readonly string[],
  namesOnly: boolean,
  termsOf: TermsOf,
): readonly (string | undefined)[] {
  const name = matchesOf(words.map(inNames), termsOf)
  const inNamesAlone = [name.whole, without(name.begins, name.whole)]
  if (namesOnly) return inNamesAlone
  const any = matchesOf(words, termsOf)
  return [...inNamesAlone, without(any.whole, name.begins), without(any.begins, any.whole, name.begins)]
}

function matchesOf(words: readonly string[], termsOf: TermsOf): Matches {
  const terms = words.map(termsOf)
  const isThere = terms.every(([first], index) => first === words[index])
  return {
    whole: isThere ? all(words.map((word) => oneOf([word]))) : undefined,
    begins: terms.every(({ length }) => length > 0)
      ? all(words.map((word, index) => beginningAmong(word, terms[index] ?? [])))
      : undefined,
  }
}

/** What matches, but for what earlier queries have found. */
function without(found: string | undefined, ...earlier: readonly (string | undefined)[]): string | undefined {
  const others = earlier.filter((query) => query !== undefined)
  if (found === undefined || others.includes(found)) return undefined
  return others.length === 0 ? found : `${found} NOT (${others.join(' OR ')})`
}

/**
 * Orders that have every word, as a word or a beginning, and every filter; undefined when no order can. An index whose
 * words are not listed, so that there is no `termsOf`, is asked for the beginnings themselves.
 */
export function filteredQuery(words: readonly string[], filters: Filters, termsOf?: TermsOf): string | undefined {
  const begins = termsOf === undefined ? all(words.map(beginning)) : matchesOf(words, termsOf).begins
  return begins === undefined ? undefined : all([begins, ...filterWords(filters).map(quoted)])
}

function beginningAmong(word: string, terms: readonly string[]): string {
  return terms.length > MAX_TERMS ? beginning(word) : oneOf(terms)
}

const all = (parts: readonly string[]): string => `(${parts.join(' AND ')})`
const oneOf = (terms: readonly string[]): string => `(${terms.map(quoted).join(' OR ')})`
const quoted = (word: string): string => `"${word}"`
const beginning = (word: string): string => `"${word}"*`

function filterWords({ customerId, currency, paymentMethod }: Filters): string[] {
  return [
    ...(customerId === undefined ? [] : [`${FILTER_MARK}c${customerId}`]),
    ...(currency === undefined ? [] : [`${FILTER_MARK}e${currency}`]),
    ...(paymentMethod === undefined ? [] : [`${FILTER_MARK}p${paymentMethod}`]),
  ]
}

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

/** The text of an order for the index. */
export function searchableText(order: Searchable): string {
  const names = wordsOf(customerFullName(order))
  const parts = names.map((word) => `${word} ${NAME_MARK}${word}`)
  for (const item of order.orderItems) {
    const description = longDescription(item)
    // The tokenizer makes words of ASCII by itself.
    parts.push(ASCII.test(description) ? description : wordsOf(description).join(' '))
  }
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
  return {
    whole: terms.every(([first], index) => first === words[index]) ? all(words.map(quoted)) : undefined,
    begins: terms.every(({ length }) => length > 0)
      ? all(terms.map((some, index) => oneOf(words[index] ?? '', some)))
      : undefined,
  }
}

/** What matches, but for what earlier queries have found. */
function without(found: string | undefined, ...earlier: readonly (string | undefined)[]): string | undefined {
  const others = earlier.filter((query) => query !== undefined)
  if (found === undefined || others.includes(found)) return undefined
  return others.length === 0 ? found : `${found} NOT (${others.join(' OR ')})`
}

/** Orders that have every word, as a word or a beginning, and every filter; undefined when no order can. */
export function filteredQuery(words: readonly string[], filters: Filters, termsOf: TermsOf): string | undefined {
  const { begins } = matchesOf(words, termsOf)
  return begins === undefined ? undefined : all([begins, ...filterWords(filters).map(quoted)])
}

/** The same in the index of what is not stored, which is small. */
export function filteredQueryOfStates(words: readonly string[], filters: Filters): string {
  return all([...words.map(beginning), ...filterWords(filters).map(quoted)])
}

function oneOf(word: string, terms: readonly string[]): string {
  if (terms.length > MAX_TERMS) return beginning(word)
  return terms.length === 1 ? terms.map(quoted).join() : `(${terms.map(quoted).join(' OR ')})`
}

const all = (parts: readonly string[]): string => `(${parts.join(' AND ')})`
const quoted = (word: string): string => `"${word}"`
const beginning = (word: string): string => `"${word}"*`

function filterWords({ customerId, currency, paymentMethod }: Filters): string[] {
  return [
    ...(customerId === undefined ? [] : [`${FILTER_MARK}c${customerId}`]),
    ...(currency === undefined ? [] : [`${FILTER_MARK}e${currency}`]),
    ...(paymentMethod === undefined ? [] : [`${FILTER_MARK}p${paymentMethod}`]),
  ]
}

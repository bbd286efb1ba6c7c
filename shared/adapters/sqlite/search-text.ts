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
 *   ¤s15       a stretch of 16,384 positions, so that a search of the newest orders ends with them: the index looks at
 *              bounds of positions only when it has found the next match, however far that is
 *
 * The marks are neither letters nor digits, so that no text makes them; outside of ASCII the tokenizer keeps them.
 */
const NAME_MARK = '§'
const FILTER_MARK = '¤'
const STRETCH_ORDERS = 16_384

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
  readonly reference?: string | null
  readonly orderItems: readonly Pick<OrderItem, 'brand' | 'type' | 'size' | 'colour'>[]
}

/** What of an order the index is made from. */
export interface SearchParts {
  /** The words of the customer's name. */
  readonly names: readonly string[]
  /** The text of each item, and the reference. */
  readonly descriptions: readonly string[]
}

export function searchParts(order: Searchable): SearchParts {
  return {
    names: wordsOf(customerFullName(order)),
    descriptions: [...order.orderItems.map(longDescription), ...(order.reference == null ? [] : [order.reference])],
  }
}

/** The text of an order for the index. */
export function searchableText(order: Searchable, { names, descriptions } = searchParts(order)): string {
  const parts = names.map((word) => `${word} ${inNames(word)}`)
  // The tokenizer makes words of ASCII by itself.
  for (const text of descriptions) parts.push(ASCII.test(text) ? text : wordsOf(text).join(' '))
  const { customerId, currencyType: currency, paymentMethodType: paymentMethod } = order
  return [...parts, ...filterWords({ customerId, currency, paymentMethod })].join(' ')
}

/** The same of a stored order, which lies somewhere. */
export function positionedText(seq: number, order: Searchable, parts: SearchParts): string {
  return `${searchableText(order, parts)} ${stretchWord(seq)}`
}

/** As the index has a word of a customer's name. */
export const inNames = (word: string): string => `${NAME_MARK}${word}`

/** The words of the index for the filters that are given. */
export function filterWords({ customerId, currency, paymentMethod }: Filters): string[] {
  return [
    ...(customerId === undefined ? [] : [`${FILTER_MARK}c${customerId}`]),
    ...(currency === undefined ? [] : [`${FILTER_MARK}e${currency}`]),
    ...(paymentMethod === undefined ? [] : [`${FILTER_MARK}p${paymentMethod}`]),
  ]
}

/** The word of the index for the stretch in which a position lies. */
export function stretchWord(seq: number): string {
  return wordOfStretch(stretchOf(seq))
}

/** Those of all stretches from that of one position to that of another. */
export function stretchWords(fromSeq: number, toSeq: number): string[] {
  const first = stretchOf(fromSeq)
  return Array.from({ length: stretchOf(toSeq) - first + 1 }, (_, index) => wordOfStretch(first + index))
}

const wordOfStretch = (stretch: number): string => `${FILTER_MARK}s${stretch}`
const stretchOf = (seq: number): number => Math.floor(seq / STRETCH_ORDERS)

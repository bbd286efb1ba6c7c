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

/** Classes of matches, best first; each query finds what no earlier one does. `namesOnly` leaves items out. */
export function rankedQueries(words: readonly string[], namesOnly: boolean): string[] {
  const all = (mark: string, end: string) => `(${words.map((word) => `"${mark}${word}"${end}`).join(' AND ')})`
  const name = { whole: all(NAME_MARK, ''), begins: all(NAME_MARK, '*') }
  const any = { whole: all('', ''), begins: all('', '*') }
  const inNames = [name.whole, `${name.begins} NOT ${name.whole}`]
  if (namesOnly) return inNames
  return [...inNames, `${any.whole} NOT ${name.begins}`, `${any.begins} NOT (${name.begins} OR ${any.whole})`]
}

/** Orders that have every word, as a word or a beginning, and every filter. */
export function filteredQuery(words: readonly string[], filters: Filters): string {
  return [...words.map((word) => `"${word}"*`), ...filterWords(filters).map((word) => `"${word}"`)].join(' AND ')
}

function filterWords({ customerId, currency, paymentMethod }: Filters): string[] {
  return [
    ...(customerId === undefined ? [] : [`${FILTER_MARK}c${customerId}`]),
    ...(currency === undefined ? [] : [`${FILTER_MARK}e${currency}`]),
    ...(paymentMethod === undefined ? [] : [`${FILTER_MARK}p${paymentMethod}`]),
  ]
}

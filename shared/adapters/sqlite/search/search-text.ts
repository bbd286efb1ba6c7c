import type { NewOrderCommand } from '../../../domain/order-commands.ts'
import {
  isPlain,
  isShortId,
  shortIdOf,
  wordsOf,
  type Searchable as SearchedTexts,
} from '../../../domain/search/search-words.ts'

/**
 * The text of an order in the full-text index, made up of the domain's words (search-words.ts). The rank of a match
 * must not change as orders are added, so ranks are classes, not scores. Each class is a query for plain words, which
 * have these forms:
 *
 *   alex       a word in the customer's name or in an item
 *   §alex      a word in the customer's name
 *   ¶2041      a word in an item code, the reference or the e-mail address, unless it is also in the name or an item.
 *              Such words are marked so that the index entries of the unmarked words stay short
 *   ¤own5d0c…  the end of the order's id, or a word with a digit from the e-mail address. Nearly every order adds a
 *              new one, so these words match only as a whole and are not listed
 *   ¤pPayPal   a value of a list filter, so that the index can intersect words and filters in a single query
 *   ¤x         the order is cancelled
 *
 * The marks are neither letters nor digits, so no word contains them. They are not ASCII, so the tokenizer keeps them.
 */
const NAME_MARK = '§'
const OTHER_MARK = '¶'
/**
 * Has as many characters as the longest prefix that the index stores (four), so that the marked words of all orders
 * have the same prefixes.
 */
const OWN_MARK = '¤own'
const FILTER_MARK = '¤'
/** The word that marks cancelled orders. */
export const CANCELLED = `${FILTER_MARK}x`
/** Brands, sizes and codes come from a catalogue, so a few thousand of them recur. */
const MAX_REMEMBERED = 20_000

export interface Filters {
  readonly customerId?: number
  readonly currency?: string
  readonly paymentMethod?: string
  readonly isCancelled?: boolean
}

/** The members of an order that can be searched, and those that a list can be filtered by. */
export type Searchable = SearchedTexts &
  Pick<NewOrderCommand, 'customerId' | 'currencyType' | 'paymentMethodType'> &
  Pick<Filters, 'isCancelled'>

/** The words of an order, without duplicates. */
export interface SearchParts {
  /** Words in the customer's name. */
  readonly names: readonly string[]
  /** Words in the items, except those that are also in the name. */
  readonly items: readonly string[]
  /** Words in item codes, the reference and the e-mail address, except those that are also in the name or the items. */
  readonly others: readonly string[]
  /** Words that are nearly unique to the order. They are found only as whole words and are not listed. */
  readonly own: readonly string[]
}

/** Splits orders into words. Caches the words of each text in an item, because the same texts recur in other orders. */
export function createSearchParts(): (orderId: string, order: Searchable) => SearchParts {
  const remembered = new Map<string, readonly string[]>()

  function wordsOfItem(text: string): readonly string[] {
    const known = remembered.get(text)
    if (known !== undefined) return known
    if (remembered.size === MAX_REMEMBERED) remembered.clear()
    const words = wordsOf(text)
    remembered.set(text, words)
    return words
  }

  return (orderId, order) => {
    const seen = new Set<string>()
    /** Uses loops, because this runs for every stored order and array methods are slower. */
    function add(list: string[], words: readonly string[]): void {
      for (const word of words) {
        if (seen.has(word)) continue
        seen.add(word)
        list.push(word)
      }
    }

    const names: string[] = []
    add(names, wordsOf(order.customerName))
    add(names, wordsOf(order.customerLastName))
    const items: string[] = []
    for (const { brand, type, size, colour } of order.orderItems) {
      add(items, wordsOfItem(brand))
      add(items, wordsOfItem(type))
      add(items, wordsOfItem(size))
      add(items, wordsOfItem(colour))
    }
    const others: string[] = []
    for (const { itemCode } of order.orderItems) add(others, wordsOfItem(itemCode))
    if (order.reference != null) add(others, wordsOf(order.reference))
    const own = [shortIdOf(orderId)]
    for (const word of wordsOf(order.customerEmail)) add(hasDigit(word) ? own : others, [word])
    return { names, items, others, own }
  }
}

/** The order's text for the full-text index. */
export function searchableText(order: Searchable, parts: SearchParts): string {
  const { customerId, currencyType: currency, paymentMethodType: paymentMethod, isCancelled = false } = order
  const words = [...parts.items, ...filterWords({ customerId, currency, paymentMethod, isCancelled })]
  for (const word of parts.names) words.push(word, inNames(word))
  for (const word of parts.others) words.push(inOthers(word))
  for (const word of parts.own) words.push(asOwn(word))
  return words.join(' ')
}

/**
 * The words that an earlier version did not index. That version indexed only names and items, and split plain text in
 * the same way as the current version.
 */
export function addedText(order: Searchable, { names, items, others, own }: SearchParts): string {
  const words = [...others.map(inOthers), ...own.map(asOwn)]
  if (!isPlain(order.customerName + order.customerLastName)) {
    for (const word of names) words.push(word, inNames(word))
  }
  const arePlain = order.orderItems.every(({ brand, type, size, colour }) => isPlain(brand + type + size + colour))
  if (!arePlain) words.push(...items)
  return words.join(' ')
}

/** Whether a query word may be nearly unique to an order. */
export const canBeOwn = (word: string): boolean => hasDigit(word) || isShortId(word)
const hasDigit = (word: string): boolean => /\p{N}/u.test(word)

/** A word from the customer's name, in its indexed form. */
export const inNames = (word: string): string => `${NAME_MARK}${word}`
/** A word from an item code, the reference or the e-mail address, in its indexed form. */
export const inOthers = (word: string): string => `${OTHER_MARK}${word}`
/** A word that is nearly unique to an order, in its indexed form. */
export const asOwn = (word: string): string => `${OWN_MARK}${word}`

/** The given filters as index words. */
export function filterWords({ customerId, currency, paymentMethod, isCancelled = false }: Filters): string[] {
  return [
    ...(customerId === undefined ? [] : [`${FILTER_MARK}c${customerId}`]),
    ...(currency === undefined ? [] : [`${FILTER_MARK}e${currency}`]),
    ...(paymentMethod === undefined ? [] : [`${FILTER_MARK}p${paymentMethod}`]),
    ...(isCancelled ? [CANCELLED] : []),
  ]
}

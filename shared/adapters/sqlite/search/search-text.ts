import type { NewOrderCommand } from '../../../domain/order-commands.ts'
import {
  isPlain,
  isShortId,
  shortIdOf,
  wordsOf,
  type Searchable as SearchedTexts,
} from '../../../domain/search/search-words.ts'

/**
 * What the full-text index holds of an order: the words that the domain makes (search-words.ts). The rank of a match must
 * not change as orders are added, so it is no score but a class, and each class is a query of plain words:
 *
 *   alex       a word of the name or of an item
 *   §alex      a word of the customer's name
 *   ¶2041      a word of an item's code, the reference or the e-mail address that is in neither name nor item. Apart, so that
 *              the lists of the others stay as short as they are
 *   ¤own5d0c…  the order's id, or a word with digits of the e-mail address: nearly every order brings a new one, so they are
 *              found whole, and the list of words does not have them
 *   ¤pPayPal   a filter of the list, so that text and filters together are one intersection of the index
 *
 * The marks are neither letters nor digits, so that no text makes them; outside of ASCII the tokenizer keeps them.
 */
const NAME_MARK = '§'
const OTHER_MARK = '¶'
/** Four characters, the longest beginning that has entries of its own: each order then adds to the same four. */
const OWN_MARK = '¤own'
const FILTER_MARK = '¤'
/** Brands, sizes and codes are those of a catalogue: a few thousand come again and again. */
const MAX_REMEMBERED = 20_000

export interface Filters {
  readonly customerId?: number
  readonly currency?: string
  readonly paymentMethod?: string
}

/** What of an order can be searched for, and what a list that is searched is filtered by. */
export type Searchable = SearchedTexts & Pick<NewOrderCommand, 'customerId' | 'currencyType' | 'paymentMethodType'>

/** The words of an order, each once. */
export interface SearchParts {
  /** Of the customer's name. */
  readonly names: readonly string[]
  /** Of items, as far as they are not in the name. */
  readonly items: readonly string[]
  /** Of codes and other texts, the reference among them, as far as they are in neither. */
  readonly others: readonly string[]
  /** Words that hardly two orders share: they are found whole, and are not in the list of words. */
  readonly own: readonly string[]
}

/** Remembers the words of the texts of items. */
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
    /** Loops, because every order that is stored comes by here. */
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

/** The text of an order for the index. */
export function searchableText(order: Searchable, parts: SearchParts): string {
  const { customerId, currencyType: currency, paymentMethodType: paymentMethod } = order
  const words = [...parts.items, ...filterWords({ customerId, currency, paymentMethod })]
  for (const word of parts.names) words.push(word, inNames(word))
  for (const word of parts.others) words.push(inOthers(word))
  for (const word of parts.own) words.push(asOwn(word))
  return words.join(' ')
}

/**
 * What the index of an earlier version lacks of an order: it had names and items, whose plain words it made as today, and
 * nothing else.
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

/** Whether a word of a query may be one of those that hardly two orders share. */
export const canBeOwn = (word: string): boolean => hasDigit(word) || isShortId(word)
const hasDigit = (word: string): boolean => /\p{N}/u.test(word)

/** As the index has a word of a customer's name. */
export const inNames = (word: string): string => `${NAME_MARK}${word}`
/** As it has a word of the other texts. */
export const inOthers = (word: string): string => `${OTHER_MARK}${word}`
/** As it has one that hardly two orders share. */
export const asOwn = (word: string): string => `${OWN_MARK}${word}`

/** The words of the index for the filters that are given. */
export function filterWords({ customerId, currency, paymentMethod }: Filters): string[] {
  return [
    ...(customerId === undefined ? [] : [`${FILTER_MARK}c${customerId}`]),
    ...(currency === undefined ? [] : [`${FILTER_MARK}e${currency}`]),
    ...(paymentMethod === undefined ? [] : [`${FILTER_MARK}p${paymentMethod}`]),
  ]
}

import { customerFullName, longDescription } from './order-view.ts'

/**
 * What a word is to the search of any store: letters and digits, lower case, without accents, so that what looks like
 * query syntax is just text.
 */

/** Words of a query beyond these narrow nothing down that a person would look for. */
const MAX_WORDS = 16
/** In code points. A word is at most as long as the longest field. */
const MAX_WORD_LENGTH = 100
const MAX_TEXT = 4096
export const ASCII = /^[\x20-\x7e]*$/
const WORD = /[\p{L}\p{N}]+/gu

/** In the order of the text, as often as they come. */
export function wordsOf(text: string): string[] {
  const plain = ASCII.test(text) ? text : text.toLowerCase().normalize('NFKD').replaceAll(/\p{M}/gu, '')
  return plain.toLowerCase().match(WORD) ?? []
}

/** The words of a query, each once; none for a text that has no word. */
export function queryWords(text: string): string[] {
  return [...new Set(wordsOf(text.slice(0, MAX_TEXT)).map(shorten))].slice(0, MAX_WORDS)
}

/** What of an order can be searched for. */
export interface Searchable {
  readonly customerName: string
  readonly customerLastName: string
  readonly reference?: string | null
  readonly orderItems: readonly Parameters<typeof longDescription>[0][]
}

/** Each word of an order once, and whether it is one of the customer's name. */
export function orderWords(order: Searchable): ReadonlyMap<string, boolean> {
  const words = new Map<string, boolean>()
  for (const item of order.orderItems)
    for (const word of wordsOf(longDescription(item))) words.set(shorten(word), false)
  for (const word of wordsOf(order.reference ?? '')) words.set(shorten(word), false)
  for (const word of wordsOf(customerFullName(order))) words.set(shorten(word), true)
  return words
}

function shorten(word: string): string {
  return word.length <= MAX_WORD_LENGTH ? word : Array.from(word).slice(0, MAX_WORD_LENGTH).join('')
}

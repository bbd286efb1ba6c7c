import { fold } from './fold.ts'
import { customerFullName, longDescription } from '../order-view.ts'

/**
 * The words of orders and of queries, the same for every store. Words are letters and digits, folded (fold.ts). Everything
 * else separates words, so that query syntax counts as plain text. Three kinds of words are special:
 *
 * - An apostrophe within a word. The word is kept without it, and its parts are too: `O'Connor` is found by `oconnor`,
 *   `o'connor` and `connor`.
 * - Chinese and Japanese, which are written without spaces (Han, Hiragana and Katakana). Each character and each pair of
 *   adjacent characters are words, as in Lucene's CJKBigramFilter: `小龍` is found by `龍`, and a longer text by its pairs.
 * - The last twelve digits of an order's id, by which people distinguish orders. A whole id in a query stands for
 *   them.
 */

/** The most words of a query; more would not narrow down a person's search any further. */
const MAX_WORDS = 16
/** In code points; the length of the longest field. */
const MAX_WORD_LENGTH = 100
const MAX_TEXT = 4096

/** Text for which lower case is enough: no apostrophe, and no letter beyond ASCII. */
const PLAIN = /^[\x20-\x26\x28-\x5f\x61-\x7e]*$/
const PLAIN_WORD = /[a-z0-9]+/g
/** Typed or typographic: ’ ‘ ʼ ʻ ′ and `, and the middle dot of Catalan; the full-width ones are folded. */
const APOSTROPHE = /[\u2019\u2018\u02bc\u02bb\u2032`\u00b7]/g
/** ´ alone, which folding would treat as an accent on a space. */
const ACUTE = /\u00b4/g
const WORD = /[\p{L}\p{N}]+(?:'[\p{L}\p{N}]+)*/gu
const UNSPACED = /([\p{scx=Han}\p{scx=Hira}\p{scx=Kana}]+)/u
const ORDER_ID = /(?<![0-9a-z])[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}([0-9a-f]{12})(?![0-9a-z])/gi
const SHORT_ID = /^[0-9a-f]{12}$/
const SHORT_ID_LENGTH = 12

/** Whether splitting a text at everything but ASCII letters and digits gives its words. */
export const isPlain = (text: string): boolean => PLAIN.test(text)

/** The words by which a text is found, with repetitions. */
export function wordsOf(text: string): string[] {
  if (isPlain(text)) return text.toLowerCase().match(PLAIN_WORD) ?? []
  return compoundsOf(text).flatMap((compound) => {
    const parts = compound.split("'")
    return parts.length === 1 ? pieces(compound) : [...parts, parts.join('')].flatMap(pieces)
  })
}

/** The words of a query, each once; empty for a text without words. */
export function queryWords(text: string): string[] {
  const words = compoundsOf(text.slice(0, MAX_TEXT).replaceAll(ORDER_ID, '$1')).flatMap((compound) =>
    splitUnspaced(compound.replaceAll("'", '')).flatMap((run) =>
      isUnspaced(run) && Array.from(run).length > 1 ? pairs(run) : [run],
    ),
  )
  return [...new Set(words.map(shorten))].slice(0, MAX_WORDS)
}

/** Whether a word of a query can be the end of an order's id. */
export const isShortId = (word: string): boolean => SHORT_ID.test(word)

/** The word for an order's id: marked, because it is found as a whole and not by its beginning. */
export const idWord = (shortId: string): string => `¤i${shortId}`

export const shortIdOf = (orderId: string): string => orderId.slice(-SHORT_ID_LENGTH)

/** The searchable parts of an order, besides its id. */
export interface Searchable {
  readonly customerName: string
  readonly customerLastName: string
  readonly customerEmail: string
  readonly reference?: string | null
  readonly orderItems: readonly (Parameters<typeof longDescription>[0] & { readonly itemCode: string })[]
}

/** The searchable texts other than names of customers and items. */
function otherTexts(order: Pick<Searchable, 'customerEmail' | 'reference' | 'orderItems'>): string[] {
  return [order.customerEmail, order.reference ?? '', ...order.orderItems.map(({ itemCode }) => itemCode)]
}

/** Each word of an order once, and whether it is one of the customer's name. */
export function orderWords(orderId: string, order: Searchable): ReadonlyMap<string, boolean> {
  const words = new Map([[idWord(shortIdOf(orderId)), false]])
  for (const text of [...otherTexts(order), ...order.orderItems.map(longDescription)])
    for (const word of wordsOf(text)) words.set(shorten(word), false)
  for (const word of wordsOf(customerFullName(order))) words.set(shorten(word), true)
  return words
}

/** Words with their apostrophes, folded. */
function compoundsOf(text: string): string[] {
  return fold(text.replaceAll(ACUTE, "'")).replaceAll(APOSTROPHE, "'").match(WORD) ?? []
}

/** The word itself; for a script without spaces its characters and each adjacent pair. */
function pieces(word: string): string[] {
  if (!isUnspaced(word)) return [word]
  return splitUnspaced(word).flatMap((run) => (isUnspaced(run) ? [...Array.from(run), ...pairs(run)] : [run]))
}

const isUnspaced = (word: string): boolean => UNSPACED.test(word)
const splitUnspaced = (word: string): string[] => word.split(UNSPACED).filter((run) => run !== '')

function pairs(run: string): string[] {
  const characters = Array.from(run)
  return characters.slice(1).map((character, index) => `${characters[index]}${character}`)
}

function shorten(word: string): string {
  return word.length <= MAX_WORD_LENGTH ? word : Array.from(word).slice(0, MAX_WORD_LENGTH).join('')
}

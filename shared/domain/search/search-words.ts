import { fold } from './fold.ts'
import { customerFullName, longDescription } from '../order-view.ts'

/**
 * Splits orders and queries into words, the same way for every store. Words consist of folded letters and digits
 * (fold.ts). Everything else separates words, so query syntax counts as plain text. Three kinds of words are special:
 *
 * - Words with an apostrophe. Such a word is indexed without the apostrophe, and its parts are indexed too: `O'Connor`
 *   is found by `oconnor`, `o'connor` and `connor`.
 * - Chinese and Japanese, which are written without spaces (Han, Hiragana and Katakana). Each character is a word, and
 *   so is each pair of adjacent characters, as in Lucene's CJKBigramFilter: `小龍` is found by `龍`, and a longer
 *   query is matched by its pairs.
 * - The last twelve digits of an order id, by which people distinguish orders. A full id in a query is reduced to these
 *   digits.
 */

/** The maximum number of words in a query; more words would hardly narrow a search further. */
const MAX_WORDS = 16
/** In code points. No field that is searched may be longer. */
const MAX_WORD_LENGTH = 100
const MAX_TEXT = 4096

/** Text that only needs lower-casing: printable ASCII without an apostrophe or a backtick. */
const PLAIN = /^[\x20-\x26\x28-\x5f\x61-\x7e]*$/
const PLAIN_WORD = /[a-z0-9]+/g
/**
 * The characters that people type or typeset as apostrophes (’ ‘ ʼ ʻ ′ and `), and the Catalan middle dot. Folding
 * converts full-width apostrophes.
 */
const APOSTROPHE = /[\u2019\u2018\u02bc\u02bb\u2032`\u00b7]/g
/** A lone ´, which folding would treat as an accent on a space. */
const ACUTE = /\u00b4/g
const WORD = /[\p{L}\p{N}]+(?:'[\p{L}\p{N}]+)*/gu
const UNSPACED = /([\p{scx=Han}\p{scx=Hira}\p{scx=Kana}]+)/u
const ORDER_ID = /(?<![0-9a-z])[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}([0-9a-f]{12})(?![0-9a-z])/gi
const SHORT_ID = /^[0-9a-f]{12}$/
const SHORT_ID_LENGTH = 12

/** Whether the words of the text are simply its runs of ASCII letters and digits. */
export const isPlain = (text: string): boolean => PLAIN.test(text)

/** The words under which the text is indexed, including repetitions. */
export function wordsOf(text: string): string[] {
  if (isPlain(text)) return text.toLowerCase().match(PLAIN_WORD) ?? []
  return compoundsOf(text).flatMap((compound) => {
    const parts = compound.split("'")
    return parts.length === 1 ? pieces(compound) : [...parts, parts.join('')].flatMap(pieces)
  })
}

/** The distinct words of a query; empty if it has none. */
export function queryWords(text: string): string[] {
  const words = compoundsOf(text.slice(0, MAX_TEXT).replaceAll(ORDER_ID, '$1')).flatMap((compound) =>
    splitUnspaced(compound.replaceAll("'", '')).flatMap((run) =>
      isUnspaced(run) && Array.from(run).length > 1 ? pairs(run) : [run],
    ),
  )
  return [...new Set(words.map(shorten))].slice(0, MAX_WORDS)
}

/** Whether a query word can be the end of an order id. */
export const isShortId = (word: string): boolean => SHORT_ID.test(word)

/** The search word for an order id: marked, because an id matches only as a whole and not by its prefix. */
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

/** The searchable members of the order other than the names of the customer and the items. */
function otherTexts(order: Pick<Searchable, 'customerEmail' | 'reference' | 'orderItems'>): string[] {
  return [order.customerEmail, order.reference ?? '', ...order.orderItems.map(({ itemCode }) => itemCode)]
}

/** Each distinct word of an order, and whether the word is part of the customer's name. */
export function orderWords(orderId: string, order: Searchable): ReadonlyMap<string, boolean> {
  const words = new Map([[idWord(shortIdOf(orderId)), false]])
  for (const text of [...otherTexts(order), ...order.orderItems.map(longDescription)])
    for (const word of wordsOf(text)) words.set(shorten(word), false)
  for (const word of wordsOf(customerFullName(order))) words.set(shorten(word), true)
  return words
}

/** Folded words that still contain their apostrophes. */
function compoundsOf(text: string): string[] {
  return fold(text.replaceAll(ACUTE, "'")).replaceAll(APOSTROPHE, "'").match(WORD) ?? []
}

/** The word itself; in a script without spaces, its characters and each pair of adjacent ones. */
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

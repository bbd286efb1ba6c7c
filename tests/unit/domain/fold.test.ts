import { expect, test } from 'vitest'
import { fold } from '../../../shared/domain/search/fold.ts'
import { queryWords, wordsOf } from '../../../shared/domain/search/search-words.ts'

/**
 * Letters and numerals that differ in upper and lower case, or that NFKD changes. Hangul is left out because it has
 * many letters and no case. The iota subscript of Greek vowels is left out because it is a mark in lower case and a
 * letter in upper case.
 */
const LETTERS = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code))
  .filter((letter) => /[\p{L}\p{N}]/u.test(letter) && !/\p{sc=Hang}/u.test(letter))
  .filter((letter) => letter.toUpperCase() !== letter.toLowerCase() || letter.normalize('NFKD') !== letter)
  .filter((letter) => !letter.normalize('NFD').includes('\u0345'))

test('case and normal form of any letter make no difference, and folding twice equals folding once', () => {
  const ways = [
    fold,
    (text: string) => text.toUpperCase(),
    (text: string) => text.toLowerCase(),
    ...(['NFC', 'NFD', 'NFKC', 'NFKD'] as const).map((form) => (text: string) => text.normalize(form)),
  ]
  const faults = LETTERS.filter((letter) => ways.some((way) => fold(way(letter)) !== fold(letter)))
  expect(LETTERS.length).toBeGreaterThan(5000)
  expect(faults).toEqual([])
})

test('every letter of the languages of Europe that are written in Latin becomes ASCII', () => {
  const latin = Array.from({ length: 0x180 - 0xc0 }, (_, index) => String.fromCodePoint(0xc0 + index))
  // ŉ keeps its apostrophe, and ŀ its middle dot.
  const faults = latin.filter((letter) => !/^[a-z]+$/.test(fold(letter).replace(/[·ʼ]/, '')))
  expect(faults).toEqual(['×', '÷'])
})

test('letters without an ASCII counterpart stay as they are', () => {
  for (const text of ['龍', 'щ', 'ω', 'ə', '🛒', 'א']) expect(fold(text)).toBe(text)
})

test('a word is found by itself, whatever its characters', () => {
  for (const text of [
    "O'Connor",
    'O´Connor',
    'o`connor',
    '小龍',
    '山田たろう',
    'abc小龍2',
    'Łódź',
    "l'été",
    'TRK-2041',
  ]) {
    const words = wordsOf(text)
    expect(queryWords(text).filter((word) => !words.includes(word))).toEqual([])
  }
})

test('text and queries are split into words as promised', () => {
  expect(wordsOf("O'Connor")).toEqual(['o', 'connor', 'oconnor'])
  expect(queryWords("'O’Connor'")).toEqual(['oconnor'])
  expect(wordsOf('小龍x')).toEqual(['小', '龍', '小龍', 'x'])
  expect(queryWords('小龍x 大')).toEqual(['小龍', 'x', '大'])
  expect(wordsOf('a_b.c@d-E 1')).toEqual(['a', 'b', 'c', 'd', 'e', '1'])
  const id = '019E2B6C-40C8-7A91-9F3E-5D0C1B7A44E2'
  for (const q of [id, id.replaceAll('-', ''), `order ${id}`]) expect(queryWords(q).at(-1)).toBe('5d0c1b7a44e2')
})

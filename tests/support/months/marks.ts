import { fileTexts } from '../disk/file-texts.ts'
import type { Random } from '../random.ts'

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'.split('')
const SIGN = 'zqj'
const OWN = new RegExp(`${SIGN}([a-z]{9})`, 'g')

/**
 * A word that stands for the personal data of one request and appears in no other request. An index may omit the
 * characters that a word shares with the word before it, so the characters that identify the mark come last.
 */
export function newMark(random: Random): string {
  const some = (length: number) => Array.from({ length }, () => random.pick(LETTERS)).join('')
  return `${some(5)}${SIGN}${some(9)}`
}

/** Lists the files under `directory` that contain one of the marks, each with what the mark stands for. */
export function findMarks(directory: string, marks: ReadonlyMap<string, string>): string[] {
  const own = new Map([...marks].map(([mark, what]) => [mark.slice(-9), `${mark}, ${what}`]))
  const found = new Set<string>()
  for (const [name, text] of fileTexts(directory)) {
    for (const [, letters = ''] of text.toLowerCase().matchAll(OWN)) {
      const mark = own.get(letters)
      if (mark !== undefined) found.add(`${name}: ${mark}`)
    }
  }
  return [...found]
}

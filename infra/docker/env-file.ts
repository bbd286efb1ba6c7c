import { randomInt } from 'node:crypto'

const LETTERS_AND_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const SECRET_LENGTH = 40
const SECRET_NAME = /_(?:SECRET|KEY|PASSWORD)$/

/**
 * The example, with the values from `present` and a new value for every secret that has none. Names that only `present`
 * has are kept at the end. Throws an error that gives the number of the first line in `present` that is neither an
 * assignment nor a comment, because that line may hold a secret, for example after `export`.
 */
export function fillEnv(example: string, present: string, makeSecret: () => string = randomSecret): string {
  const known = new Map(present.split('\n').flatMap(readLine))
  const wanted = new Set<string>()
  const filled = example.split('\n').map((line) => {
    const [[name, value] = []] = assignment(line)
    if (name === undefined) return line
    wanted.add(name)
    return `${name}=${known.get(name) || value || (SECRET_NAME.test(name) ? makeSecret() : '')}`
  })
  const others = [...known].filter(([name]) => !wanted.has(name)).map(([name, value]) => `${name}=${value}`)
  return `${[...filled, ...others].join('\n').trimEnd()}\n`
}

function readLine(line: string, index: number): [name: string, value: string][] {
  const read = assignment(line)
  if (read.length > 0 || /^\s*(?:#|$)/.test(line)) return read
  throw new Error(`Line ${index + 1} is neither NAME=value nor a comment. Correct it, so that its value is not lost.`)
}

function assignment(line: string): [name: string, value: string][] {
  const [, name, value = ''] = /^\s*(\w+)\s*=(.*)$/.exec(line) ?? []
  return name === undefined ? [] : [[name, value.trim()]]
}

/**
 * Uses only letters and digits, which need no quoting anywhere. Contains all three kinds of characters that SQL
 * Server's policy demands.
 */
export function randomSecret(): string {
  const secret = Array.from({ length: SECRET_LENGTH }, () => LETTERS_AND_DIGITS[randomInt(LETTERS_AND_DIGITS.length)])
  const text = secret.join('')
  return [/[A-Z]/, /[a-z]/, /\d/].every((kind) => kind.test(text)) ? text : randomSecret()
}

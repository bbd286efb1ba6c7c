import { randomInt } from 'node:crypto'

const LETTERS_AND_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const SECRET_LENGTH = 40
const SECRET_NAME = /_(?:SECRET|KEY|PASSWORD)$/

/**
 * The example, with the values from `present` and a new value for every secret that has none. Names that only `present`
 * has are kept at the end.
 */
export function fillEnv(example: string, present: string, makeSecret: () => string = randomSecret): string {
  const known = new Map(present.split('\n').flatMap(assignment))
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

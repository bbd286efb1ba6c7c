import { z } from 'zod'
import { expected } from '../violations.ts'

/**
 * String types for commands. Lengths are in code points, as in JSON Schema; control characters and lone surrogates are
 * refused.
 */
type Lines = 'one line' | 'many lines'

const CONTROL = {
  'one line': String.raw`\u0000-\u001f\u007f-\u009f\ud800-\udfff`,
  'many lines': String.raw`\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ud800-\udfff`,
} as const satisfies Record<Lines, string>

/**
 * ECMAScript's white space, written out because the meaning of `\s` varies among the languages whose tools read the API
 * documents.
 */
const SPACES = String.raw`\t\n\r\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff`

/** A string of `min` to `max` characters. */
export function text(min: number, max: number, lines: Lines = 'one line') {
  const pattern = new RegExp(`^[^${CONTROL[lines]}]{${min},${max}}$`, 'u')
  return matching(pattern, (value) => faultOf(value, min, max) ?? NO_CONTROL).meta({ minLength: min, maxLength: max })
}

/** A string of at most `max` characters that is neither empty nor only spaces. */
export function filledText(max: number, lines: Lines = 'one line') {
  const control = CONTROL[lines]
  const pattern = new RegExp(`^(?![${SPACES}]*$)[^${control}]{1,${max}}$`, 'u')
  const onlySpaces = new RegExp(`^[${SPACES}]*$`, 'u')
  return matching(
    pattern,
    (value) => faultOf(value, 1, max) ?? (onlySpaces.test(value) ? 'must not be only spaces' : NO_CONTROL),
  ).meta({
    minLength: 1,
    maxLength: max,
    // An equivalent pattern without look-ahead, which not every regex engine supports.
    pattern: `^[${spacesOf(lines)}]*[^${SPACES}${control}][^${control}]*$`,
  })
}

/** Empty, or text on both sides of an `@`. Only sending an e-mail would show whether the address exists. */
export function emailAddress(max: number) {
  const control = CONTROL['one line']
  const address = `^(?:[^@${control}]+@[^${control}]+)?$`
  const hasControl = new RegExp(`[${control}]`, 'u')
  return matching(
    new RegExp(`(?=^[^]{0,${max}}$)${address}`, 'u'),
    (value) =>
      faultOf(value, 0, max) ?? (hasControl.test(value) ? NO_CONTROL : 'must be an address with an @, or empty'),
  ).meta({ maxLength: max, pattern: address })
}

const NO_CONTROL = 'must not contain control characters'

function matching(pattern: RegExp, fault: (value: string) => string) {
  return z
    .string({ error: expected('must be a string') })
    .regex(pattern, { error: ({ input }) => fault(String(input)) })
}

function faultOf(value: string, min: number, max: number): string | undefined {
  if (!value.isWellFormed()) return 'must be well-formed Unicode: it holds half of a surrogate pair'
  const length = Array.from(value).length
  if (length < min) return 'must not be empty'
  if (length > max) return `must have at most ${max} characters, has ${length}`
  return undefined
}

function spacesOf(lines: Lines): string {
  return lines === 'many lines' ? SPACES : SPACES.slice(String.raw`\t\n\r`.length)
}

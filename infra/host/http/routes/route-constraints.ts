/** Whether a parameter may have this decoded value. */
export type Constraint = (text: string) => boolean

const LONG = { min: -(2n ** 63n), max: 2n ** 63n - 1n }

const PLAIN: Readonly<Record<string, Constraint>> = {
  int: whole(-(2n ** 31n), 2n ** 31n - 1n),
  long: whole(LONG.min, LONG.max),
  guid: matching(/^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i),
  bool: matching(/^(?:true|false)$/i),
  alpha: matching(/^[a-z]*$/i),
}

const WITH_NUMBERS: Readonly<Record<string, (first: bigint, second?: bigint) => Constraint | undefined>> = {
  min: (min) => whole(min, LONG.max),
  max: (max) => whole(LONG.min, max),
  range: (min, max) => (max === undefined ? undefined : whole(min, max)),
  length: (min, max = min) => ofLength(min, max),
  minlength: (min) => ofLength(min, LONG.max),
  maxlength: (max) => ofLength(0n, max),
}

/** The names of all supported constraints, for messages. */
export const KNOWN_CONSTRAINTS = [...Object.keys(PLAIN), ...Object.keys(WITH_NUMBERS), 'regex'].join(', ')

/**
 * Parses an inline constraint of ASP.NET Core, such as `int`, `range(1,5)` or `regex(^a)`. Returns undefined for an
 * unsupported constraint. Throws a SyntaxError for an invalid regular expression.
 */
export function createConstraint(text: string): Constraint | undefined {
  const [, name = text, argument] = /^(\w+)\((.*)\)$/s.exec(text) ?? []
  const lower = name.toLowerCase()
  if (argument === undefined) return PLAIN[lower]
  // Case-insensitive and not anchored, as in ASP.NET Core.
  if (lower === 'regex') return matching(new RegExp(argument, 'i'))
  const [, first, second] = /^\s*(-?\d+)\s*(?:,\s*(-?\d+)\s*)?$/.exec(argument) ?? []
  if (first === undefined) return undefined
  return WITH_NUMBERS[lower]?.(BigInt(first), second === undefined ? undefined : BigInt(second))
}

function matching(expression: RegExp): Constraint {
  return (text) => expression.test(text)
}

function whole(min: bigint, max: bigint): Constraint {
  return (text) => {
    if (!/^\s*[+-]?\d{1,20}\s*$/.test(text)) return false
    const value = BigInt(text.replace('+', ''))
    return value >= min && value <= max
  }
}

function ofLength(min: bigint, max: bigint): Constraint {
  return ({ length }) => length >= min && length <= max
}

/** Whether a parameter may hold this decoded text. */
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

/** The constraints that this host has, for people. */
export const KNOWN_CONSTRAINTS = [...Object.keys(PLAIN), ...Object.keys(WITH_NUMBERS), 'regex'].join(', ')

/**
 * ASP.NET Core's inline constraint, such as `int`, `range(1,5)` or `regex(^a)`. Undefined for one that this host does
 * not have. Throws a SyntaxError for a regular expression that is not valid.
 */
export function createConstraint(text: string): Constraint | undefined {
  const [, name = text, argument] = /^(\w+)\((.*)\)$/s.exec(text) ?? []
  const lower = name.toLowerCase()
  if (argument === undefined) return PLAIN[lower]
  // As .NET's RegexOptions.IgnoreCase, and unanchored: the pattern says where it begins and ends.
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

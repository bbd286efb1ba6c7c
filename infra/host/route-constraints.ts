/** ASP.NET Core's inline constraints, as far as routes of functions use them. A constraint sees the decoded text. */
export type Constraint = (value: string) => boolean

const INT = { min: -(2n ** 31n), max: 2n ** 31n - 1n }
const LONG = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
const HEX_4 = '[0-9a-f]{4}'
const GUID = new RegExp(
  ['[0-9a-f]{32}', '\\{D\\}', '\\(D\\)', 'D']
    .map((form) => form.replace('D', `[0-9a-f]{8}-${HEX_4}-${HEX_4}-${HEX_4}-[0-9a-f]{12}`))
    .map((form) => `^${form}$`)
    .join('|'),
  'i',
)
/** NumberStyles.Number of the invariant culture: a sign on either side, thousands separators, a fraction. */
const DECIMAL = /^\s*(?:[+-]?[\d,]*\d[\d,]*(?:\.\d*)?|[+-]?\.\d+|[\d,]*\d[\d,]*(?:\.\d*)?[+-]|\.\d+[+-])\s*$/
const FLOAT = /^\s*[+-]?(?:[\d,]*\d[\d,]*(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?\s*$/i

const SIMPLE: Readonly<Record<string, Constraint>> = {
  int: (value) => isWhole(value, INT),
  long: (value) => isWhole(value, LONG),
  guid: (value) => GUID.test(value.trim()),
  bool: (value) => /^(?:true|false)$/i.test(value.trim()),
  decimal: (value) => DECIMAL.test(value),
  double: (value) => FLOAT.test(value),
  float: (value) => FLOAT.test(value),
  alpha: (value) => /^[a-z]*$/i.test(value),
  required: (value) => value !== '',
}

const WITH_ARGUMENTS: Readonly<Record<string, (args: readonly string[]) => Constraint | undefined>> = {
  length: ([min, max = min]) => numbers(min, max, (low, high) => (value) => within(BigInt(value.length), low, high)),
  minlength: ([min]) => numbers(min, min, (low) => (value) => BigInt(value.length) >= low),
  maxlength: ([max]) => numbers(max, max, (_, high) => (value) => BigInt(value.length) <= high),
  min: ([min]) => numbers(min, min, (low) => (value) => isWhole(value, { min: low, max: LONG.max })),
  max: ([max]) => numbers(max, max, (_, high) => (value) => isWhole(value, { min: LONG.min, max: high })),
  range: ([min, max]) => numbers(min, max, (low, high) => (value) => isWhole(value, { min: low, max: high })),
}

/** Throws when the host would not know the constraint either: it then refuses the function. */
export function createConstraint(name: string, argument: string | undefined): Constraint {
  const lower = name.toLowerCase()
  if (lower === 'regex' && argument !== undefined) return regex(argument)
  const made =
    argument === undefined ? SIMPLE[lower] : WITH_ARGUMENTS[lower]?.(argument.split(',').map((part) => part.trim()))
  if (made === undefined) {
    throw new Error(`The route constraint "${name}${argument === undefined ? '' : `(${argument})`}" is not known.`)
  }
  return made
}

/** As .NET's RegexOptions.IgnoreCase, and unanchored: the pattern has to say where it begins and ends. */
function regex(pattern: string): Constraint {
  const expression = new RegExp(pattern, 'i')
  return (value) => expression.test(value)
}

function isWhole(value: string, { min, max }: { min: bigint; max: bigint }): boolean {
  const text = value.trim()
  return /^[+-]?\d{1,20}$/.test(text) && within(BigInt(text.replace('+', '')), min, max)
}

function within(value: bigint, min: bigint, max: bigint): boolean {
  return value >= min && value <= max
}

function numbers(
  low: string | undefined,
  high: string | undefined,
  make: (low: bigint, high: bigint) => Constraint,
): Constraint | undefined {
  if (!/^-?\d+$/.test(low ?? '') || !/^-?\d+$/.test(high ?? '')) return undefined
  return make(BigInt(low ?? 0), BigInt(high ?? 0))
}

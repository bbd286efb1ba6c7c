import { disablesWithoutEffect } from './disabled-functions.ts'

/** A shorter name is one letter away from too many others. */
const MIN_NAME_LENGTH = 5

/** Read by the embedded host alone. */
const HOST_KEYS = ['READ_KEY', 'PLACE_KEY', 'METRICS_KEY'] as const

/**
 * A line about each setting that was set and does nothing: a function switched off by a wrong spelling, a name that is one
 * letter away from one of ours, or a key that only the other host knows. `known` are the names that are read.
 */
export function settingsWithoutEffect(
  environment: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
  runtime: 'embedded' | 'functions',
): string[] {
  const disables = disablesWithoutEffect(environment)
  const misspelt = Object.keys(environment).flatMap((name) => {
    if (name.length < MIN_NAME_LENGTH || known.includes(name)) return []
    const meant = known.find((candidate) => candidate.length >= MIN_NAME_LENGTH && isOneLetterAway(name, candidate))
    return meant === undefined ? [] : [`${name} has no effect: the setting is called ${meant}.`]
  })
  const keys = runtime === 'embedded' ? [] : HOST_KEYS.filter((name) => (environment[name] ?? '') !== '')
  const unread = keys.map(
    (name) => `${name} has no effect: the Functions runtime has keys of its own (docs/deploying.md).`,
  )
  return [...(disables === undefined ? [] : [disables]), ...misspelt, ...unread]
}

/** One letter more, less or other. */
function isOneLetterAway(one: string, other: string): boolean {
  const [short, long] = one.length < other.length ? [one, other] : [other, one]
  if (long.length - short.length > 1) return false
  let at = 0
  while (at < short.length && short[at] === long[at]) at++
  return short.slice(short.length === long.length ? at + 1 : at) === long.slice(at + 1)
}

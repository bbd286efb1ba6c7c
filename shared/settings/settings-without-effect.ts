import { disablesWithoutEffect } from './disabled-functions.ts'
import type { Environment } from './environment.ts'

/** Shorter names are not compared, because they resemble too many other names. */
const MIN_NAME_LENGTH = 5

const OWN_KEYS = 'the Functions runtime has keys of its own'
/** Settings that only the embedded host reads, and why they are not needed in the Functions runtime. */
const HOST_SETTINGS = {
  READ_KEY: OWN_KEYS,
  PLACE_KEY: OWN_KEYS,
  METRICS_KEY: OWN_KEYS,
  CORS_ORIGINS: 'in the Functions runtime, CORS is up to the platform or the gateway',
} as const

/**
 * One line for each setting that has a value but no effect: a misspelt setting that should disable a function, a name
 * that differs by one letter from a setting's name, or a setting that only the embedded host reads. `known` contains the
 * settings' names.
 */
export function settingsWithoutEffect(
  environment: Environment,
  known: readonly string[],
  runtime: 'embedded' | 'functions',
): string[] {
  const disables = disablesWithoutEffect(environment)
  const misspelt = Object.keys(environment).flatMap((name) => {
    if (name.length < MIN_NAME_LENGTH || known.includes(name)) return []
    const meant = known.find((candidate) => candidate.length >= MIN_NAME_LENGTH && isOneLetterAway(name, candidate))
    return meant === undefined ? [] : [`${name} has no effect: the setting is called ${meant}.`]
  })
  const unread = Object.entries(runtime === 'embedded' ? {} : HOST_SETTINGS)
    .filter(([name]) => (environment[name] ?? '') !== '')
    .map(([name, why]) => `${name} has no effect: ${why} (docs/deploying.md).`)
  return [...(disables === undefined ? [] : [disables]), ...misspelt, ...unread]
}

/** Whether inserting, deleting or replacing one character turns one name into the other. */
function isOneLetterAway(one: string, other: string): boolean {
  const [short, long] = one.length < other.length ? [one, other] : [other, one]
  if (long.length - short.length > 1) return false
  let at = 0
  while (at < short.length && short[at] === long[at]) at++
  return short.slice(short.length === long.length ? at + 1 : at) === long.slice(at + 1)
}

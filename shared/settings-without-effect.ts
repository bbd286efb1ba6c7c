import { disablesWithoutEffect } from './disabled-functions.ts'

/** A shorter name resembles too much. */
const MIN_NAME_LENGTH = 5

/**
 * A line about each setting that was set and does nothing: a function switched off by a wrong spelling, or a name that is
 * one letter away from one of ours. `known` are the names that are read.
 */
export function settingsWithoutEffect(
  environment: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): string[] {
  const disables = disablesWithoutEffect(environment)
  const misspelt = Object.keys(environment).flatMap((name) => {
    if (name.length < MIN_NAME_LENGTH || known.includes(name)) return []
    const meant = known.find((candidate) => candidate.length >= MIN_NAME_LENGTH && isOneLetterAway(name, candidate))
    return meant === undefined ? [] : [`${name} has no effect: the setting is called ${meant}.`]
  })
  return disables === undefined ? misspelt : [disables, ...misspelt]
}

/** One letter more, less or other. */
function isOneLetterAway(one: string, other: string): boolean {
  const [short, long] = one.length < other.length ? [one, other] : [other, one]
  if (long.length - short.length > 1) return false
  let at = 0
  while (at < short.length && short[at] === long[at]) at++
  return short.slice(short.length === long.length ? at + 1 : at) === long.slice(at + 1)
}

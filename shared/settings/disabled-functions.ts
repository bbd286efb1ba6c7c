import type { Environment } from './environment.ts'

/**
 * The Functions runtime's settings that disable a function: `AzureWebJobs_<name>_Disabled`, or the same with dots,
 * which a shell cannot export. Names are case-insensitive. The values `true` and `1` disable the function.
 */

const DISABLED = /^AzureWebJobs(?:_(?!_)(.+?)(?<!_)_|\.(.+)\.)Disabled$/i
/** A common mistake, because other settings use two underscores. The runtime ignores it silently. */
const WITHOUT_EFFECT = /^AzureWebJobs(?:__|:)(.+?)(?:__|:)Disabled$/i

/** The names of the disabled functions, in lower case. */
export function disabledFunctions(settings: Environment): ReadonlySet<string> {
  return new Set(namesIn(settings, DISABLED).map(({ name }) => name.toLowerCase()))
}

/** One line about misspelt settings that were meant to disable a function but do not; undefined if there are none. */
export function disablesWithoutEffect(settings: Environment): string | undefined {
  const [first, ...others] = namesIn(settings, WITHOUT_EFFECT)
  if (first === undefined) return undefined
  const more = others.length === 0 ? '' : `, nor do ${others.length} other settings spelt like it`
  return `${first.setting} has no effect${more}: write AzureWebJobs_${first.name}_Disabled, with one underscore on each side of the name.`
}

function namesIn(settings: Environment, pattern: RegExp): { setting: string; name: string }[] {
  return Object.entries(settings).flatMap(([setting, value]) => {
    const [, underscored, dotted] = pattern.exec(setting) ?? []
    const name = underscored ?? dotted
    return name !== undefined && /^(?:true|1)$/i.test(value ?? '') ? [{ setting, name }] : []
  })
}

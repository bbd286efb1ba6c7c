/**
 * The runtime's settings that switch a function off: `AzureWebJobs_<name>_Disabled`, or the same with dots, which a shell
 * cannot pass on. Names are compared without regard to case; `true` and `1` switch off.
 */
type Settings = Readonly<Record<string, string | undefined>>

const DISABLED = /^AzureWebJobs(?:_(?!_)(.+?)(?<!_)_|\.(.+)\.)Disabled$/i
/** Every other setting takes two underscores, so this is what people write; the runtime passes over it in silence. */
const WITHOUT_EFFECT = /^AzureWebJobs(?:__|:)(.+?)(?:__|:)Disabled$/i

/** Names of the functions that are switched off, in lower case. */
export function disabledFunctions(settings: Settings): ReadonlySet<string> {
  return new Set(namesIn(settings, DISABLED).map(({ name }) => name.toLowerCase()))
}

/** One line about settings that are spelt so that they switch nothing off; undefined when there is none. */
export function disablesWithoutEffect(settings: Settings): string | undefined {
  const [first, ...others] = namesIn(settings, WITHOUT_EFFECT)
  if (first === undefined) return undefined
  const more = others.length === 0 ? '' : `, nor do ${others.length} other settings spelt like it`
  return `${first.setting} has no effect${more}: write AzureWebJobs_${first.name}_Disabled, with one underscore on each side of the name.`
}

function namesIn(settings: Settings, pattern: RegExp): { setting: string; name: string }[] {
  return Object.entries(settings).flatMap(([setting, value]) => {
    const [, underscored, dotted] = pattern.exec(setting) ?? []
    const name = underscored ?? dotted
    return name !== undefined && /^(?:true|1)$/i.test(value ?? '') ? [{ setting, name }] : []
  })
}

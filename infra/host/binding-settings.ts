import type { Environment } from '../../shared/settings/environment.ts'

/**
 * Resolves a property of a binding as the runtime does (Kafka extension, Extensions/ConfigurationExtensions.cs).
 * `%NAME%` is replaced with the setting of that name. If the result is itself the name of a setting, it is replaced
 * with that setting's value. Names are case-insensitive, and `__` in the environment stands for `:`.
 */
export type ResolveBinding = (value: string) => string

export function createBindingResolver(settings: Environment): ResolveBinding {
  const known = new Map(
    Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [[settingKey(name), value]])),
  )
  return (value) => {
    const expanded = value.replace(/%([^%]+)%/g, (token, name: string) => {
      const found = known.get(settingKey(name))
      if (found === undefined) throw new Error(`'${token}' does not resolve to a value.`)
      return found
    })
    return known.get(settingKey(expanded)) || expanded
  }
}

function settingKey(name: string): string {
  return name.toLowerCase().replaceAll('__', ':')
}

/**
 * Parses the query as the runtime does (ASP.NET's QueryCollection). Names are case-insensitive, their first spelling is
 * kept, and the values of a repeated name are joined by commas.
 */
export function parseQuery(rawQuery: string): Record<string, string> {
  const query: Record<string, string> = {}
  if (rawQuery === '') return query
  const spellings = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(rawQuery)) {
    const known = spellings.get(name.toLowerCase())
    if (known === undefined) {
      spellings.set(name.toLowerCase(), name)
      query[name] = value
    } else {
      query[known] += `,${value}`
    }
  }
  return query
}

/** Returns one parameter. `name` must be in lower case; the case of names in the query is ignored. */
export function queryValue(rawQuery: string, name: string): string | undefined {
  if (rawQuery === '') return undefined
  return Object.entries(parseQuery(rawQuery)).find(([found]) => found.toLowerCase() === name)?.[1]
}

/**
 * Finds out which tables a piece of T-SQL text reads and writes. It looks only at the text's words, and relies on the
 * style of this product's statements: no table name has a schema, every alias follows AS, and every statement ends with
 * a semicolon. tests/sql/check-tsql.py checks the statements with a real parser.
 */
export interface StatementFacts {
  readonly reads: readonly string[]
  readonly inserts: readonly string[]
  readonly updates: readonly string[]
  readonly deletes: readonly string[]
  /** Permissions beyond SELECT, INSERT, UPDATE and DELETE on these tables: `ALTER rebuilt_orders`, `VIEW DATABASE STATE`. */
  readonly otherGrants: readonly string[]
  /** Table hints, such as `ledger: UPDLOCK`, and query hints. */
  readonly hints: readonly string[]
  /** Procedures that the text calls. */
  readonly procedures: readonly string[]
  /** Writes that are not limited by TOP, by a list that is passed in, or by a complete key. */
  readonly unboundedWrites: readonly string[]
}

/** The keys of each table: lists of columns that identify one row. */
export type Keys = ReadonlyMap<string, readonly (readonly string[])[]>

const HINT = /\b(\w+)(?: AS \w+)? WITH \(((?:[A-Z]+)(?:, [A-Z]+)*)\)/g
const DEFINITION = /\b(CREATE|ALTER|DROP) (?:UNIQUE )?(?:CLUSTERED )?(TABLE|INDEX|VIEW|PROCEDURE|TRIGGER|DATABASE)\b/g

/** The text without comments and literals, but with the statements that EXEC runs from literals. */
function wordsOf(text: string): string {
  return text
    .replaceAll(/--.*$|\/\*.*?\*\//gm, '')
    .replaceAll(/\bEXEC\s*\(N?'([^']*)'[^)]*\)/g, '$1')
    .replaceAll(/N?'(?:[^']|'')*'/g, "''")
}

function partsOf(text: string): string[] {
  return wordsOf(text).split(';')
}

const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)]
const sorted = (names: Iterable<string>) => [...new Set(names)].toSorted()

/** The keys of the tables that these migrations create. The key of a single-row table has no columns. */
export function keysOf(migrations: Iterable<string>): Keys {
  const keys = new Map<string, string[][]>()
  for (const text of migrations) {
    for (const [, table = '', body = ''] of matches(text, /\bCREATE TABLE (\w+) \(([\s\S]*?)^\s*\)/gm)) {
      const ofTable: string[][] = /CHECK \(only_row = 1\)/.test(body) ? [[]] : []
      for (const line of body.split(/,\n/)) {
        const [, isKey, list] = /\b(PRIMARY KEY|UNIQUE)\b(?: (?:NON)?CLUSTERED)?(?: \(([\w, ]+)\))?/.exec(line) ?? []
        const [, column = ''] = /^\s*(?:--.*\n\s*)*(\w+)/.exec(line) ?? []
        if (isKey !== undefined) ofTable.push(list === undefined ? [column] : list.split(', '))
      }
      keys.set(table, ofTable)
    }
  }
  return keys
}

export function readStatement(text: string, keys: Keys): StatementFacts {
  const facts = { reads: [] as string[], inserts: [] as string[], updates: [] as string[], deletes: [] as string[] }
  const unboundedWrites: string[] = []
  for (const part of partsOf(text)) {
    const aliases = new Map(
      matches(part, /\b(?:FROM|JOIN) ([\w.]+) AS (\w+)/g).map(([, table = '', alias = '']) => [alias, table]),
    )
    const known = (name: string) => aliases.get(name) ?? name
    const isTable = (name: string) => keys.has(name) || name.startsWith('sys.') || name.startsWith('msdb.')
    const find = (pattern: RegExp) =>
      matches(part, pattern)
        .map(([, name = '']) => known(name))
        .filter(isTable)
    const written = {
      inserts: find(/\bINSERT INTO ([\w.]+)/g),
      updates: find(/\bUPDATE (?:TOP \([^)]*\) )?([\w.]+)/g),
      deletes: find(/\bDELETE (?:TOP \([^)]*\) )?(?:FROM )?([\w.]+)/g),
    }
    facts.reads.push(...find(/(?<!\bDELETE (?:TOP \([^)]*\) )?)\b(?:FROM|JOIN) ([\w.]+)/g))
    for (const [verb, tables] of Object.entries(written)) facts[verb as keyof typeof written].push(...tables)
    const targets = [...written.updates, ...written.deletes]
    if (targets.some((table) => !isBounded(part, keys.get(table) ?? []))) unboundedWrites.push(...targets)
    if (written.inserts.length > 0 && !isInsertBounded(part, keys)) unboundedWrites.push(...written.inserts)
  }
  const words = wordsOf(text)
  return {
    reads: sorted(facts.reads),
    inserts: sorted(facts.inserts),
    updates: sorted(facts.updates),
    deletes: sorted(facts.deletes),
    otherGrants: otherGrantsOf(words),
    hints: sorted([
      ...matches(words, HINT).map(([, table = '', hints = '']) => `${table}: ${hints}`),
      ...matches(words, /\bOPTION \(([A-Z ]+)\)/g).map(([, hint = '']) => hint),
    ]),
    procedures: sorted(matches(words, /\bEXEC(?:UTE)?\s+(?:@\w+\s*=\s*)?(\w+)/g).map(([, name = '']) => name)),
    unboundedWrites: sorted(unboundedWrites),
  }
}

/** A list that is passed in, or that the statement builds, counts as bounded: whoever builds it limits its length. */
const LISTED = /\b(?:FROM|JOIN) @\w+|\bOPENJSON\(/

function isBounded(part: string, keys: readonly (readonly string[])[]): boolean {
  if (/\bTOP \(/.test(part) || LISTED.test(part)) return true
  const isGiven = (column: string) =>
    new RegExp(`\\b${column} = (?:[@\\d(]|CASE )`).test(part) ||
    (part.includes(`${column} >= @`) && part.includes(`${column} <= @`))
  return keys.some((columns) => columns.every(isGiven))
}

function isInsertBounded(part: string, keys: Keys): boolean {
  const sources = matches(part, /\b(?:FROM|JOIN) (\w+)/g).map(([, table = '']) => keys.get(table))
  return sources.every((ofTable) => ofTable === undefined || isBounded(part, ofTable))
}

function otherGrantsOf(words: string): string[] {
  const definitions = matches(words, DEFINITION).map(([, verb = '', what = '']) => {
    if (what === 'DATABASE') return 'ALTER on the database'
    return verb === 'CREATE' && what === 'TABLE' ? 'CREATE TABLE' : 'ALTER on its tables'
  })
  return sorted([
    ...matches(words, /\bTRUNCATE TABLE (\w+)/g).map(([, table = '']) => `ALTER on ${table}`),
    ...matches(words, /\bIDENTITY_INSERT (\w+) ON\b/g).map(([, table = '']) => `ALTER on ${table}`),
    ...definitions,
    ...(words.includes('sys.dm_db_') ? ['VIEW DATABASE STATE'] : []),
    ...(words.includes('msdb.') ? ['a user in msdb'] : []),
  ])
}

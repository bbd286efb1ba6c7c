import { readFileSync, writeFileSync } from 'node:fs'
import { keysOf, readStatement, type StatementFacts } from './read-statement.ts'
import { allStatements } from './statements.ts'

/**
 * The table of all statements, tests/sql/statements.md. Everything in it is derived from the SQL except the size class,
 * which the statement's author fills in. `node tests/sql/statement-table.ts` rewrites the table and keeps the classes.
 */
export const FILE = new URL('statements.md', import.meta.url)
export const SIZES = ['constant', 'batch', 'page', 'step', 'part', 'table'] as const

const UNKNOWN_SIZE = '?'

/** Statements whose text depends on filters share a row, and so do the batches of a migration. */
function rowOf(name: string): string {
  const migration = /^(\d+ \w+), /.exec(name)
  if (migration !== null) return `migration ${migration[1]}`
  return name.replace(/,? (?:by \w*(?:,\w+)*|names only: \w+|of a target: \w+|escapes resolved)$/, '')
}

export function readAll(): ReadonlyMap<string, StatementFacts> {
  const statements = [...allStatements()]
  const keys = keysOf(statements.map(([, text]) => text))
  const rows = Map.groupBy(statements, ([name]) => rowOf(name))
  return new Map([...rows].map(([row, texts]) => [row, readStatement(texts.map(([, text]) => text).join(';\n'), keys)]))
}

/** The rows that the table should have, by statement. */
export function linesOf(sizes: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map(
    [...readAll()].map(([row, facts]) => {
      const { reads, inserts, updates, deletes, otherGrants, hints, procedures } = facts
      const cells = [reads, inserts, updates, deletes, otherGrants, [...hints, ...procedures]].map((names) =>
        names.join(', '),
      )
      return [row, `| ${[row, sizes.get(row) ?? UNKNOWN_SIZE, ...cells].join(' | ')} |`.replaceAll(/ +\|/g, ' |')]
    }),
  )
}

/** The line in the file's table and the size class, for each statement. */
export function readTable(): { lines: ReadonlyMap<string, string>; sizes: ReadonlyMap<string, string> } {
  const rows = tableOf(readFileSync(FILE, 'utf8'))
    .text.split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ line, cells: line.split(' |').map((cell) => cell.replace(/^\|? */, '')) }))
  return {
    lines: new Map(rows.map(({ line, cells: [row = ''] }) => [row, line])),
    sizes: new Map(rows.map(({ cells: [row = '', size = ''] }) => [row, size])),
  }
}

/** The rows of the last table in the text, and everything before these rows. */
function tableOf(text: string): { before: string; text: string } {
  const at = text.indexOf('\n', text.lastIndexOf('\n|---') + 1) + 1
  return { before: text.slice(0, at), text: text.slice(at) }
}

if (process.argv[1] === import.meta.filename) {
  const { before } = tableOf(readFileSync(FILE, 'utf8'))
  writeFileSync(FILE, `${before}${[...linesOf(readTable().sizes).values()].join('\n')}\n`)
}

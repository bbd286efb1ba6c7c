import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { allStatements } from '../../../sql/statements.ts'
import { linesOf, readAll, readTable, SIZES } from '../../../sql/statement-table.ts'

const ADAPTER = new URL('../../../../shared/adapters/mssql/', import.meta.url)
/** The first argument of each function that sends a statement. */
const SENT = /(?:\bawait (?:connection\.)?(?:query|batch|inStep)\(|=>\s*act\(|\blook\('[^']*',)\s*([^,)]+)/g
/** Arguments that come from the enclosing function's parameters. That function's callers then name the statement. */
const PASSED_ON = /^(?:statement$|adapt\(|recordOf\()/

test('tests/sql/statements.md has a row for every statement', () => {
  const { lines, sizes } = readTable()
  const expected = linesOf(sizes)
  const toAdd = [...expected].filter(([row, line]) => lines.get(row) !== line).map(([, line]) => line)
  const toRemove = [...lines.keys()].filter((row) => !expected.has(row))
  // If this fails, run `node tests/sql/statement-table.ts`, then fill in the sizes.
  expect({ toAdd, toRemove }).toEqual({ toAdd: [], toRemove: [] })
})

test('every size is one that the table explains, and an unlimited write has the size of a whole table', () => {
  const { sizes } = readTable()
  const known: readonly string[] = SIZES
  expect([...sizes].filter(([, size]) => !known.includes(size))).toEqual([])
  const unbounded = [...readAll()].filter(([, { unboundedWrites }]) => unboundedWrites.length > 0)
  const faults = unbounded.filter(([row]) => sizes.get(row) !== 'table')
  expect(
    faults.map(([row, { unboundedWrites }]) => `${row} writes ${unboundedWrites.join(', ')} without a limit`),
  ).toEqual([])
})

test('no table from which rows are deleted is a heap, unless it has only a few rows', () => {
  const migrations = [...allStatements()].filter(([name]) => /^\d/.test(name)).map(([, text]) => text)
  const clustered = new Set(
    migrations.flatMap((text) => [
      ...[...text.matchAll(/\bCREATE CLUSTERED INDEX \w+ ON (\w+)/g)].map(([, table = '']) => table),
      // A primary key is clustered by default.
      ...[...text.matchAll(/\bCREATE TABLE (\w+) \(([\s\S]*?)^\)/gm)]
        .filter(([, , body = '']) => /\bPRIMARY KEY(?! NONCLUSTERED)/.test(body))
        .map(([, table = '']) => table),
    ]),
  )
  const deletedFrom = new Set([...readAll().values()].flatMap(({ deletes }) => deletes))
  expect([...deletedFrom].filter((table) => !clustered.has(table)).toSorted()).toEqual(['ledger', 'ledger_logs'])
})

test('no statement is sent that the table lacks', () => {
  const rows = new Set(readAll().keys())
  const files = readdirSync(ADAPTER, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const sent = files.flatMap((file) => {
    const source = readFileSync(new URL(file, ADAPTER), 'utf8')
    return [...source.matchAll(SENT)].map(([, first = '']) => first).filter((first) => !PASSED_ON.test(first))
  })
  const names = sent.flatMap((first) => first.match(/\b[A-Z][A-Z_]+\b|^[a-z]\w+(?=\()/g) ?? [first])
  expect(names.length).toBeGreaterThan(40)
  expect(names.filter((name) => !rows.has(name))).toEqual([])
})

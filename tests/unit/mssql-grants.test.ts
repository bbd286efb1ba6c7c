import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { allStatements } from '../sql/statements.ts'

/**
 * The permissions that docs/deploying.md grants are the least with which every statement runs. SQL Server asks for ALTER
 * on a table that is truncated, for nothing to take an application lock, and for no more than reading and writing where a
 * statement selects, inserts, updates and deletes (learn.microsoft.com/sql/t-sql/statements, each statement's page).
 */
const DEPLOYING = readFileSync(new URL('../../docs/deploying.md', import.meta.url), 'utf8')
const MADE_BY_MIGRATIONS = /^\d+ \w+, /
/** Asks for VIEW DATABASE STATE, and degrades in words without it; reading msdb does so too. */
const OPTIONAL = new Set(['SELECT_INDEX_USE', 'SELECT_DAMAGE', 'TURN_SNAPSHOT_ON'])
const WITHOUT_GRANT = new Set(['sp_getapplock', 'sp_releaseapplock'])

const statements = [...allStatements()].filter(([name]) => !MADE_BY_MIGRATIONS.test(name) && !OPTIONAL.has(name))
const found = (pattern: RegExp) =>
  [...new Set(statements.flatMap(([, text]) => [...text.matchAll(pattern)].map(([, name = '']) => name)))].toSorted()

test('only the tables that are truncated are granted ALTER', () => {
  const granted = [...DEPLOYING.matchAll(/GRANT ALTER ON dbo\.(\w+) TO/g)].map(([, table = '']) => table)
  expect(found(/\bTRUNCATE TABLE (\w+)/g)).toEqual(granted.toSorted())
  expect(granted.length).toBeGreaterThan(0)
})

test('no procedure is called that needs a grant', () => {
  expect(found(/\bEXEC(?:UTE)?\s+(?:@\w+\s*=\s*)?(\w+)/g).filter((name) => !WITHOUT_GRANT.has(name))).toEqual([])
  expect(DEPLOYING).not.toMatch(/GRANT EXECUTE/)
})

test('tables are made and changed by migrations alone', () => {
  const definitions = found(/\b((?:CREATE|ALTER|DROP) (?:TABLE|INDEX|VIEW|PROCEDURE|TRIGGER|DATABASE))\b/g)
  // schema_migrations itself, where it is not there yet.
  expect(definitions).toEqual(['CREATE TABLE'])
  expect(statements.filter(([, text]) => /CREATE TABLE/.test(text)).map(([name]) => name)).toEqual([
    'CREATE_MIGRATIONS',
  ])
})

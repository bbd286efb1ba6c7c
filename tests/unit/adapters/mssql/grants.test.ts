import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readAll } from '../../../sql/statement-table.ts'

/**
 * The grants in docs/deploying.md include only the permissions that the statements need. SQL Server requires ALTER on a
 * table that is truncated, or whose identity values are written. An application lock requires no permission. A
 * statement that selects, inserts, updates or deletes requires only the permissions to read or write
 * (learn.microsoft.com/sql/t-sql/statements, each statement's page).
 */
const SETUP = readFileSync(new URL('../../../../infra/docker/mssql/setup-database.sh', import.meta.url), 'utf8')
const DEPLOYING = readFileSync(new URL('../../../../docs/deploying.md', import.meta.url), 'utf8')
/**
 * Statements that the product can do without. They need additional permissions, such as VIEW DATABASE STATE, or a user
 * in msdb.
 */
const OPTIONAL = new Set(['SELECT_INDEX_USE', 'SELECT_DAMAGE', 'TURN_SNAPSHOT_ON'])
const WITHOUT_GRANT = new Set(['sp_getapplock', 'sp_releaseapplock'])

const statements = [...readAll()].filter(([name]) => !name.startsWith('migration ') && !OPTIONAL.has(name))
const grantsOf = (pattern: RegExp) =>
  [
    ...new Set(statements.flatMap(([, { otherGrants }]) => otherGrants.filter((grant) => pattern.test(grant)))),
  ].toSorted()

test('ALTER is granted only on the tables that are truncated, and on the one whose identity values are written', () => {
  const granted = [...DEPLOYING.matchAll(/GRANT ALTER ON dbo\.(\w+) TO/g)].map(([, table = '']) => `ALTER on ${table}`)
  expect(grantsOf(/^ALTER/)).toEqual(granted.toSorted())
  expect(granted.length).toBeGreaterThan(0)
})

test('no procedure is called that needs a grant', () => {
  const called = statements.flatMap(([, { procedures }]) => procedures)
  expect(called.filter((name) => !WITHOUT_GRANT.has(name))).toEqual([])
  expect(DEPLOYING).not.toMatch(/GRANT EXECUTE/)
})

test('only migrations create and alter tables', () => {
  // The exception is CREATE_MIGRATIONS, which creates the table schema_migrations if it does not exist yet.
  const makers = statements.filter(([, { otherGrants }]) => otherGrants.includes('CREATE TABLE')).map(([name]) => name)
  expect(makers).toEqual(['CREATE_MIGRATIONS'])
  expect(grantsOf(/^(?!ALTER on (?:rebuilt_|orders$))/)).toEqual(['CREATE TABLE'])
})

test('the roles are those that the statements and the migrations need', () => {
  const all = [...readAll()].filter(([name]) => !OPTIONAL.has(name)).map(([, facts]) => facts)
  const needed = [
    ...(all.some(({ reads }) => reads.length > 0) ? ['db_datareader'] : []),
    ...(all.some(({ inserts, updates, deletes }) => [inserts, updates, deletes].some(({ length }) => length > 0))
      ? ['db_datawriter']
      : []),
    // CREATE TABLE, and ALTER on the tables.
    ...(all.some(({ otherGrants }) => otherGrants.length > 0) ? ['db_ddladmin'] : []),
  ]
  for (const text of [DEPLOYING, SETUP]) {
    const given = [...text.matchAll(/ALTER ROLE (\w+) ADD MEMBER/g)].map(([, role = '']) => role)
    expect(given.toSorted()).toEqual(needed)
  }
})

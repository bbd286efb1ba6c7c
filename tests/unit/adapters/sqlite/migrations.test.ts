import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { beforeEach, expect, test } from 'vitest'
import { createSqliteStore } from '../../../../shared/adapters/sqlite/sqlite-store.ts'
import { migrate } from '../../../../shared/adapters/sqlite/database/migrations.ts'
import { readMigrations } from '../../../../shared/disk/migration-files.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const OURS = new URL('../../../../infra/sql/sqlite/', import.meta.url)
const KNOWN = readMigrations(OURS)
const NEWEST = KNOWN.at(-1)?.version ?? 0

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
})

const file = () => join(directory, 'orders.sqlite')

/** Our migrations, with these files added to them or put in their place. */
function migrationsWith(files: Readonly<Record<string, string>>): URL {
  const path = join(directory, 'migrations')
  cpSync(fileURLToPath(OURS), path, { recursive: true })
  writeFileSync(join(path, 'README.md'), 'not a migration')
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(path, name), sql)
  return pathToFileURL(`${path}/`)
}

const fileName = (version: number, name: string) => `${String(version).padStart(6, '0')}_${name}.sql`
const ONE_MORE = { [fileName(NEWEST + 1, 'more')]: 'CREATE TABLE more (a INTEGER); CREATE TABLE yet_more (a INTEGER);' }

function query(sql: string): unknown[] {
  const db = new DatabaseSync(file())
  try {
    return db
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }))
  } finally {
    db.close()
  }
}

test('a file is migrated once, and later additions follow', async () => {
  for (let run = 1; run <= 2; run += 1) {
    await using _store = await createSqliteStore({ file: file() })
  }
  const migrations = migrationsWith(ONE_MORE)
  await using _store = await createSqliteStore({ file: file(), migrations })
  expect(query('SELECT version, name FROM schema_migrations')).toEqual([
    ...KNOWN.map(({ version, name }) => ({ version, name })),
    { version: NEWEST + 1, name: 'more' },
  ])
  expect(query('SELECT * FROM yet_more')).toEqual([])
})

test('several processes that open a new file at once all find it complete', async () => {
  await using stores = new AsyncDisposableStack()
  const opened = await Promise.all([1, 2, 3, 4].map(() => createSqliteStore({ file: file() })))
  for (const store of opened) stores.use(store)
  const health = await Promise.all(opened.map(({ store }) => store.health()))
  expect(health).toEqual(opened.map(() => ({ available: true })))
  expect(query('SELECT version FROM schema_migrations')).toEqual(KNOWN.map(({ version }) => ({ version })))
})

test('a file made by a newer version is refused in one line, and left alone', async () => {
  const migrations = migrationsWith(ONE_MORE)
  {
    await using _store = await createSqliteStore({ file: file(), migrations })
  }
  await expect(createSqliteStore({ file: file() })).rejects.toMatchObject({
    code: 'invalid-setting',
    retriable: false,
    message: `${file()} was made by a newer version of this program: it is at migration ${NEWEST + 1}, but this program knows migrations only up to ${NEWEST}.`,
  })
  expect(query('SELECT * FROM more')).toEqual([])
})

test('a migration whose text was changed after it ran is refused', async () => {
  {
    await using _store = await createSqliteStore({ file: file() })
  }
  const migrations = migrationsWith({ [fileName(1, 'create_store')]: 'CREATE TABLE other (a INTEGER)' })
  await expect(createSqliteStore({ file: file(), migrations })).rejects.toMatchObject({
    code: 'invalid-setting',
    message: expect.stringMatching(
      /a different text of migration 1 \(create_store\).*: start the version that made it, or/,
    ) as string,
  })
})

test('different line endings are not a different text', () => {
  const [first] = KNOWN
  const lines = first?.sql.replaceAll('\n', '\r\n') ?? ''
  expect(readMigrations(migrationsWith({ [fileName(1, 'create_store')]: lines }))).toEqual(KNOWN)
})

test('a migration that fails leaves nothing behind', () => {
  const db = new DatabaseSync(':memory:')
  const broken = { version: 1, name: 'broken', sql: 'CREATE TABLE half (a); SELECT nonsense', checksum: 'x' }
  expect(() => migrate(db, ':memory:', [broken])).toThrow(/nonsense/)
  expect(db.prepare("SELECT name FROM sqlite_master WHERE name = 'half'").all()).toEqual([])
  migrate(db, ':memory:', [{ ...broken, sql: 'CREATE TABLE half (a)' }])
  db.close()
})

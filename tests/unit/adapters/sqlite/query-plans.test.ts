import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { prepareArchiveCommands } from '../../../../shared/adapters/sqlite/archive/archive.ts'
import { prepareArchiveQueries } from '../../../../shared/adapters/sqlite/archive/archive-queries.ts'
import { prepareChangeQueries } from '../../../../shared/adapters/sqlite/changes/change-views.ts'
import { prepareDeadLetterQueries } from '../../../../shared/adapters/sqlite/dead-letters/dead-letters.ts'
import { prepareLedgerQueries } from '../../../../shared/adapters/sqlite/ledger/ledger.ts'
import { prepareLedgerRepairs } from '../../../../shared/adapters/sqlite/ledger/ledger-repairs.ts'
import { prepareLedgerReset } from '../../../../shared/adapters/sqlite/ledger/ledger-reset.ts'
import { prepareLedgerSettling } from '../../../../shared/adapters/sqlite/ledger/ledger-settling.ts'
import { prepareListQueries } from '../../../../shared/adapters/sqlite/orders/order-lists.ts'
import { migrate } from '../../../../shared/adapters/sqlite/database/migrations.ts'
import { readMigrations } from '../../../../shared/disk/migration-files.ts'
import { prepareOperatorCommands } from '../../../../shared/adapters/sqlite/dead-letters/operator-commands.ts'
import { prepareOrderQueries } from '../../../../shared/adapters/sqlite/orders/order-views.ts'
import { prepareRebuildCommands } from '../../../../shared/adapters/sqlite/rebuild/rebuild.ts'
import { prepareRedriveCommands } from '../../../../shared/adapters/sqlite/redrives/redrives.ts'
import { prepareRetention } from '../../../../shared/adapters/sqlite/retention/retention.ts'
import { prepareBatchCommands } from '../../../../shared/adapters/sqlite/orders/store-batch.ts'
import type { ListQuery } from '../../../../shared/ports/order-views.ts'

const MIGRATIONS = readMigrations(new URL('../../../../infra/sql/sqlite/', import.meta.url))
const TIME = '2026-01-01T00:00:00.000Z'

/** The SQL of every statement that `work` prepares on the database. */
function preparedBy(work: (db: DatabaseSync) => void): string[] {
  const db = new DatabaseSync(':memory:')
  migrate(db, ':memory:', MIGRATIONS)
  const texts = new Set<string>()
  const prepare = db.prepare.bind(db)
  db.prepare = (sql) => {
    texts.add(sql)
    return prepare(sql)
  }
  work(db)
  return [...texts]
}

/** SQLite's own description of how it would run a statement. */
function planOf(sql: string): string[] {
  const db = new DatabaseSync(':memory:')
  migrate(db, ':memory:', MIGRATIONS)
  return db
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all()
    .map((row) => String(row['detail']))
}

/**
 * A scan of a whole table. The plans of a full-text search, a list of parameters and a row of values also contain SCAN,
 * but they do not scan a table.
 */
function scansATable(line: string): boolean {
  return (
    line.startsWith('SCAN') && !/VIRTUAL TABLE INDEX|^SCAN (?:json_each|CONSTANT ROW|\d+-ROW VALUES CLAUSE)/.test(line)
  )
}

function everyListQuery(): ListQuery[] {
  const choices: Partial<ListQuery>[][] = [
    [{}, { status: 'stored' }, { status: 'cancelled' }, { status: 'retrying' }],
    [{}, { customerId: 1 }],
    [{}, { currency: 'EUR' }],
    [{}, { paymentMethod: 'PayPal' }],
    [{}, { reference: 'WEB-1' }],
    [{}, { from: TIME }, { to: TIME }],
    [{}, { q: 'word' }],
  ]
  return choices.reduce<ListQuery[]>(
    (queries, choice) => queries.flatMap((query) => choice.map((more) => ({ ...query, ...more }))),
    [{ limit: 50 }],
  )
}

/** A span that matches every time range. */
const ONE_SPAN = 'INSERT INTO order_spans VALUES (0, 0, 9007199254740991)'
/** If this table contained no words, a search would not query the index. */
const SOME_TERMS = `INSERT INTO search_terms VALUES ('two'), ('word'), ('words')`

test('no list or search reads a table or sorts its results', () => {
  const texts = preparedBy((db) => {
    db.exec(ONE_SPAN)
    db.exec(SOME_TERMS)
    const lists = prepareListQueries(db, prepareOrderQueries(db))
    for (const query of everyListQuery()) lists.list(query)
    lists.search({ q: 'two words', limit: 50 })
  }).filter((sql) => /SELECT (o\.seq|rowid|span|term)/.test(sql))
  expect(texts.length).toBeGreaterThan(15)
  const faults = texts.flatMap((sql) =>
    planOf(sql)
      .filter((line) => scansATable(line) || line.includes('TEMP B-TREE'))
      .map((line) => ({ line, sql })),
  )
  expect(faults).toEqual([])
})

test('no query and no command reads a whole table', () => {
  const texts = preparedBy((db) => {
    prepareBatchCommands(db)
    prepareOrderQueries(db)
    prepareChangeQueries(db)
    prepareArchiveQueries(db)
    prepareLedgerQueries(db).readLedger('group', 'orders', 10)
    const letters = prepareDeadLetterQueries(db)
    letters.getLetter('orders:0:0')
    letters.groupLetters({ limit: 10 })
    letters.listLetters({ limit: 10 })
    for (const filter of [{ state: 'dead' }, { fingerprint: 'f' }, { code: 'c' }, { orderId: '00' }] as const) {
      letters.listLetters({ limit: 10, ...filter, from: TIME, to: TIME })
    }
  })
  expect(texts.length).toBeGreaterThan(30)
  const faults = texts.flatMap((sql) =>
    planOf(sql)
      .filter(scansATable)
      .map((line) => ({ line, sql })),
  )
  expect(faults).toEqual([])
})

test('the ledger’s queries read only indexes, and sort nothing', () => {
  const texts = preparedBy((db) => void prepareLedgerQueries(db).readLedger('group', 'orders', 10))
  const plans = texts.flatMap((sql) => planOf(sql).map((line) => ({ line, sql })))
  expect(plans.length).toBeGreaterThan(4)
  expect(plans.filter(({ line }) => !/^SEARCH \w+ USING (?:COVERING INDEX|INDEX|PRIMARY KEY)/.test(line))).toEqual([])
  const parked = plans.find(({ sql }) => sql.includes('FROM parked_records'))
  expect(parked?.line).toBe('SEARCH parked_records USING COVERING INDEX parked_records_by_state (group_id=?)')
})

/** Harmless scans: a constant row, tables with a few rows, and the index of running tasks. */
const SCANS_OF_FEW =
  /^SCAN (?:CONSTANT ROW|rebuild|sqlite_schema|(?:redrive_tasks|t) USING (?:COVERING )?INDEX redrive_tasks_running)$/

test('no operators’ statement reads a whole table, or sorts one to write a part of it', () => {
  const act = { operator: 'Kim', verified: false, at: TIME, reason: null }
  const texts = preparedBy((db) => {
    prepareOperatorCommands(db)
    prepareLedgerRepairs(db)
    prepareLedgerReset(db)
    prepareLedgerSettling(db)
    prepareRebuildCommands(db)
    prepareArchiveCommands(db)
    prepareRetention(db)
    const redrives = prepareRedriveCommands(db)
    for (const filter of [
      {},
      { fingerprint: 'f' },
      { code: 'c' },
      { orderId: '00' },
      { foreign: true },
      { from: TIME },
    ]) {
      expect(() => redrives.createRedrive({ id: 'task', letters: filter, ratePerSecond: 1 }, act)).toThrow(
        'No matching letter',
      )
      prepareDeadLetterQueries(db).countLetters({ ...filter, state: 'dead' })
    }
    expect(() =>
      redrives.createRedrive({ id: 'task', letters: { ids: ['orders:0:0'] }, ratePerSecond: 1 }, act),
    ).toThrow()
    redrives.gatherLetters('task', 'owner')
    redrives.forgetSteps('task', 0)
    redrives.leaseRedrive('owner', 0, 0)
    redrives.claimLetters('task', 'owner', 1)
    redrives.markSent('task', ['orders:0:0'], TIME)
    redrives.releaseRedrive('task', 'owner', { dueMs: 0, at: TIME })
    redrives.releaseRedrive('task', 'owner', { dueMs: 0, at: TIME, ending: { state: 'done' } })
  })
  expect(texts.length).toBeGreaterThan(50)
  const faults = texts.flatMap((sql) =>
    planOf(sql)
      .filter((line) => scansATable(line) && !SCANS_OF_FEW.test(line))
      .map((line) => ({ line, sql })),
  )
  expect(faults).toEqual([])
  const sorted = texts.filter(
    (sql) => /^\s*(?:INSERT|UPDATE|DELETE)/.test(sql) && planOf(sql).join().includes('TEMP B-TREE'),
  )
  expect(sorted).toEqual([])
})

test.each([
  [{ customerId: 1 }, 'orders_by_customer'],
  [{ currency: 'EUR' }, 'orders_by_currency'],
  [{ paymentMethod: 'Invoice' }, 'orders_by_currency'],
  [{ reference: 'WEB-1' }, 'orders_by_reference'],
  [{ reference: 'WEB-1', customerId: 1, currency: 'EUR' }, 'orders_by_reference'],
  [{ status: 'retrying' }, 'order_states_by_status'],
  [{ status: 'retrying', reference: 'WEB-1' }, 'order_states_by_reference'],
  [{ status: 'retrying', reference: 'WEB-1', q: 'word' }, 'order_states_by_reference'],
  [{ status: 'retrying', customerId: 1 }, 'order_states_by_customer'],
  [{ status: 'retrying', currency: 'EUR' }, 'order_states_by_currency'],
] as const)('the list by %o is served by the index %s', (filters, index) => {
  const texts = preparedBy((db) => {
    prepareListQueries(db, prepareOrderQueries(db)).list({ limit: 50, ...filters })
  }).filter((sql) => sql.includes('SELECT o.seq'))
  expect(texts).not.toEqual([])
  for (const sql of texts) expect(planOf(sql).join()).toMatch(new RegExp(`INDEX ${index} `))
})

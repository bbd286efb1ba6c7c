import { DatabaseSync } from 'node:sqlite'
import { beforeEach, expect, test } from 'vitest'
import { prepareGaps } from '../../../../shared/adapters/sqlite/ledger/gaps.ts'
import { prepareLedgerQueries } from '../../../../shared/adapters/sqlite/ledger/ledger.ts'
import { prepareLedgerCounting } from '../../../../shared/adapters/sqlite/ledger/ledger-counting.ts'
import { prepareLedgerSettling } from '../../../../shared/adapters/sqlite/ledger/ledger-settling.ts'
import { migrate } from '../../../../shared/adapters/sqlite/database/migrations.ts'
import { readMigrations } from '../../../../shared/disk/migration-files.ts'
import type { LossCause } from '../../../../shared/ports/ledger.ts'
import { createRandom, seedOfThisRun } from '../../../support/random.ts'

const MIGRATIONS = readMigrations(new URL('../../../../infra/sql/sqlite/', import.meta.url))
const GAPS = 10_000
const PLACES = 1000
const END = 2 * GAPS

let db: DatabaseSync
beforeEach(() => {
  db = new DatabaseSync(':memory:')
  migrate(db, ':memory:', MIGRATIONS)
})

/** Returns the counted offsets. */
function count(offsets: readonly number[]): number[] {
  const outcomes = offsets.map((offset) => {
    return { origin: { topic: 'orders', partition: 0, offset }, kind: 'stored', isRedrive: false } as const
  })
  const counted = prepareLedgerCounting(db).count('group', outcomes)
  return [...counted].map(({ origin }) => origin.offset).toSorted((one, other) => one - other)
}

/** The ledger's outcome for each skipped offset; null while the gap is open. */
function passedOver(): Map<number, LossCause | null> {
  const { gaps, lost } = prepareLedgerQueries(db).readLedger('group', 'orders', END)
  const ranges = [...gaps.map((gap) => ({ ...gap, lostBy: null })), ...lost]
  return new Map(
    ranges.flatMap(({ from, to, lostBy }) =>
      Array.from({ length: to - from }, (_, at) => [from + at, lostBy] as const),
    ),
  )
}

test('a thousand offsets among ten thousand gaps give the same result as a count of each offset', () => {
  const random = createRandom(seedOfThisRun())
  // Every odd offset is counted, so every even one is a gap.
  const odd = Array.from({ length: GAPS }, (_, n) => 2 * n + 1)
  expect(count(odd)).toEqual(odd)
  const account = new Map<number, LossCause | null>(odd.map((offset) => [offset - 1, null]))
  expect(passedOver()).toEqual(account)

  const settling = prepareLedgerSettling(db)
  for (let n = 0; n < 100; n++) {
    const from = random.whole(0, END - 1)
    const to = Math.min(END, from + random.whole(1, 50))
    const lostBy = random.pick([null, 'hole', 'log-start'] as const)
    settling.settleLedger('group', [{ topic: 'orders', partition: 0, from, to, lostBy }])
    for (const [offset, said] of account) {
      if (said !== null || offset < from || offset >= to) continue
      if (lostBy === null) account.delete(offset)
      else account.set(offset, lostBy)
    }
  }
  expect(passedOver()).toEqual(account)

  const places = [...new Set(Array.from({ length: PLACES }, () => random.whole(0, END - 1)))]
  const expected = places.filter((offset) => account.has(offset)).toSorted((one, other) => one - other)
  expect(count(places)).toEqual(expected)
  for (const offset of expected) account.delete(offset)
  expect(passedOver()).toEqual(account)
})

test('adjacent ranges take one row, however many pieces they came in', () => {
  count([999])
  const settling = prepareLedgerSettling(db)
  for (let from = 0; from < 999; from += 3) {
    settling.settleLedger('group', [{ topic: 'orders', partition: 0, from, to: from + 3, lostBy: 'log-start' }])
  }
  expect(db.prepare('SELECT since, until FROM ledger_gaps').all()).toEqual([{ since: 0, until: 999 }])
})

test('no lookup of a gap reads the gaps before it', () => {
  const texts = new Set<string>()
  const prepare = db.prepare.bind(db)
  db.prepare = (sql) => {
    texts.add(sql)
    return prepare(sql)
  }
  prepareGaps(db)
  const lookUps = [...texts].filter((sql) => /since <=? |until > /.test(sql))
  expect(lookUps).toHaveLength(2)
  for (const sql of lookUps) {
    const plan = prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map((row) => String(row['detail']))
      .join()
    // It may read only the last row, or the rows above a lower bound, but not all rows below an upper bound.
    const isBounded = sql.includes('LIMIT 1') || plan.includes('since>? AND since<?')
    expect([plan, isBounded]).toEqual([expect.stringContaining('USING PRIMARY KEY'), true])
  }
})

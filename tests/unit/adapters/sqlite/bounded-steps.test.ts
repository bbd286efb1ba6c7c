import { DatabaseSync } from 'node:sqlite'
import { beforeEach, expect, test } from 'vitest'
import { prepareLedgerQueries } from '../../../../shared/adapters/sqlite/ledger/ledger.ts'
import { prepareLedgerReset } from '../../../../shared/adapters/sqlite/ledger/ledger-reset.ts'
import { migrate } from '../../../../shared/adapters/sqlite/database/migrations.ts'
import { readMigrations } from '../../../../shared/disk/migration-files.ts'
import { prepareOperatorCommands } from '../../../../shared/adapters/sqlite/dead-letters/operator-commands.ts'
import { prepareRedriveCommands } from '../../../../shared/adapters/sqlite/redrives/redrives.ts'
import { prepareBatchCommands } from '../../../../shared/adapters/sqlite/orders/store-batch.ts'
import { actAt, batchOf, GROUP, letterIdOf, letterOf, orderAt, parkedFrom } from '../../../contract/store-fixtures.ts'

/** An operator's command may concern any number of rows, but each of its transactions writes only a limited number. */
const MIGRATIONS = readMigrations(new URL('../../../../infra/sql/sqlite/', import.meta.url))
const LETTERS = 25
const LIMIT = 10
/** The last step also writes a few rows for the ledger, the task and the audit log. */
const FEW = 8
const ACT = actAt(0, { reason: 'mended' })

let db: DatabaseSync
let longestStep: number

/** Records how many rows the call wrote. */
function step<T>(call: () => T): T {
  const changes = () => Number(db.prepare('SELECT total_changes() AS n').get()?.['n'])
  const before = changes()
  const result = call()
  longestStep = Math.max(longestStep, changes() - before)
  return result
}

const orders = Array.from({ length: LETTERS }, (_, offset) => orderAt(2 * offset))

beforeEach(() => {
  db = new DatabaseSync(':memory:')
  longestStep = 0
  migrate(db, ':memory:', MIGRATIONS)
  const commands = prepareBatchCommands(db)
  const parked = orders.map((order) => parkedFrom(order, { state: 'dead', attempt: 4, nextAttemptAt: null }))
  commands.storeBatch(batchOf([], { parked }))
  commands.keepDeadLetters(orders.map((order) => letterOf(order)))
})

test('a ledger reset deletes in steps, and an interrupted one leaves the rest of the old epoch to the next', () => {
  const epoch = { topic: 'orders', logId: 'another', partitions: [{ partition: 0, first: 3, next: 7 }] }
  const next = () => step(() => prepareLedgerReset(db).resetLedger(GROUP, epoch, ACT, LIMIT).isDone)
  const ledger = () => prepareLedgerQueries(db).readLedger(GROUP, 'orders', LETTERS)
  expect(next()).toBe(false)
  const { partitions, parked, gaps } = ledger()
  expect(partitions).toMatchObject([{ first: 0, parked: LETTERS }])
  expect([parked.dead, gaps.length]).toEqual([LETTERS - LIMIT, LETTERS - 1])
  let steps = 1
  while (!next()) steps += 1
  expect(steps).toBe(4)
  expect(longestStep).toBeLessThanOrEqual(2 * LIMIT + FEW)
  expect(ledger()).toMatchObject({
    partitions: [{ first: 3, next: 7, parked: 0, gaps: 4 }],
    gaps: [{ from: 3, to: 7 }],
    logs: [{ id: 'another', brokenBy: null }],
    parked: { dead: 0 },
  })
  expect(db.prepare('SELECT action FROM audit').all()).toEqual([{ action: 'reset-ledger' }])
})

test('a redrive by filter gathers its letters in steps, and the next owner continues after a crash', () => {
  const redrives = prepareRedriveCommands(db)
  const task = { id: 'task', letters: { fingerprint: 'f1' }, ratePerSecond: 100 }
  expect(step(() => redrives.createRedrive(task, ACT, LIMIT))).toBe(true)
  expect(redrives.getTask('task')).toMatchObject({ state: 'running', total: LIMIT })
  // The task's creator leases it first; then anybody may.
  expect(redrives.leaseRedrive('one', Date.now(), 1000)).toBeUndefined()
  const later = Date.now() + 61_000
  expect(redrives.leaseRedrive('one', later, 1000)).toMatchObject({ isGathering: true })
  expect(redrives.gatherLetters('task', 'task', LIMIT)).toBe(false)
  expect(redrives.getTask('task').total).toBe(LIMIT)
  let steps = 1
  while (step(() => redrives.gatherLetters('task', 'one', LIMIT))) steps += 1
  expect(steps).toBe(2)
  expect(longestStep).toBeLessThanOrEqual(LIMIT + FEW)
  const leased = redrives.leaseRedrive('another', later, 1000)
  expect(leased).toMatchObject({ isGathering: false, task: { total: LETTERS, waiting: LETTERS } })
  expect(redrives.claimLetters('task', 'another', 3).map(({ id }) => id)).toEqual(orders.slice(0, 3).map(letterIdOf))
  expect(redrives.gatherLetters('task', 'another', LIMIT)).toBe(false)
})

test('a redrive that is cancelled while it gathers continues gathering when it is resumed', () => {
  const redrives = prepareRedriveCommands(db)
  redrives.createRedrive({ id: 'task', letters: {}, ratePerSecond: 100 }, ACT, LIMIT)
  redrives.changeRedrive('task', 'cancelled', ACT)
  expect(redrives.gatherLetters('task', 'task', LIMIT)).toBe(false)
  redrives.changeRedrive('task', 'running', ACT)
  const later = Date.now() + 61_000
  expect(redrives.leaseRedrive('one', later, 1000)).toMatchObject({ isGathering: true })
  while (redrives.gatherLetters('task', 'one', LIMIT));
  expect(redrives.leaseRedrive('one', later, 1000)).toMatchObject({ isGathering: false, task: { total: LETTERS } })
})

test('resuming a task prepares its letters in steps: unsent letters wait again, and earlier sends no longer count against it', () => {
  const redrives = prepareRedriveCommands(db)
  redrives.createRedrive({ id: 'task', letters: {}, ratePerSecond: 500 }, ACT)
  redrives.leaseRedrive('one', 0, 1000)
  const claimed = redrives.claimLetters('task', 'one', 20).map(({ id }) => id)
  redrives.markSent('task', claimed.slice(0, 15), ACT.at)
  // The steps of a running task are kept.
  expect(redrives.forgetSteps('task', 0, LIMIT)).toBeUndefined()
  expect(redrives.getTask('task').lastStep.sent).toBe(15)
  redrives.changeRedrive('task', 'cancelled', ACT)
  prepareOperatorCommands(db).discardLetter(letterIdOf(orders[24]!), ACT)
  let after: number | undefined = 0
  let steps = 0
  while (after !== undefined) {
    const from: number = after
    after = step(() => redrives.forgetSteps('task', from, LIMIT))
    steps += 1
  }
  expect(steps).toBe(3)
  expect(longestStep).toBeLessThanOrEqual(LIMIT)
  expect(redrives.changeRedrive('task', 'running', ACT)).toMatchObject({
    state: 'running',
    step: 0,
    waiting: 9,
    pending: 15,
    skipped: 1,
    lastStep: { sent: 0 },
  })
})

test('no step reads the rows before it', () => {
  const texts = new Set<string>()
  const prepare = db.prepare.bind(db)
  db.prepare = (sql) => {
    texts.add(sql)
    return prepare(sql)
  }
  prepareLedgerReset(db)
  const redrives = prepareRedriveCommands(db)
  redrives.createRedrive({ id: 'task', letters: {}, ratePerSecond: 500 }, ACT, LIMIT)
  redrives.gatherLetters('task', 'task', LIMIT)
  redrives.forgetSteps('task', 0, LIMIT)
  const steps = [...texts].filter((sql) => /^\s*(?:DELETE|INSERT OR IGNORE|SELECT [rt]\.task_seq)/.test(sql))
  expect(steps.length).toBeGreaterThan(5)
  const scans = steps.flatMap((sql) =>
    prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map((row) => String(row['detail']))
      .filter((line) => line.startsWith('SCAN') || line.includes('TEMP B-TREE'))
      .map((line) => `${line}: ${sql}`),
  )
  expect(scans).toEqual([])
})

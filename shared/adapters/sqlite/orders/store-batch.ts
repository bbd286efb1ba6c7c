import type { DatabaseSync } from 'node:sqlite'
import { deadLetterId, originTopicOf, type DeadLetter } from '../../../ports/dead-letters.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { OrderToStore, StoreBatch, StoreOutcome, StoreResult } from '../../../ports/order-store.ts'
import { REJECTIONS } from '../../stores/refusals.ts'
import { inTransaction, unlessRefused } from '../database/database.ts'
import { prepareDeadLetterRows } from '../dead-letters/keep-letters.ts'
import { prepareDecisions } from './decisions.ts'
import { prepareLedgerCounting, type Outcome } from '../ledger/ledger-counting.ts'
import { prepareStoredOrders } from './stored-orders.ts'
import { prepareOrderStates } from './order-states.ts'
import { prepareParkedRecords } from '../dead-letters/parked-records.ts'
import { isConstraintError } from '../database/errors.ts'
import { toMs } from '../database/values.ts'

/** Each command is one transaction. The ports OrderStore and DeadLetters state the promises. */
export interface BatchCommands {
  storeBatch(batch: StoreBatch): StoreResult
  previewBatch(orders: readonly OrderToStore[]): readonly StoreOutcome[]
  keepDeadLetters(letters: readonly DeadLetter[]): void
}

type StoreOne = (order: OrderToStore, groupId: string, nowMs: number) => StoreOutcome

/** How the ledger counts each outcome. It counts nothing while any order is rejected. */
const LEDGER_KIND = { stored: 'stored', duplicate: 'duplicate', withheld: 'parked', rejected: 'stored' } as const

export function prepareBatchCommands(db: DatabaseSync): BatchCommands {
  const orders = prepareStoredOrders(db)
  const states = prepareOrderStates(db)
  const decisions = prepareDecisions(db)
  const parked = prepareParkedRecords({ db, orders, states, decisions })
  const letters = prepareDeadLetterRows(db, orders, parked)
  const ledger = prepareLedgerCounting(db)

  /** Throws if a constraint refuses the order; then the transaction must not be committed. */
  function storeOne(order: OrderToStore, groupId: string, nowMs: number): StoreOutcome {
    const { orderId, origin } = order
    const redriven = letters.originOfLetter(order.redriveOf ?? order.supersedes, orderId)
    const decided = decisions.against(order)
    if (decided !== undefined) {
      parked.withhold(groupId, origin, decided, nowMs)
      // The redrive has ended: the letter's consumer has the record again, and it changes nothing here.
      if (redriven !== undefined) letters.resolveForeign(redriven)
      return { kind: 'withheld' }
    }
    const isNew = orders.insert(order, nowMs, redriven !== undefined)
    const outcome = isNew ? ({ kind: 'stored' } as const) : orders.judge(order, () => supersedes(order, groupId))
    if (outcome.kind !== 'stored' && outcome.kind !== 'duplicate') return outcome
    states.remove(orderId)
    if (parked.settle(groupId, origin, outcome.kind, nowMs)) letters.resolveOf(orderId, origin)
    if (redriven !== undefined) {
      letters.resolve(redriven)
      parked.redriven(groupId, toOrigin(redriven), nowMs)
    }
    return outcome
  }

  /**
   * Whether the record is an edit of a dead letter of this order, or belongs to a dead letter (as its record or a
   * redrive of it) whose edit was stored before.
   */
  function supersedes({ supersedes, redriveOf, orderId, origin }: OrderToStore, groupId: string): boolean {
    if (letters.originOfLetter(supersedes, orderId) !== undefined) return true
    if (parked.isRedriven(groupId, origin) || decisions.isReplaced(origin, orderId)) return true
    const redriven = letters.originOfLetter(redriveOf, orderId)
    if (redriven === undefined) return false
    return parked.isRedriven(groupId, toOrigin(redriven)) || decisions.isLetterReplaced(redriven, orderId)
  }

  /** Stores an order that a constraint may refuse, and lets the others go on. */
  function storeOneApart(order: OrderToStore, groupId: string, nowMs: number): StoreOutcome {
    return unlessRefused(db, () => storeOne(order, groupId, nowMs)) ?? REJECTIONS['constraint-violated']
  }

  /** Few batches need savepoints, so a batch is repeated with them only if a constraint refuses it. */
  function withSavepointsIfNeeded<T>(work: (one: StoreOne) => T, end: 'COMMIT' | 'ROLLBACK'): T {
    try {
      return transaction(() => work(storeOne), end)
    } catch (error) {
      if (!isConstraintError(error)) throw error
      return transaction(() => work(storeOneApart), end)
    }
  }

  function transaction<T>(work: () => T, end: 'COMMIT' | 'ROLLBACK'): T {
    let isKept = false
    try {
      const result = inTransaction(db, work, end)
      isKept = end === 'COMMIT'
      return result
    } finally {
      if (!isKept) orders.forget()
    }
  }

  function store(batch: StoreBatch, one: StoreOne): StoreResult {
    const nowMs = toMs(batch.now)
    const outcomes = batch.orders.map((order) => one(order, batch.groupId, nowMs))
    orders.complete()
    if (outcomes.some(({ kind }) => kind === 'rejected')) return { outcomes, counted: false }
    const counted = batch.delivered === 'origin' ? countOrigins(batch, outcomes) : new Set<string>()
    for (const [index, { origin }] of batch.orders.entries()) {
      if (outcomes[index]?.kind === 'withheld' && counted.has(deadLetterId(origin))) parked.count(batch.groupId, origin)
    }
    for (const record of batch.parked)
      parked.park(batch.groupId, record, counted.has(deadLetterId(record.origin)), nowMs)
    return { outcomes, counted: true }
  }

  /** Returns the places that the ledger counts as parked by this batch. */
  function countOrigins(batch: StoreBatch, outcomes: readonly StoreOutcome[]): ReadonlySet<string> {
    const byPlace = new Map<string, Outcome>()
    batch.orders.forEach((order, index) => {
      const kind = LEDGER_KIND[outcomes[index]?.kind ?? 'stored']
      const isRedrive = order.redriveOf !== null || order.supersedes !== null
      byPlace.set(deadLetterId(order.origin), { origin: order.origin, kind, isRedrive })
    })
    for (const record of batch.parked) {
      byPlace.set(deadLetterId(record.origin), {
        origin: record.origin,
        kind: 'parked',
        isRedrive: record.redriveOf !== null,
      })
    }
    const counted = ledger.count(batch.groupId, [...byPlace.values()])
    return new Set([...counted].filter(({ kind }) => kind === 'parked').map(({ origin }) => deadLetterId(origin)))
  }

  return {
    storeBatch: (batch) => withSavepointsIfNeeded((one) => store(batch, one), 'COMMIT'),
    previewBatch(some) {
      const nowMs = Date.now()
      return withSavepointsIfNeeded((one) => some.map((order) => one(order, '', nowMs)), 'ROLLBACK')
    },
    keepDeadLetters(some) {
      inTransaction(db, () => letters.keep(some, Date.now()))
    },
  }
}

/** The letter's origin, from the position under which it is kept. */
function toOrigin(letter: RecordPosition): RecordPosition {
  return { ...letter, topic: originTopicOf(letter.topic) }
}

import type { DatabaseSync } from 'node:sqlite'
import { deadLetterId, type DeadLetter } from '../../../ports/dead-letters.ts'
import type { ParkedState } from '../../../ports/ledger.ts'
import type {
  BatchPreview,
  ChangeOutcome,
  ChangeToStore,
  Rejection,
  StoreBatch,
  StoreOutcome,
  StoreResult,
} from '../../../ports/order-store.ts'
import { parsedBatch, parsedOrder, type ParsedBatch, type ParsedOrder } from '../../stores/parsed-orders.ts'
import { REJECTIONS } from '../../stores/refusals.ts'
import { prepareBatchTombstones } from '../archive/tombstones.ts'
import { prepareChangePreview } from '../changes/change-preview.ts'
import { prepareOrderChanges } from '../changes/order-changes.ts'
import { prepareStoredChanges, type Guard } from '../changes/stored-changes.ts'
import { prepareTurns } from '../changes/turns.ts'
import { inTransaction, unlessRefused } from '../database/database.ts'
import { prepareDeadLetterRows, toOrigin } from '../dead-letters/keep-letters.ts'
import { prepareDecisions } from './decisions.ts'
import { prepareForgottenCustomers } from '../forgetting/forgotten-customers.ts'
import { prepareLedgerCounting, type Outcome } from '../ledger/ledger-counting.ts'
import { prepareStoredOrders } from './stored-orders.ts'
import { prepareOrderStates } from './order-states.ts'
import { isOfChange, prepareParkedRecords } from '../dead-letters/parked-records.ts'
import { isConstraintError } from '../database/errors.ts'
import { toMs } from '../database/values.ts'
import { prepareWordMerging } from '../search/word-merging.ts'

/** Each command is one transaction. The ports OrderStore and DeadLetters say what each command promises. */
export interface BatchCommands {
  storeBatch(batch: StoreBatch): StoreResult
  previewBatch(batch: Pick<StoreBatch, 'orders' | 'changes'>): BatchPreview
  keepDeadLetters(letters: readonly DeadLetter[]): void
  /**
   * Must be called whenever words may be deleted from search_terms, so that they are inserted again when they recur.
   */
  forgetTerms(): void
}

/** How the ledger counts each outcome. If any record in a batch is rejected, the ledger counts nothing. */
const LEDGER_KIND = {
  stored: 'stored',
  applied: 'stored',
  refused: 'stored',
  waiting: 'stored',
  duplicate: 'duplicate',
  withheld: 'parked',
  rejected: 'stored',
} as const

export function prepareBatchCommands(db: DatabaseSync): BatchCommands {
  const tombstones = prepareBatchTombstones(db)
  const orders = prepareStoredOrders(db, tombstones)
  const states = prepareOrderStates(db)
  const decisions = prepareDecisions(db)
  const changes = prepareOrderChanges(db, tombstones)
  const turns = prepareTurns(db, changes)
  const parked = prepareParkedRecords({ db, orders, states, changes, decisions })
  const ledger = prepareLedgerCounting(db)
  const letters = prepareDeadLetterRows({ db, orders, changes, parked, ledger })
  const forgotten = prepareForgottenCustomers(db)
  const previewChanges = prepareChangePreview(db)
  const mergeWords = prepareWordMerging(db)
  const storedChanges = prepareStoredChanges({ changes, turns, decisions, parked, letters, ledger })

  /** Throws if the order violates a constraint; the caller must then roll back what was written for it. */
  function storeOne(order: ParsedOrder, groupId: string, nowMs: number): StoreOutcome {
    const { orderId, origin } = order
    const redriven = letters.originOfLetter(order.redriveOf ?? order.supersedes, orderId)
    const status = decisions.statusOf(orderId)
    const decided = status === undefined ? undefined : decisions.against(order, status)
    function withhold(state: ParkedState): StoreOutcome {
      parked.withhold(groupId, origin, state, nowMs)
      // The redrive of another consumer's letter ends here: that consumer can read the record again, and our order does
      // not change.
      if (redriven !== undefined) letters.resolveForeign(redriven, nowMs)
      return { kind: 'withheld' }
    }
    if (decided !== undefined) return withhold(decided)
    const isNew = orders.insert(order, nowMs, redriven !== undefined)
    const outcome = isNew ? ({ kind: 'stored' } as const) : orders.judge(order, () => supersedes(order, groupId))
    if (outcome.kind === 'withheld') return withhold('discarded')
    if (outcome.kind !== 'stored' && outcome.kind !== 'duplicate') return outcome
    if (status !== undefined) states.remove(orderId)
    if (parked.settle(groupId, origin, outcome.kind, nowMs)) letters.resolveOf(orderId, origin, nowMs)
    if (redriven !== undefined) letters.endRedrive(redriven, groupId, nowMs)
    return outcome
  }

  /**
   * Whether a dead letter of the order explains why the record differs from the stored order. Either the record is an
   * edit of the letter, or it is the letter's original or redriven record and another record has replaced it.
   */
  function supersedes({ supersedes, redriveOf, orderId, origin }: ParsedOrder, groupId: string): boolean {
    if (letters.originOfLetter(supersedes, orderId) !== undefined) return true
    if (parked.isRedriven(groupId, origin) || decisions.isReplaced(origin, orderId)) return true
    const redriven = letters.originOfLetter(redriveOf, orderId)
    if (redriven === undefined) return false
    return parked.isRedriven(groupId, toOrigin(redriven)) || decisions.isLetterReplaced(redriven, orderId)
  }

  /** Stores one record in a savepoint, so that a violated constraint undoes this record alone. */
  function apart<T>(work: () => T): T | Rejection {
    const outcome = unlessRefused(db, () => {
      const result = work()
      orders.writeParts()
      return result
    })
    if (outcome === undefined) orders.dropParts()
    return outcome ?? REJECTIONS['constraint-violated']
  }

  /**
   * Few batches need savepoints, so each batch is first stored without them. If one of its records
   * violates a constraint, the batch is stored again with savepoints.
   */
  function withSavepointsIfNeeded<T>(work: (guard: Guard) => T, end: 'COMMIT' | 'ROLLBACK'): T {
    try {
      return transaction(() => work((one) => one()), end)
    } catch (error) {
      if (!isConstraintError(error)) throw error
      return transaction(() => work(apart), end)
    }
  }

  function transaction<T>(work: () => T, end: 'COMMIT' | 'ROLLBACK' = 'COMMIT'): T {
    let isKept = false
    try {
      const result = inTransaction(db, work, end)
      isKept = end === 'COMMIT'
      return result
    } finally {
      tombstones.forget()
      if (!isKept) orders.forget()
    }
  }

  function store(delivered: ParsedBatch, guard: Guard): StoreResult {
    const { groupId } = delivered
    const nowMs = toMs(delivered.now)
    const isAnyForgotten = forgotten.any()
    const ofOrders = isAnyForgotten ? forgotten.orders(delivered) : delivered
    const outcomes = ofOrders.orders.map((order) => guard(() => storeOne(order, groupId, nowMs)))
    orders.complete()
    const batch = isAnyForgotten ? forgotten.changes(ofOrders) : ofOrders
    const { outcomes: ofChanges, undecided } = storedChanges.store(batch, guard, nowMs)
    mergeWords(batch.orders.length + ofChanges.length)
    const result = {
      outcomes,
      ...(batch.changes !== undefined && { changes: ofChanges }),
      ...(undecided.length > 0 && { undecided }),
    }
    const stored = [...withOutcomes(batch.orders, outcomes), ...withOutcomes(batch.changes ?? [], ofChanges)]
    if (stored.some(({ kind }) => kind === 'rejected')) return { ...result, counted: false }
    const counted = batch.delivered === 'origin' ? countOrigins(batch, stored) : new Set<string>()
    for (const { origin, kind } of stored) {
      if (kind === 'withheld' && counted.has(deadLetterId(origin))) parked.count(groupId, origin)
    }
    for (const record of batch.parked) {
      const isCounted = counted.has(deadLetterId(record.origin))
      // `storedChanges.store` has already parked the records of changes, before the other changes took their turns.
      if (!isOfChange(record)) parked.park(groupId, record, isCounted, nowMs)
      else if (isCounted) parked.count(groupId, record.origin)
    }
    return { ...result, counted: true }
  }

  /** Adds the batch's origins to the ledger's counts. Returns the ids of those that are newly counted as parked. */
  function countOrigins(batch: ParsedBatch, stored: readonly Stored[]): ReadonlySet<string> {
    const byPlace = new Map<string, Outcome>()
    for (const { origin, kind, isRedrive } of stored) {
      byPlace.set(deadLetterId(origin), { origin, kind: LEDGER_KIND[kind], isRedrive })
    }
    for (const { origin, redriveOf } of batch.parked) {
      byPlace.set(deadLetterId(origin), { origin, kind: 'parked', isRedrive: redriveOf !== null })
    }
    const counted = ledger.count(batch.groupId, [...byPlace.values()])
    return new Set([...counted].filter(({ kind }) => kind === 'parked').map(({ origin }) => deadLetterId(origin)))
  }

  return {
    forgetTerms: () => orders.forget(),
    storeBatch(batch) {
      const parsed = parsedBatch(batch)
      return withSavepointsIfNeeded((guard) => store(parsed, guard), 'COMMIT')
    },
    previewBatch({ orders: some, changes: ofChanges = [] }) {
      const nowMs = Date.now()
      const parsed = some.map(parsedOrder)
      const batch = {
        groupId: '',
        delivered: 'origin',
        orders: parsed,
        changes: ofChanges,
        parked: [],
        now: '',
      } as const
      return withSavepointsIfNeeded((guard) => {
        const outcomes = parsed.map((order) => guard(() => storeOne(order, '', nowMs)))
        orders.writeParts()
        return { outcomes, ...previewChanges(batch, () => storedChanges.store(batch, guard, nowMs)) }
      }, 'ROLLBACK')
    },
    keepDeadLetters(some) {
      transaction(() => letters.keep(forgotten.any() ? some.map(forgotten.letter) : some, Date.now()))
    },
  }
}

interface Stored extends Pick<ParsedOrder, 'origin'> {
  readonly kind: keyof typeof LEDGER_KIND
  readonly isRedrive: boolean
}

function withOutcomes(
  records: readonly (ParsedOrder | ChangeToStore)[],
  outcomes: readonly (StoreOutcome | ChangeOutcome)[],
): Stored[] {
  return records.map((record, index) => {
    const isEdit = 'supersedes' in record && record.supersedes !== null
    const isRedrive = isEdit || record.redriveOf !== null
    return { origin: record.origin, kind: outcomes[index]?.kind ?? 'stored', isRedrive }
  })
}

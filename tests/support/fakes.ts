import { OrderError } from '../../shared/domain/errors.ts'
import type { LogRecord, PartitionOffsets, RecordPosition, RecordToPublish } from '../../shared/ports/event-log.ts'
import type {
  BatchPreview,
  ChangeOutcome,
  OrderToStore,
  StoreBatch,
  StoreResult,
} from '../../shared/ports/order-store.ts'

export interface Published {
  readonly topic: string
  readonly record: RecordToPublish
}

/** A log that keeps published records in memory; `refuseWith` makes it fail. */
export function createRecordingLog() {
  const published: Published[] = []
  let refuse: (topic: string, records: readonly RecordToPublish[]) => Error | undefined = () => undefined
  return {
    published,
    refuseWith(next: typeof refuse) {
      refuse = next
    },
    async publish(topic: string, records: readonly RecordToPublish[]): Promise<readonly RecordPosition[]> {
      const refusal = refuse(topic, records)
      if (refusal !== undefined) throw refusal
      for (const record of records) published.push({ topic, record })
      return records.map((_, index) => ({ topic, partition: 0, offset: published.length - records.length + index }))
    },
    originals: new Map<string, LogRecord>(),
    /** Topics that do not exist. As in the real logs, requests for them fail as in an outage. */
    absent: new Set<string>(),
    /** The number of partitions that every topic has. */
    partitions: 3,
    async offsets(topic: string): Promise<readonly PartitionOffsets[]> {
      if (this.absent.has(topic)) throw logIsAway()
      return Array.from({ length: this.partitions }, (_, partition) => ({ partition, first: 0, end: 0 }))
    },
    async read(topic: string, partition: number, fromOffset: number): Promise<readonly LogRecord[]> {
      if (this.absent.has(topic) || partition >= this.partitions) throw logIsAway()
      const original = this.originals.get(`${topic}:${partition}:${fromOffset}`)
      return original === undefined ? [] : [original]
    },
  }
}

interface FakeChange {
  readonly orderId: string
  state: 'ready' | 'held' | 'applied'
}

/**
 * Changes take their turns in the order in which they reached the store: each waits for its order and for all earlier
 * changes to it. A change that arrived as a copy cannot take its turn until the batch with its original has arrived
 * too.
 */
function createFakeChanges(isStored: (orderId: string) => boolean) {
  const known = new Map<string, FakeChange>()
  const counted = new Set<string>()
  const applied: string[] = []

  function record({ delivered, orders, changes = [], parked }: StoreBatch): ChangeOutcome[] {
    const all = [
      ...changes.map((change) => ({ ...change, state: 'ready' as const })),
      ...parked.flatMap(({ change, origin, orderId }) =>
        change === undefined || orderId === null ? [] : [{ origin, orderId, ...change, state: 'held' as const }],
      ),
    ].toSorted((one, other) => one.origin.offset - other.origin.offset)
    for (const { changeId, orderId, state } of all) {
      if (delivered === 'origin') counted.add(changeId)
      const row = known.get(changeId)
      if (row === undefined) known.set(changeId, { orderId, state })
      else if (row.state !== 'applied') row.state = state
    }
    for (const orderId of new Set([...orders, ...all].map((event) => event.orderId))) takeTurns(orderId)
    return changes.map(({ changeId }) => ({ kind: known.get(changeId)?.state === 'applied' ? 'applied' : 'waiting' }))
  }

  function takeTurns(orderId: string): void {
    if (!isStored(orderId)) return
    for (const [changeId, change] of known) {
      if (change.orderId !== orderId || change.state === 'applied' || !counted.has(changeId)) continue
      if (change.state === 'held') return
      change.state = 'applied'
      applied.push(changeId)
    }
  }

  return { applied, record }
}

/** An in-memory store of orders that follows the port's rules as far as the use cases need them. */
export function createRecordingStore() {
  const batches: StoreBatch[] = []
  const stored = new Map<string, OrderToStore>()
  let fault: (batch: StoreBatch) => Error | undefined | void = () => undefined
  let previewFault: () => Error | undefined = () => undefined
  const changes = createFakeChanges((orderId) => stored.has(orderId))
  return {
    batches,
    stored,
    /** The ids of the applied changes, in the order in which they were applied. */
    applied: changes.applied,
    failWith(next: typeof fault) {
      fault = next
    },
    /** Makes every batch and every preview fail. */
    failForAllWith(next: typeof previewFault) {
      fault = next
      previewFault = next
    },
    async previewBatch(batch: Pick<StoreBatch, 'orders' | 'changes'>): Promise<BatchPreview> {
      const error = previewFault()
      if (error !== undefined) throw error
      return {
        outcomes: batch.orders.map(() => ({ kind: 'stored' })),
        changes: (batch.changes ?? []).map(({ orderId }) => ({ kind: stored.has(orderId) ? 'applied' : 'waiting' })),
        followers: [],
      }
    },
    async storeBatch(batch: StoreBatch): Promise<StoreResult> {
      const error = fault(batch)
      if (error instanceof Error) throw error
      batches.push(batch)
      const outcomes = batch.orders.map((order): StoreResult['outcomes'][number] => {
        const known = stored.get(order.orderId)
        if (known === undefined) stored.set(order.orderId, order)
        else if (known.bodyHash !== order.bodyHash) {
          return { kind: 'rejected', code: 'order-id-reused', detail: 'This order id belongs to another order.' }
        }
        return { kind: known === undefined || known.origin.offset === order.origin.offset ? 'stored' : 'duplicate' }
      })
      const ofChanges = changes.record(batch)
      const counted = outcomes.every(({ kind }) => kind !== 'rejected')
      return { outcomes, ...(batch.changes !== undefined && { changes: ofChanges }), counted }
    },
  }
}

export const storeIsAway = () => new OrderError('store-unavailable', 'The store is away.', { retriable: true })
export const storeIsBusy = () => new OrderError('store-busy', 'The store is busy.', { retriable: true })
export const logIsAway = () => new OrderError('log-unavailable', 'The log is away.', { retriable: true })

import type { LogRecord, Subscription } from '../../ports/event-log.ts'
import { jitteredMs, pause } from '../../threads/waiting.ts'
import { fairShares } from './fair-shares.ts'
import type { Damage, Found, RecordSource } from './record-source.ts'
import type { Partition, Topic } from './topics.ts'

export interface EmbeddedDeliveryOptions {
  readonly subscription: Subscription
  readonly topic: Topic
  /**
   * By partition id, the offset that the group reads next. Partitions that are missing here are read from their first
   * offset.
   */
  readonly committed: ReadonlyMap<number, number>
  readonly source: RecordSource
  readonly commit: (next: ReadonlyMap<number, number>) => Promise<void>
  /** Called with the number of damaged records that were passed over. */
  readonly onPassedOver?: (records: number) => void
}

/** Limits how much memory a batch takes. However, each partition contributes at least one record, whatever its size. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024
/** A crash repeats what was delivered since the last commit, so consumers have to recognise processed records. */
const COMMIT_EVERY_MS = 50
const FIRST_REDELIVERY_DELAY_MS = 100
const MAX_REDELIVERY_DELAY_MS = 5000

/** Delivers one batch after another. Disposing waits for the batch in flight and commits what was processed. */
export function createEmbeddedDelivery({
  subscription,
  topic,
  committed,
  source,
  commit,
  onPassedOver,
}: EmbeddedDeliveryOptions): AsyncDisposable {
  const closing = new AbortController()
  const { signal } = closing
  const next = new Map(committed)
  /**
   * Processed offsets that are not known to be committed yet. If a commit fails, the next commit includes its offsets.
   */
  const uncommitted = new Map<number, number>()
  let isCommitDue = false
  let committing: Promise<void> | undefined
  let first = 0
  const running = run()

  async function run(): Promise<void> {
    let failures = 0
    let batch: readonly LogRecord[] = []
    while (!signal.aborted) {
      try {
        if (batch.length === 0) {
          const { records, damaged } = await nextBatch()
          if (damaged.length > 0) passOver(damaged)
          else if (records.length === 0) await recordsPublished()
          batch = records
        }
        if (batch.length === 0) continue
        await subscription.onBatch(batch, signal)
        processed(batch)
        batch = []
        failures = 0
      } catch (error) {
        // While the delivery is closing, a rejection means that the handler gave its batch back.
        if (signal.aborted) break
        // Delivers the same batch again, because none of its records was committed.
        subscription.onError(error)
        failures += 1
        await pause(jitteredMs(failures, FIRST_REDELIVERY_DELAY_MS, MAX_REDELIVERY_DELAY_MS), signal)
      }
    }
    // The last commit may have failed.
    if (uncommitted.size > 0) commitSoon()
    await committing
  }

  function nextIn({ id, first }: Partition): number {
    return Math.max(next.get(id) ?? first, first)
  }

  async function nextBatch(): Promise<Found> {
    const { partitions } = topic
    const waiting = partitions.map((partition) => partition.end - nextIn(partition))
    const shares = fairShares(waiting, subscription.maxBatchSize, first++ % partitions.length)
    const ranges = partitions
      .map((partition, index) => ({ partitionId: partition.id, from: nextIn(partition), limit: shares[index] ?? 0 }))
      .filter(({ limit }) => limit > 0)
    if (ranges.length === 0) return { records: [], damaged: [] }
    const maxBytes = Math.floor(MAX_BATCH_BYTES / ranges.length)
    return source.read(ranges.map((range) => ({ ...range, maxBytes })))
  }

  /**
   * Passes over damaged records, because waiting does not repair a page. In the orders topic, the ledger counts their
   * offsets as damaged. In other topics, they are reported only to `onError` and `onPassedOver`.
   */
  function passOver(damaged: readonly Damage[]): void {
    for (const { partitionId, from, to, error } of damaged) {
      subscription.onError(error)
      onPassedOver?.(to - from)
      next.set(partitionId, to)
      uncommitted.set(partitionId, to)
    }
    commitSoon()
  }

  /** Starts waiting in the same event loop turn in which no records were found, so that no publish is missed. */
  async function recordsPublished(): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        topic.waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      topic.waiting.add(wake)
      signal.addEventListener('abort', wake)
    })
  }

  function processed(batch: readonly LogRecord[]): void {
    for (const { partition, offset } of batch) {
      const id = topic.partitions[partition]?.id
      if (id === undefined) continue
      next.set(id, offset + 1)
      uncommitted.set(id, offset + 1)
    }
    commitSoon()
  }

  function commitSoon(): void {
    isCommitDue = true
    committing ??= commitWhileDue()
  }

  /** Several batches share a commit, because committing after each of them would cost more than reading it. */
  async function commitWhileDue(): Promise<void> {
    try {
      while (isCommitDue) {
        await pause(COMMIT_EVERY_MS, signal)
        isCommitDue = false
        await commitProcessed()
      }
    } finally {
      committing = undefined
    }
  }

  async function commitProcessed(): Promise<void> {
    const offsets = new Map(uncommitted)
    try {
      await commit(offsets)
      for (const [id, offset] of offsets) if (uncommitted.get(id) === offset) uncommitted.delete(id)
    } catch (error) {
      subscription.onError(error)
    }
  }

  return {
    async [Symbol.asyncDispose]() {
      closing.abort()
      await running
    },
  }
}

import { OrderError } from '../domain/errors.ts'

/** Limits how many records may wait to be published, so that an unavailable log does not use up all memory. */
export interface QueueBounds {
  readonly queued: { readonly records: number; readonly bytes: number }
  /** Throws `queue-full` (retriable) if adding this many records or bytes would exceed a limit. */
  refuseIfFull(records: number, bytes: number): void
  /** Throws like `refuseIfFull`. */
  add(records: number, bytes: number): void
  release(records: number, bytes: number): void
  /** Resolves when no records are waiting. */
  drained(): Promise<void>
}

export interface QueueLimits {
  /** 20,000 by default. */
  readonly maxQueuedRecords?: number | undefined
  /** 64 MiB by default. */
  readonly maxQueuedBytes?: number | undefined
}

const MAX_QUEUED_RECORDS = 20_000
const MAX_QUEUED_BYTES = 64 * 1024 * 1024
const RETRY_AFTER_SECONDS = 1

export function createQueueBounds(log: string, limits: QueueLimits): QueueBounds {
  const { maxQueuedRecords = MAX_QUEUED_RECORDS, maxQueuedBytes = MAX_QUEUED_BYTES } = limits
  let queuedRecords = 0
  let queuedBytes = 0
  let drained: PromiseWithResolvers<void> | undefined

  function refuseIfFull(records: number, bytes: number): void {
    // An empty queue accepts a call that exceeds a limit, because the call would not fit later either.
    if (queuedRecords === 0) return
    if (queuedRecords + records <= maxQueuedRecords && queuedBytes + bytes <= maxQueuedBytes) return
    throw new OrderError('queue-full', `Too many records are already waiting for ${log} (${queuedRecords}).`, {
      retriable: true,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
  }

  return {
    get queued() {
      return { records: queuedRecords, bytes: queuedBytes }
    },
    refuseIfFull,
    add(records, bytes) {
      refuseIfFull(records, bytes)
      queuedRecords += records
      queuedBytes += bytes
    },
    release(records, bytes) {
      queuedRecords -= records
      queuedBytes -= bytes
      if (queuedRecords > 0) return
      drained?.resolve()
      drained = undefined
    },
    async drained() {
      if (queuedRecords === 0) return
      drained ??= Promise.withResolvers<void>()
      await drained.promise
    },
  }
}

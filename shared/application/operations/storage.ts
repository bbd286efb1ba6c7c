import { knownTime } from '../../domain/times.ts'
import type { DiskUsage } from '../../ports/disk-usage.ts'
import type { EventLog } from '../../ports/event-log.ts'
import { readBeyondUnreadable } from '../log/read-beyond-unreadable.ts'

/** The disk usage of the log and the store, and how far back the log reaches. */
export interface PipelineStorage {
  /** RFC 3339. */
  readonly at: string
  readonly log: {
    readonly topic: string
    /** `LOG_RETENTION` in ms; null if records are kept forever. */
    readonly retentionMs: number | null
    /**
     * RFC 3339: the timestamp of the oldest record in the topic; null if there are no records, or if the
     * timestamp is not a valid time.
     */
    readonly oldestRecordAt: string | null
    /** The size of the embedded log's files; null on Kafka. */
    readonly bytes: number | null
  }
  /** The size of SQLite's files; null on SQL Server. */
  readonly store: { readonly bytes: number | null }
  /** The free space on the disk of `DATA_DIR`; null in the Functions runtime. */
  readonly freeBytes: number | null
}

export function createStorage(dependencies: {
  log: Pick<EventLog, 'offsets' | 'read'>
  topic: string
  retentionMs: number | null
  diskUsage: () => Promise<DiskUsage>
  now: () => Date
}): () => Promise<PipelineStorage> {
  const { log, topic, retentionMs, diskUsage, now } = dependencies

  return async function pipelineStorage() {
    const [oldest, used] = await Promise.all([oldestTimestamp(), diskUsage()])
    const oldestRecordAt = oldest === undefined ? null : new Date(oldest).toISOString()
    return {
      at: now().toISOString(),
      log: { topic, retentionMs, oldestRecordAt, bytes: used.log },
      store: { bytes: used.store },
      freeBytes: used.free,
    }
  }

  /** The first record of each partition is its oldest, because records are appended. */
  async function oldestTimestamp(): Promise<number | undefined> {
    const firsts = await Promise.all(
      (await log.offsets(topic)).map(({ partition, first }) => readBeyondUnreadable(log, topic, partition, first, 1)),
    )
    const times = firsts.flatMap(([record]) => knownTime(record?.timestamp ?? 0) ?? [])
    return times.length === 0 ? undefined : Math.min(...times)
  }
}

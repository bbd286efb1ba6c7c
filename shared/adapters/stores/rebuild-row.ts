import type { RecordPosition } from '../../ports/event-log.ts'
import type { Rebuild, RebuildProgress } from '../../ports/maintenance.ts'
import type { Row } from './rows.ts'

/** Whether the log no longer has the record at the position. The log's partitions begin at `logStarts`. */
export function hasLeft(logStarts: readonly RecordPosition[], { topic, partition, offset }: RecordPosition): boolean {
  return logStarts.some((start) => start.topic === topic && start.partition === partition && offset < start.offset)
}

/** Converts the only row of the table `rebuild`. */
export function toRebuild(row: Row, fromTime: (time: never) => string, nowMs: number): Rebuild {
  const state = row['state'] as 'running' | 'done' | 'failed'
  return {
    // A process that dies cannot record that its rebuild has failed. An expired lease therefore means that the rebuild
    // was abandoned.
    state: state === 'running' && Number(row['leased_until']) < nowMs ? 'abandoned' : state,
    why: row['why'] as string | null,
    startedAt: fromTime(row['started_at'] as never),
    updatedAt: fromTime(row['updated_at'] as never),
    operator: String(row['operator']),
    // Earlier versions did not count expired orders.
    expired: 0,
    ...(JSON.parse(String(row['progress'])) as Omit<RebuildProgress, 'expired'> & Partial<RebuildProgress>),
  }
}

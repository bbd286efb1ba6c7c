import type { Rebuild, RebuildProgress } from '../../ports/maintenance.ts'
import type { Row } from './rows.ts'

/** Converts the only row of the table `rebuild`. */
export function toRebuild(row: Row, fromTime: (time: never) => string, nowMs: number): Rebuild {
  const state = row['state'] as 'running' | 'done' | 'failed'
  return {
    // A process that dies cannot record its own failure, so an expired lease counts as one.
    state: state === 'running' && Number(row['leased_until']) < nowMs ? 'abandoned' : state,
    why: row['why'] as string | null,
    startedAt: fromTime(row['started_at'] as never),
    updatedAt: fromTime(row['updated_at'] as never),
    operator: String(row['operator']),
    ...(JSON.parse(String(row['progress'])) as RebuildProgress),
  }
}

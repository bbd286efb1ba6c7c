import type { DatabaseSync } from 'node:sqlite'
import type { Rebuild, RebuildProgress } from '../../../ports/maintenance.ts'
import { fromMs } from '../database/values.ts'

export interface RebuildQueries {
  getRebuild(nowMs: number): Rebuild | undefined
}

const SELECT = 'SELECT state, why, leased_until, started_at, updated_at, operator, progress FROM rebuild'

export function prepareRebuildQueries(db: DatabaseSync): RebuildQueries {
  const select = db.prepare(SELECT)
  return {
    getRebuild(nowMs) {
      const row = select.get()
      if (row === undefined) return undefined
      const state = row['state'] as 'running' | 'done' | 'failed'
      return {
        // Nobody is left to say that a process died: its lease runs out.
        state: state === 'running' && Number(row['leased_until']) < nowMs ? 'abandoned' : state,
        why: row['why'] as string | null,
        startedAt: fromMs(Number(row['started_at'])),
        updatedAt: fromMs(Number(row['updated_at'])),
        operator: String(row['operator']),
        ...(JSON.parse(String(row['progress'])) as RebuildProgress),
      }
    },
  }
}

import type { DatabaseSync } from 'node:sqlite'
import type { Rebuild } from '../../../ports/maintenance.ts'
import { toRebuild } from '../../stores/rebuild-row.ts'
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
      return row && toRebuild(row, fromMs, nowMs)
    },
  }
}

import { NO_PROGRESS, type RebuildStep } from '../../../../shared/ports/maintenance.ts'
import { FROM_THE_BEGINNING, type RemovablePart } from '../../../../shared/ports/retention.ts'
import type { OpenStore } from '../../store-fixtures.ts'

/**
 * Removes everything that is old enough from one part of the store, in smaller steps than the product takes. Resolves
 * with the number of removed entries.
 */
export function removesAll(opened: () => OpenStore) {
  return async function remove(part: RemovablePart, olderThan: string, limit = 2): Promise<number> {
    let removed = 0
    for (let from: number | null = FROM_THE_BEGINNING; from !== null;) {
      const step = await opened().retention.remove(part, { olderThan, from, limit })
      removed += step.removed
      from = step.next
    }
    return removed
  }
}

export function stepOfRebuild(): RebuildStep {
  return {
    owner: 'one',
    at: new Date().toISOString(),
    leaseMs: 60_000,
    logStarts: [],
    progress: NO_PROGRESS,
  }
}

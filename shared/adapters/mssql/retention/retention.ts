import {
  FROM_THE_BEGINNING,
  type RemovablePart,
  type RemovalBounds,
  type RemovalStep,
  type Retention,
} from '../../../ports/retention.ts'
import { bigint, int, text, type Parameters } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { toSqlTime } from '../database/values.ts'
import {
  REMOVE_AUDIT,
  REMOVE_CHANGE_HISTORIES,
  REMOVE_HISTORIES,
  REMOVE_LETTERS,
  REMOVE_REDRIVES,
} from './retention-sql.ts'

export function createRetention(query: Query): Retention {
  /** Returns a step that removes every row that it finds, so the next step can start from the beginning again. */
  function removesFirst(statement: string) {
    return async (bounds: RemovalBounds): Promise<RemovalStep> => {
      const [[row] = []] = await query(statement, parametersOf(bounds))
      const removed = Number(row?.['removed'])
      return { removed, next: removed < bounds.limit ? null : FROM_THE_BEGINNING }
    }
  }

  function removesEntries(statement: string) {
    return async (bounds: RemovalBounds): Promise<RemovalStep> => {
      const [[row] = []] = await query(statement, { ...parametersOf(bounds), last: bigint(bounds.from) })
      const isEnd = Number(row?.['entries']) < bounds.limit || Number(row?.['old_entries']) === 0
      return { removed: Number(row?.['removed']), next: isEnd ? null : Number(row?.['last_entry']) }
    }
  }

  async function removeTask(bounds: RemovalBounds): Promise<RemovalStep> {
    const [[row] = []] = await query(REMOVE_REDRIVES, parametersOf(bounds))
    return { removed: Number(row?.['removed']), next: row?.['task_seq'] == null ? null : FROM_THE_BEGINNING }
  }

  const steps = {
    'dead-letters': removesFirst(REMOVE_LETTERS),
    histories: removesEntries(REMOVE_HISTORIES),
    'change-histories': removesEntries(REMOVE_CHANGE_HISTORIES),
    audit: removesFirst(REMOVE_AUDIT),
    redrives: removeTask,
  } satisfies Record<RemovablePart, (bounds: RemovalBounds) => Promise<RemovalStep>>

  return { remove: (part, bounds) => steps[part](bounds) }
}

function parametersOf({ olderThan, limit }: RemovalBounds): Parameters {
  return { before: text(toSqlTime(olderThan)), limit: int(limit) }
}

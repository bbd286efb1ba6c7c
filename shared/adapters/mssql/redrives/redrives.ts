import { fromCursor, toPage } from '../../../domain/cursor.ts'
import { parseDeadLetterId } from '../../../ports/dead-letters.ts'
import type { NewRedrive, Redrives, RedriveState, RedriveTask } from '../../../ports/redrives.ts'
import { createRedriveRows } from '../../stores/redrive-rows.ts'
import {
  GATHERING_LEASE_MS,
  ITSELF,
  namedLetterNotFound,
  noDeadLetterMatches,
  redriveNotFound,
  refuseChange,
  type LettersByFilter,
} from '../../stores/redrive-tasks.ts'
import { bigint, int, json, text } from '../database/connection.ts'
import { toLetter } from '../dead-letters/letter-rows.ts'
import { filtersOf } from '../dead-letters/dead-letters.ts'
import { actParameters } from '../dead-letters/audit.ts'
import { createOperatorCommands } from '../dead-letters/operator-commands.ts'
import type { Query } from '../database/query.ts'
import {
  CANCEL,
  CLAIM,
  CREATE_BY_IDS,
  createByFilter,
  END_TASK,
  FORGET_STEPS,
  gatherLetters,
  LEASE,
  MARK_SENT,
  POSTPONE,
  RESUME,
  SELECT_TASK,
  SELECT_TASK_IDS,
  selectAudit,
} from './redrive-sql.ts'
import { CONVERSIONS, toSqlTime } from '../database/values.ts'

/**
 * The number of letters in one step. SQL Server locks the whole table if a statement takes 5,000 locks, and each
 * step takes fewer.
 */
const LETTERS_AT_ONCE = 1000

const { toTask, toAuditEntry } = createRedriveRows(CONVERSIONS)

export function createRedrives(query: Query): Redrives {
  async function get(taskId: string): Promise<RedriveTask | undefined> {
    const [[task] = [], outcomes = []] = await query(SELECT_TASK, { id: text(taskId) })
    return task === undefined ? undefined : toTask(task, outcomes)
  }

  async function taskOf(taskId: string): Promise<RedriveTask> {
    const task = await get(taskId)
    if (task === undefined) throw redriveNotFound()
    return task
  }

  /**
   * Gathers the rest of a task's letters in steps. If the process dies while it gathers them, another process
   * continues.
   */
  async function gather(taskId: string, owner: string, filter: LettersByFilter): Promise<void> {
    const { names, parameters } = filtersOf(filter)
    for (;;) {
      const step = { id: text(taskId), owner: text(owner), limit: int(LETTERS_AT_ONCE), due: gatheringUntil() }
      const [[row] = []] = await query(gatherLetters(names), { ...parameters, ...step })
      if (Number(row?.['has_more']) !== 1) return
    }
  }

  async function forgetSteps(taskId: string): Promise<void> {
    let last: number | null = 0
    while (last !== null) {
      const step = { id: text(taskId), last: bigint(last), limit: int(LETTERS_AT_ONCE) }
      const [[row] = []] = await query(FORGET_STEPS, step)
      const lastSeq = row?.['last_seq'] ?? null
      last = lastSeq === null ? null : Number(lastSeq)
    }
  }

  return {
    ...createOperatorCommands(query),
    get,
    async create(task, act) {
      const { statement, parameters } = lettersOf(task)
      const shared = { ...actParameters(task.id, act), rate: int(task.ratePerSecond) }
      const [[made] = []] = await query(statement, { ...parameters, ...shared })
      const missing = (made?.['missing'] ?? null) as string | null
      if (missing !== null) throw namedLetterNotFound(missing)
      if (Number(made?.['dead'] ?? 0) === 0) throw noDeadLetterMatches()
      if (!('ids' in task.letters)) await gather(task.id, task.id, task.letters)
      return taskOf(task.id)
    },
    async lease(owner, nowMs, leaseMs) {
      const parameters = { owner: text(owner), now: bigint(nowMs), lease: bigint(leaseMs) }
      for (;;) {
        const [[leased] = []] = await query(LEASE, parameters)
        if (leased === undefined) return undefined
        const taskId = String(leased['id'])
        const gathering = (leased['gathering'] ?? null) as string | null
        if (gathering === null) return taskOf(taskId)
        await gather(taskId, owner, JSON.parse(gathering) as LettersByFilter)
      }
    },
    async claim(taskId, owner, limit) {
      const [letters = []] = await query(CLAIM, { id: text(taskId), owner: text(owner), limit: int(limit) })
      return letters.map(toLetter)
    },
    async markSent(taskId, letterIds, at) {
      const letters = letterIds.flatMap((id, i) => {
        const place = parseDeadLetterId(id)
        return place === undefined ? [] : [[i, place.topic, place.partition, place.offset]]
      })
      await query(MARK_SENT, { id: text(taskId), at: text(toSqlTime(at)), letters: json(letters) })
    },
    async release(taskId, owner, { dueMs, at, ending }) {
      const lease = { owner: text(owner), due: bigint(dueMs) }
      if (ending === undefined) {
        await query(POSTPONE, { ...lease, id: text(taskId) })
        return
      }
      const reason = ending.state === 'stopped' ? ending.why : null
      const act = actParameters(taskId, { ...ITSELF, at, reason })
      await query(END_TASK, { ...lease, ...act, ending: text(ending.state) })
    },
    async change(taskId, to, act) {
      if (to === 'running') await forgetSteps(taskId)
      const [[row] = []] = await query(to === 'cancelled' ? CANCEL : RESUME, actParameters(taskId, act))
      const state = (row?.['state'] ?? null) as RedriveState | null
      if (state === null) throw redriveNotFound()
      refuseChange(state, to)
      return taskOf(taskId)
    },
    async list(list) {
      const [before] = fromCursor(list, ['number']) ?? [Number.MAX_SAFE_INTEGER]
      const [rows = []] = await query(SELECT_TASK_IDS, { before: bigint(before), limit: int(list.limit + 1) })
      const { items: ids, nextCursor } = toPage(
        list,
        rows,
        ({ id }) => String(id),
        (last) => [Number(last['task_seq'])],
      )
      const items: RedriveTask[] = []
      for (const id of ids) items.push(await taskOf(id))
      return { items, nextCursor }
    },
    async audit(audit) {
      const [before] = fromCursor(audit, ['number']) ?? [Number.MAX_SAFE_INTEGER]
      const { target, limit } = audit
      const [rows = []] = await query(selectAudit(target !== undefined), {
        before: bigint(before),
        limit: int(limit + 1),
        ...(target !== undefined && { target: text(target) }),
      })
      return toPage(audit, rows, toAuditEntry, (last) => [Number(last['entry'])])
    },
  }
}

function gatheringUntil() {
  return bigint(Date.now() + GATHERING_LEASE_MS)
}

function lettersOf({ letters }: NewRedrive) {
  if (!('ids' in letters)) {
    const { names, parameters } = filtersOf(letters)
    const step = { limit: int(LETTERS_AT_ONCE), due: gatheringUntil(), filter: json(letters) }
    return { statement: createByFilter(names), parameters: { ...parameters, ...step } }
  }
  // A malformed id has no position and is reported as missing.
  const named = letters.ids.map((id) => {
    const { topic = null, partition = null, offset = null } = parseDeadLetterId(id) ?? {}
    return [id, topic, partition, offset]
  })
  return { statement: CREATE_BY_IDS, parameters: { letters: json(named) } }
}

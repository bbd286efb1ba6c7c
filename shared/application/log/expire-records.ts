import { messageOf } from '../../domain/errors.ts'
import { sourcesOf, type Topics } from '../../messaging/topics.ts'
import type { Clock } from '../../ports/clock.ts'
import type { EventLog, RecordRemoval } from '../../ports/event-log.ts'
import type { Ledger } from '../../ports/ledger.ts'
import type { Maintenance } from '../../ports/maintenance.ts'
import { inRounds } from '../operations/in-rounds.ts'
import { firstOrigins, neededIn, type Need } from './needed-records.ts'
import { readPart } from './read-beyond-unreadable.ts'

export interface RecordExpiry {
  /** Runs one round. Resolves with the number of removed records. Rejects like the log and the store. */
  expire(): Promise<number>
  /**
   * What the last two rounds both found. One round may find old records that are still being processed, which is no
   * fault.
   */
  kept(): readonly RecordsKept[]
  /** Runs a round every minute until the signal aborts. Never rejects. */
  run(): Promise<void>
}

/** Records that stay in the log although they are older than the retention. */
export interface RecordsKept {
  readonly topic: string
  readonly partition: number
  /** A clause for an operator. */
  readonly why: string
}

const ROUND_MS = 60_000
/** A pause between two steps, so that the log spends only a small part of its time on removing records. */
const PAUSE_MS = 20

/**
 * Removes records that are older than the retention and that nobody needs, from a log that does not remove them itself.
 * Pauses while the orders are rebuilt; other work that needs all records uses `keepingRecords`. Undefined without
 * `removal`, or if records are kept forever.
 */
export function createExpireRecords(dependencies: {
  log: Pick<EventLog, 'offsets' | 'committed' | 'readers' | 'read' | 'identity'>
  removal: Pick<RecordRemoval, 'removeRecords'> | undefined
  ledger: Pick<Ledger, 'read'>
  maintenance: Pick<Maintenance, 'getRebuild'>
  topics: Topics
  retentionMs: number | null
  clock: Clock
  signal: AbortSignal
  /** Called once for each finding that two rounds in a row agree on, and not again while later rounds find the same. */
  onKept: (kept: RecordsKept) => void
  onError: (error: unknown) => void
}): RecordExpiry | undefined {
  const { log, removal, maintenance, topics, retentionMs, clock, signal, onKept, onError } = dependencies
  if (removal === undefined || retentionMs === null) return undefined
  const { removeRecords } = removal
  const maxAgeMs = retentionMs
  let before: ReadonlyMap<string, { readonly one: RecordsKept; readonly isTold: boolean }> = new Map()

  async function expire(): Promise<number> {
    const olderThan = clock.now() - maxAgeMs
    const kept: RecordsKept[] = []
    let removed = 0
    for (const source of sourcesOf(topics)) {
      for (const need of await oldIn(source, olderThan)) {
        const { partition, first, from: toOffset, why } = need
        const place = { topic: source.topic, partition }
        if (toOffset <= first) kept.push({ ...place, why })
        else removed += await removeFrom(place, { olderThan, toOffset }, kept)
      }
    }
    tell(kept)
    return removed
  }

  /** The partitions of the topic whose first record is old or unreadable. */
  async function oldIn(source: { topic: string; group: string }, olderThan: number): Promise<readonly Need[]> {
    const { topic } = source
    const needs = await neededIn(dependencies, source)
    const isOld = await Promise.all(
      needs.map(async ({ partition, first }) => {
        const { records, unreadable } = await readPart(log, topic, partition, first, 1)
        return unreadable !== undefined || records.some(({ timestamp }) => timestamp < olderThan)
      }),
    )
    const old = needs.filter((_, index) => isOld[index])
    const mayLeave = old.some(({ first, from }) => from > first)
    return topic === topics.orders && mayLeave ? withOrigins(old) : old
  }

  async function withOrigins(needs: readonly Need[]): Promise<readonly Need[]> {
    const origins = await firstOrigins(dependencies)
    if (origins === undefined) {
      return needs.map((need) => ({ ...need, from: need.first, why: 'too many copies wait for a retry or to be kept' }))
    }
    return needs.map((need) => {
      const origin = origins.get(need.partition) ?? Number.POSITIVE_INFINITY
      return origin < need.from ? { ...need, from: origin, why: 'a copy of the first waits to be processed' } : need
    })
  }

  async function removeFrom(
    place: { topic: string; partition: number },
    bounds: { olderThan: number; toOffset: number },
    kept: RecordsKept[],
  ): Promise<number> {
    for (let removed = 0; ;) {
      if ((await maintenance.getRebuild())?.state === 'running') return removed
      const step = await removeRecords(place.topic, place.partition, bounds)
      removed += step.removed
      if (step.unreadable !== undefined) kept.push({ ...place, why: messageOf(step.unreadable) })
      if (!step.more) return removed
      await clock.sleep(PAUSE_MS, signal)
    }
  }

  /**
   * Reports only what two rounds have found. After a long stop, the first round finds old records that the process
   * handles before the next round.
   */
  function tell(kept: readonly RecordsKept[]): void {
    const now = new Map<string, { one: RecordsKept; isTold: boolean }>()
    for (const one of kept) {
      const name = JSON.stringify(one)
      const earlier = before.get(name)
      if (earlier?.isTold === false) onKept(one)
      now.set(name, { one, isTold: earlier !== undefined })
    }
    before = now
  }

  return {
    expire,
    kept: () => [...before.values()].filter(({ isTold }) => isTold).map(({ one }) => one),
    run: () => inRounds(expire, ROUND_MS, { clock, signal, onError }),
  }
}

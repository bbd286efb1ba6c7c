import { messageOf } from '../../domain/errors.ts'
import { sourcesOf, type Topics } from '../../messaging/topics.ts'
import type { Clock } from '../../ports/clock.ts'
import type { EventLog, RecordRemoval, RemovalBounds } from '../../ports/event-log.ts'
import type { Ledger } from '../../ports/ledger.ts'
import type { Maintenance } from '../../ports/maintenance.ts'
import { inRounds } from '../operations/in-rounds.ts'
import { formerRetriesOf } from './former-retries.ts'
import { firstOrigins, neededIn, type KeptBy, type Need } from './needed-records.ts'
import { readPart } from './read-beyond-unreadable.ts'

export interface RecordExpiry {
  /** Runs one round. Resolves with the number of removed records. Rejects with the errors of the log and the store. */
  expire(): Promise<number>
  /**
   * The findings that the last two rounds had in common. A single round may find old records that are still being
   * processed, which is not a fault.
   */
  kept(): readonly RecordsKept[]
  /** Runs a round every minute until the signal aborts. Never rejects. */
  run(): Promise<void>
}

/** Records that stay in the log although they are older than the retention period. */
export interface RecordsKept {
  readonly topic: string
  readonly partition: number
  readonly by: KeptBy
  /** Why the record is kept, as a clause in a message to an operator. */
  readonly why: string
  /**
   * When the oldest record was due to leave the log, in milliseconds since 1970. If the record's age is unknown, the
   * time at which this process found the record.
   */
  readonly since: number
}

const ROUND_MS = 60_000
/** A rebuild or a backup of a large log may well take this long. */
const MAINTENANCE_TO_TELL_MS = 60 * 60_000
/** The old records at the beginning of a partition, and who still needs them. */
interface OldRecords extends Need {
  readonly topic: string
  readonly since: number
  /** Why the first record cannot be read; undefined if it can be. */
  readonly damage: string | undefined
}

/** A pause between two steps, so that the log spends only a small part of its time removing records. */
const PAUSE_MS = 20

/**
 * Removes records that are older than the retention period and that nobody needs, from a log that does not remove them
 * itself. Pauses while the orders are being rebuilt; other work that needs all the records uses `keepingRecords`.
 * Undefined without `removal`, or if records are kept forever.
 */
export function createExpireRecords(dependencies: {
  log: Pick<EventLog, 'offsets' | 'committed' | 'readers' | 'read' | 'identity'>
  removal: Pick<RecordRemoval, 'removeRecords'> | undefined
  ledger: Pick<Ledger, 'read'>
  maintenance: Pick<Maintenance, 'getRebuild'>
  topics: Topics
  retentionMs: number | null
  /**
   * When an operator last reset the ledger, in milliseconds since 1970. With a reset, the operator accepts that damaged
   * copies are lost.
   */
  lastReset: () => Promise<number | undefined>
  clock: Clock
  signal: AbortSignal
  /**
   * Called once for each finding that two consecutive rounds have in common, and not again while later rounds still
   * find it.
   */
  onKept: (kept: RecordsKept) => void
  /**
   * Called when rounds begin to fail, and again only if the reason changes. `onBack` is called once, when the next
   * round succeeds.
   */
  onError: (error: unknown) => void
  onBack: () => void
}): RecordExpiry | undefined {
  const { log, removal, maintenance, topics, retentionMs, lastReset, clock, signal, onKept, onError, onBack } =
    dependencies
  if (removal === undefined || retentionMs === null) return undefined
  const { removeRecords } = removal
  const maxAgeMs = retentionMs
  let before: ReadonlyMap<string, { readonly one: RecordsKept; readonly isTold: boolean }> = new Map()

  async function expire(): Promise<number> {
    const olderThan = clock.now() - maxAgeMs
    const kept: RecordsKept[] = []
    let removed = 0
    const former = await formerRetriesOf(log, topics)
    for (const source of [...sourcesOf(topics), ...former]) {
      for (const old of await oldIn(source, olderThan, former)) {
        if (old.from > old.first) removed += await removeFrom(old, olderThan, kept)
        else if (old.by === 'ledger' && old.damage !== undefined) kept.push(keptBecauseOfDamage(old, old.damage))
        else kept.push(keptOf(old))
      }
    }
    tell(kept)
    return removed
  }

  /** The topic's partitions that begin with an old or unreadable record. */
  async function oldIn(
    source: { topic: string; group: string },
    olderThan: number,
    former: readonly { topic: string; group: string }[],
  ): Promise<readonly OldRecords[]> {
    const { topic } = source
    const needs = await neededIn(dependencies, source)
    const found = await Promise.all(
      needs.map(async (need): Promise<OldRecords[]> => {
        const { records, unreadable } = await readPart(log, topic, need.partition, need.first, 1)
        const damage = unreadable === undefined ? undefined : messageOf(unreadable.error)
        const timestamp = records[0]?.timestamp
        if (damage === undefined && (timestamp === undefined || timestamp >= olderThan)) return []
        return [{ ...need, topic, damage, since: timestamp === undefined ? clock.now() : timestamp + maxAgeMs }]
      }),
    )
    const old = found.flat()
    const mayLeave = old.some(({ first, from }) => from > first)
    return topic === topics.orders && mayLeave ? withOrigins(old, former) : old
  }

  async function withOrigins(
    olds: readonly OldRecords[],
    former: readonly { topic: string; group: string }[],
  ): Promise<readonly OldRecords[]> {
    const origins = await firstOrigins(dependencies, former)
    if (origins === undefined) {
      const why = 'too many copies are waiting to be retried or kept'
      return olds.map((old) => ({ ...old, from: old.first, by: 'copies', why }))
    }
    return olds.map((old) => {
      const origin = origins.get(old.partition) ?? Number.POSITIVE_INFINITY
      if (origin >= old.from) return old
      return { ...old, from: origin, by: 'copies', why: 'a copy of the first record is waiting to be processed' }
    })
  }

  async function removeFrom(old: OldRecords, olderThan: number, kept: RecordsKept[]): Promise<number> {
    const { topic, partition, from: toOffset } = old
    const isOrders = topic === topics.orders
    // In the orders topic, the ledger has already accounted for any damage before the first record that it still needs.
    let bounds: RemovalBounds = { olderThan, toOffset, ...(isOrders && { damagedOlderThan: olderThan }) }
    for (let removed = 0; ;) {
      if ((await maintenance.getRebuild())?.state === 'running') {
        kept.push(keptOf({ ...old, by: 'maintenance', why: 'the orders are being rebuilt' }))
        return removed
      }
      const step = await removeRecords(topic, partition, bounds)
      removed += step.removed
      if (step.isHeld) {
        kept.push(
          keptOf({ ...old, by: 'maintenance', why: 'a backup, or a repair or reset of the ledger, is running' }),
        )
      }
      if (step.unreadable !== undefined) {
        const settledAt = bounds.damagedOlderThan === undefined ? await lastReset() : undefined
        if (settledAt === undefined) {
          kept.push(keptBecauseOfDamage(old, messageOf(step.unreadable)))
          return removed
        }
        bounds = { ...bounds, damagedOlderThan: settledAt }
      } else if (!step.more) return removed
      await clock.sleep(PAUSE_MS, signal)
    }
  }

  function keptBecauseOfDamage({ topic, partition, since }: OldRecords, damage: string): RecordsKept {
    const settles = topic === topics.orders ? 'ledger reset' : 'ledger reset --force'
    const why = `${damage.replace(/\.$/, '')}; \`npm run ops -- ${settles}\` settles that`
    return { topic, partition, by: 'damage', why, since }
  }

  /**
   * Reports only findings that two consecutive rounds have in common. After a long stop, the first round finds old
   * records that the process will have handled by the next round.
   */
  function tell(kept: readonly RecordsKept[]): void {
    const now = new Map<string, { one: RecordsKept; isTold: boolean }>()
    for (const found of kept) {
      const name = JSON.stringify([found.topic, found.partition, found.why])
      const earlier = before.get(name)
      const one = { ...found, since: earlier?.one.since ?? found.since }
      const isDue = one.by !== 'maintenance' || clock.now() - one.since >= MAINTENANCE_TO_TELL_MS
      const isTold = earlier !== undefined && isDue
      if (isTold && !earlier.isTold) onKept(one)
      now.set(name, { one, isTold })
    }
    before = now
  }

  return {
    expire,
    kept: () => [...before.values()].filter(({ isTold }) => isTold).map(({ one }) => one),
    run: () => inRounds(expire, ROUND_MS, { clock, signal, onError, onBack }),
  }
}

function keptOf({ topic, partition, by, why, since }: OldRecords): RecordsKept {
  return { topic, partition, by, why, since }
}

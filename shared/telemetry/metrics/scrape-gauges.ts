import type { Registry } from 'prom-client'
import Gauge from 'prom-client/lib/gauge.js'
import type { LedgerVerdict } from '../../application/ledger/ledger.ts'
import type { RecordsKept } from '../../application/log/expire-records.ts'
import type { Readiness } from '../../application/operations/readiness.ts'
import type { Topics } from '../../messaging/topics.ts'
import type { TopicFigures } from './log-figures.ts'

/** The results for one scrape. A result is undefined if its request failed. */
export interface Asked {
  readonly topics: readonly TopicFigures[] | undefined
  readonly readiness: Readiness | undefined
  readonly verdict: LedgerVerdict | undefined
  readonly recordsKept: readonly RecordsKept[]
  /** Milliseconds since 1970. */
  readonly now: number
}

const TOPIC = 'messaging_destination_name'
const GROUP = 'messaging_consumer_group_name'

/**
 * The figures that are read from the log, the store and the ledger. Most of them are the same on every instance. A
 * figure that cannot be read is omitted, because an old value would be misleading.
 */
export function createScrapeGauges(registry: Registry, topics: Topics): (asked: Asked) => void {
  const lag = gauge('messaging_consumer_group_lag', 'Records that the group has not committed.', [TOPIC, GROUP, 'tier'])
  const committed = gauge('messaging_consumer_group_offset', 'Sum of the committed offsets.', [TOPIC, GROUP, 'tier'])
  const end = gauge('messaging_destination_end_offset', 'Sum of the offsets that the next records will get.', [TOPIC])
  const behindTransaction = gauge(
    'messaging_destination_behind_transaction',
    'Offsets that cannot be read until an open transaction ends.',
    [TOPIC],
  )
  const unreadable = gauge(
    'orders_log_unreadable',
    'Partitions of this instance that are stuck at a batch that cannot be read, and consumers that cannot continue.',
    [],
  )
  const delay = gauge('orders_retry_delay_seconds', 'How long a record waits in this retry topic.', [TOPIC, 'tier'])
  const overdue = gauge(
    'orders_retry_overdue_seconds',
    'How long the oldest waiting record has been due; 0 while no record is due.',
    [TOPIC, 'tier'],
  )
  const lifeUsed = gauge(
    'orders_log_life_used_ratio',
    'The fraction of the retention period that is used up, for the waiting or passed-over record that is closest to leaving the log; at 1 or more, the record may be removed; 0 if the topic keeps everything.',
    [TOPIC],
  )
  const kept = gauge(
    'orders_log_kept_seconds',
    'How long records that are older than LOG_RETENTION have stayed in the embedded log, by the reason for keeping them.',
    [TOPIC, 'reason'],
  )
  const up = gauge('orders_dependency_up', '1 while the log or the store answers.', ['of'])
  const balanced = gauge('orders_ledger_balanced', '1 when every record is accounted for.', [])
  const records = gauge('orders_ledger_records', 'Records of the orders topic by outcome.', ['outcome'])
  const expired = gauge(
    'orders_ledger_expired',
    'Counted offsets of the orders topic that have since left the log; the outcomes include them.',
    [],
  )
  const parked = gauge('orders_parked', 'All records that have ever been parked, by their current state.', ['state'])
  const waiting = gauge('orders_changes_waiting', 'Changes that wait for an earlier event of their order.', [])
  const all = [lag, committed, end, behindTransaction, delay, overdue, lifeUsed, kept, up, records, parked]
  const tierOf = new Map(topics.retries.map(({ topic, tier }) => [topic, String(tier)]))

  return function set({ topics: figures, readiness, verdict, recordsKept, now }) {
    for (const one of all) one.reset()
    balanced.remove()
    expired.remove()
    waiting.remove()
    for (const { topic, tier, delayMs } of topics.retries) delay.set({ [TOPIC]: topic, tier }, delayMs / 1000)
    for (const figure of figures ?? []) setTopic(figure)
    // Partitions with the same topic and reason share one value, and the value that is set last wins. So the partition
    // that has kept old records for the longest time comes last.
    for (const { topic, by, since } of recordsKept.toSorted((one, other) => other.since - one.since)) {
      kept.set({ [TOPIC]: topic, reason: by }, Math.max(0, now - since) / 1000)
    }
    // If no result arrives in time, the log and the store count as unavailable.
    up.set({ of: 'log' }, readiness?.checks.log.available === true ? 1 : 0)
    unreadable.set(readiness?.checks.log.unreadable?.length ?? 0)
    up.set({ of: 'store' }, readiness?.checks.store.available === true ? 1 : 0)
    if (verdict !== undefined) setVerdict(verdict)
  }

  function setTopic(figure: TopicFigures): void {
    const tier = tierOf.get(figure.topic)
    // The tier lets alerts ignore the lag of retry topics, whose records may not be due yet.
    const of = { [TOPIC]: figure.topic, [GROUP]: figure.group, ...(tier !== undefined && { tier }) }
    lag.set(of, figure.lag)
    committed.set(of, figure.committed)
    end.set({ [TOPIC]: figure.topic }, figure.end)
    behindTransaction.set({ [TOPIC]: figure.topic }, figure.behindTransaction)
    lifeUsed.set({ [TOPIC]: figure.topic }, figure.lifeUsed)
    if (tier !== undefined && figure.overdueMs !== null) {
      overdue.set({ [TOPIC]: figure.topic, tier }, figure.overdueMs / 1000)
    }
  }

  function setVerdict(verdict: LedgerVerdict): void {
    const { stored, duplicate, parked: everParked, gaps, damaged, lost, toCome } = verdict.totals
    const outcomes = { stored, duplicate, parked: everParked, gap: gaps, damaged, lost, 'to-come': toCome }
    balanced.set(verdict.balanced ? 1 : 0)
    expired.set(verdict.totals.expired)
    waiting.set(verdict.waiting)
    for (const [outcome, count] of Object.entries(outcomes)) records.set({ outcome }, count)
    for (const [state, count] of Object.entries(verdict.parked)) parked.set({ state }, count)
  }

  function gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [registry] })
  }
}

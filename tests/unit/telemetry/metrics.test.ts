import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { LedgerVerdict } from '../../../shared/application/ledger/ledger.ts'
import type { RecordsKept } from '../../../shared/application/log/expire-records.ts'
import type { LifeInLog } from '../../../shared/application/log/life-in-log.ts'
import type { Readiness } from '../../../shared/application/operations/readiness.ts'
import { createMetrics } from '../../../shared/telemetry/metrics/metrics.ts'
import { HEADER } from '../../../shared/messaging/records/headers.ts'
import { createPipelineEmitter } from '../../../shared/messaging/pipeline-events.ts'
import { createTopics } from '../../../shared/messaging/topics.ts'
import type { LogRecord } from '../../../shared/ports/event-log.ts'
import { logIsAway, storeIsAway, storeIsBusy } from '../../support/fakes.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const CAUSE = { code: 'store-busy', detail: 'The store was busy.' }
const NOW = Date.UTC(2026, 0, 1)

const VERDICT: LedgerVerdict = {
  balanced: true,
  summary: 'Balanced.',
  totals: {
    records: 9,
    accepted: 9,
    redriven: 0,
    stored: 5,
    duplicate: 1,
    parked: 2,
    gaps: 0,
    damaged: 0,
    lost: 0,
    absent: 0,
    expired: 4,
    toCome: 1,
    behindTransaction: 0,
  },
  parked: { retrying: 1, stored: 0, duplicate: 0, dead: 1, discarded: 0, redriven: 0 },
  waiting: 3,
  partitions: [],
  gaps: [],
  damaged: [],
  lost: [],
  brokenBy: null,
}

function ready(available: boolean): Readiness {
  return {
    ready: available,
    checks: { log: { available, required: true }, store: { available, required: false } },
  }
}

function scenario() {
  const events = createPipelineEmitter()
  const topics = createTopics('orders', 'processor', [10_000, 60_000])
  const asked = { offsets: 0, verdict: 0 }
  const world = {
    nowMs: NOW,
    dueAt: NOW,
    committed: new Map([[0, 3]]),
    lives: new Map<string, LifeInLog>(),
    kept: [] as RecordsKept[],
    verdict: async (): Promise<LedgerVerdict> => VERDICT,
    readiness: async (): Promise<Readiness> => ready(true),
    offsets: async () => [
      { partition: 0, first: 0, end: 5, behindTransaction: 3 },
      { partition: 1, first: 2, end: 2 },
    ],
  }
  const errors: unknown[] = []
  const metrics = createMetrics({
    events,
    topics,
    log: {
      offsets: () => {
        asked.offsets += 1
        return world.offsets()
      },
      committed: async () => world.committed,
      read: async (topic, partition, offset): Promise<LogRecord[]> => [
        {
          topic,
          partition,
          offset,
          timestamp: 0,
          key: null,
          value: null,
          headers: [[HEADER.notBefore, Buffer.from(String(world.dueAt))]],
        },
      ],
    },
    checkReadiness: () => world.readiness(),
    ledgerVerdict: () => {
      asked.verdict += 1
      return world.verdict()
    },
    lifeInLog: async (topic) => world.lives.get(topic),
    recordsKept: () => world.kept,
    now: () => world.nowMs,
    onError: (error) => errors.push(error),
  })
  return {
    events,
    metrics,
    world,
    asked,
    errors,
    sample: async (name: string) => samplesOf(await metrics.scrape(), name),
  }
}

/** `labels value` of every sample with this name, except histograms' buckets. */
function samplesOf(text: string, name: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .map((line) => line.slice(name.length).trim())
}

test('docs/operations.md explains every metric', async () => {
  const text = await scenario().metrics.scrape()
  const names = [...text.matchAll(/^# HELP (\w+)/gm)].map(([, name = '']) => name)
  const documented = readFileSync('docs/operations.md', 'utf8')
  expect(names).toContain('orders_accepted_total')
  const ownMetrics = names.filter((name) => /^(?:orders|messaging)_/.test(name))
  expect(ownMetrics.filter((name) => !documented.includes(`\`${name}\``))).toEqual([])
})

describe('the activity of this process', () => {
  test('is counted from its start, before any scrape', async () => {
    const { events, sample } = scenario()
    events.emit('order:accepted', { orderId: 'a', traceparent: undefined, durationMs: 4 })
    events.emit('order:accepted', { orderId: 'b', traceparent: undefined, durationMs: 20 })
    events.emit('batch:stored', {
      topic: 'orders',
      stored: ['a', 'b'],
      duplicates: ['c'],
      parked: 1,
      durationMs: 30,
      latenciesMs: [40, 60],
    })
    const of = '{messaging_destination_name="orders"}'
    expect(await sample('orders_accepted_total')).toEqual(['2'])
    expect(await sample('orders_stored_total')).toEqual([`${of} 2`])
    expect(await sample('orders_duplicate_total')).toEqual([`${of} 1`])
    expect(await sample('orders_batch_size_sum')).toEqual([`${of} 4`])
    expect(await sample('messaging_process_duration_seconds_sum')).toEqual([`${of} 0.03`])
    expect(await sample('orders_accepted_to_stored_seconds_count')).toEqual(['2'])
    expect(await sample('orders_accept_duration_seconds_sum')).toEqual(['0.024'])
  })

  test('counts damaged records by topic, because the ledger covers only the orders topic', async () => {
    const { events, sample } = scenario()
    events.emit('delivery:passed-over', { topic: 'orders-retry-1', records: 3 })
    events.emit('delivery:passed-over', { topic: 'orders-retry-1', records: 1 })
    expect(await sample('orders_passed_over_total')).toEqual(['{messaging_destination_name="orders-retry-1"} 4'])
  })

  test('counts what was removed from the store, by part', async () => {
    const { events, sample } = scenario()
    const olderThan = '2026-01-01T00:00:00.000Z'
    for (const removed of [3, 4]) events.emit('store:removed', { part: 'dead-letters', removed, olderThan })
    events.emit('store:removed', { part: 'audit', removed: 2, olderThan })
    expect(await sample('orders_store_removed_total')).toEqual(['{part="dead-letters"} 7', '{part="audit"} 2'])
  })

  test('counts retries by tier, dead letters by cause, and attempts by topic', async () => {
    const { events, sample } = scenario()
    const fact = { orderId: null, traceparent: undefined, origin: { topic: 'orders', partition: 0, offset: 0 } }
    events.emit('attempt:failed', { topic: 'orders', attempt: 1, records: 3, cause: CAUSE, error: storeIsBusy() })
    events.emit('delivery:retried', { ...fact, tier: 2, attempt: 2, notBefore: 0, cause: CAUSE, error: null })
    for (const code of ['invalid-order', 'invalid-order', 'internal']) {
      events.emit('delivery:dead-lettered', { ...fact, attempt: 3, cause: { code, detail: '' }, error: null })
    }
    expect(await sample('orders_attempts_failed_total')).toEqual([
      '{messaging_destination_name="orders",error_type="store-busy"} 1',
    ])
    expect(await sample('orders_retried_total')).toEqual(['{tier="2",error_type="store-busy"} 1'])
    expect(await sample('orders_dead_lettered_total')).toEqual([
      '{error_type="invalid-order"} 2',
      '{error_type="internal"} 1',
    ])
  })

  test('shows an outage until no batch is held any more, whether it ends or the batches are given back', async () => {
    const { events, sample } = scenario()
    const began = { of: 'store' as const, cause: CAUSE, error: storeIsAway() }
    events.emit('outage:began', began)
    expect(await sample('orders_outage')).toEqual(['{of="store"} 1', '{of="log"} 0'])
    events.emit('outage:ended', { of: 'store', durationMs: 1 })
    expect(await sample('orders_outage')).toContain('{of="store"} 0')
    events.emit('outage:began', began)
    events.emit('outage:began', began)
    events.emit('outage:ended', { of: 'store', durationMs: 1 })
    expect(await sample('orders_outage')).toContain('{of="store"} 1')
    events.emit('hold:ended', { of: 'store' })
    expect(await sample('orders_outage')).toContain('{of="store"} 0')
    expect(await sample('orders_outages_total')).toContain('{of="store"} 3')
  })
})

describe('the state of the pipeline', () => {
  test('is read at a scrape: lag by topic, the ledger, parked records, dependencies', async () => {
    const { sample } = scenario()
    const orders = '{messaging_destination_name="orders",messaging_consumer_group_name="processor"}'
    expect(await sample('messaging_consumer_group_lag')).toContain(`${orders} 2`)
    expect(await sample('messaging_destination_behind_transaction')).toContain(
      '{messaging_destination_name="orders"} 3',
    )
    expect(await sample('orders_log_unreadable')).toEqual(['0'])
    expect(await sample('messaging_consumer_group_offset')).toContain(`${orders} 5`)
    expect(await sample('messaging_destination_end_offset')).toContain('{messaging_destination_name="orders"} 7')
    expect(await sample('orders_ledger_balanced')).toEqual(['1'])
    expect(await sample('orders_ledger_records')).toContain('{outcome="stored"} 5')
    expect(await sample('orders_ledger_expired')).toEqual(['4'])
    expect(await sample('orders_parked')).toContain('{state="dead"} 1')
    expect(await sample('orders_changes_waiting')).toEqual(['3'])
    expect(await sample('orders_dependency_up')).toEqual(['{of="log"} 1', '{of="store"} 1'])
  })

  test('has the records of retry topics separately, and only due ones are overdue', async () => {
    const { sample, world } = scenario()
    const retry = '{messaging_destination_name="orders-retry-1",tier="1"}'
    world.dueAt = NOW + 5000
    expect(await sample('orders_retry_overdue_seconds')).toContain(`${retry} 0`)
    world.nowMs = NOW + 12_000
    expect(await sample('orders_retry_overdue_seconds')).toContain(`${retry} 7`)
    expect(await sample('orders_retry_delay_seconds')).toContain(`${retry} 10`)
    const lag = await sample('messaging_consumer_group_lag')
    expect(lag.filter((line) => !line.includes('tier='))).toHaveLength(2)
  })

  test('says how long old records have stayed in the log, by the reason for keeping them', async () => {
    const { sample, world } = scenario()
    expect(await sample('orders_log_kept_seconds')).toEqual([])
    const one = { topic: 'orders', partition: 0, by: 'group', why: 'audit has not read them' } as const
    world.kept = [
      { ...one, since: NOW - 5000 },
      { ...one, partition: 1, since: NOW - 9000 },
      { ...one, by: 'damage', partition: 2, since: NOW - 7000 },
    ]
    expect((await sample('orders_log_kept_seconds')).toSorted()).toEqual([
      '{messaging_destination_name="orders",reason="damage"} 7',
      '{messaging_destination_name="orders",reason="group"} 9',
    ])
    world.kept = []
    expect(await sample('orders_log_kept_seconds')).toEqual([])
  })

  test('is requested from the log once a second at most, and from the ledger once a minute', async () => {
    const { metrics, world, asked } = scenario()
    await Promise.all([metrics.scrape(), metrics.scrape()])
    await metrics.scrape()
    expect(asked).toEqual({ offsets: 4, verdict: 1 })
    world.nowMs += 1000
    await metrics.scrape()
    expect(asked).toEqual({ offsets: 8, verdict: 1 })
    world.nowMs += 59_000
    await metrics.scrape()
    expect(asked.verdict).toBe(2)
  })

  test('is omitted, never stale, while its source is unavailable; the rest is there', async () => {
    const { sample, world, events, errors } = scenario()
    await sample('orders_ledger_balanced')
    world.nowMs += 60_000
    world.verdict = () => Promise.reject(storeIsAway())
    world.offsets = () => Promise.reject(logIsAway())
    world.readiness = async () => ready(false)
    events.emit('order:accepted', { orderId: 'a', traceparent: undefined, durationMs: 1 })
    expect(await sample('orders_ledger_balanced')).toEqual([])
    expect(await sample('orders_ledger_expired')).toEqual([])
    expect(await sample('orders_parked')).toEqual([])
    expect(await sample('orders_changes_waiting')).toEqual([])
    expect(await sample('messaging_consumer_group_lag')).toEqual([])
    expect(await sample('orders_dependency_up')).toEqual(['{of="log"} 0', '{of="store"} 0'])
    expect(await sample('orders_accepted_total')).toEqual(['1'])
    expect(errors).toContainEqual(storeIsAway())
  })
})

describe('the alert rules', () => {
  const file = readFileSync(join(ROOT, 'infra/alerts/orders.rules.yml'), 'utf8')
  const { groups } = parse(file) as {
    groups: { rules: { alert: string; expr: string; for: string; annotations: Record<string, string> }[] }[]
  }
  const rules = groups.flatMap((group) => group.rules)

  test('use metrics, labels and label values that exist', async () => {
    const { metrics, events, world } = scenario()
    world.kept = [{ topic: 'orders', partition: 0, by: 'group', why: 'audit has not read them', since: NOW }]
    const fact = { orderId: null, traceparent: undefined, origin: { topic: 'orders', partition: 0, offset: 0 } }
    events.emit('delivery:dead-lettered', { ...fact, attempt: 3, cause: CAUSE, error: null })
    const text = await metrics.scrape()
    const labels = new Set([...text.matchAll(/(\w+)="/g)].map(([, label]) => label))
    for (const { expr } of rules) {
      const names = expr.match(/\b(?:orders|messaging)_\w+(?=[[{)\s]|$)/g) ?? []
      const metricNames = names.filter((name) => !/^messaging_(?:destination_name|consumer_group_name)$/.test(name))
      expect(metricNames).not.toEqual([])
      for (const name of metricNames) expect(text).toContain(`# TYPE ${name} `)
      const used = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '))
      for (const label of [...used, ...[...expr.matchAll(/(\w+)="/g)].map(([, label = '']) => label)]) {
        expect(labels).toContain(label)
      }
    }
    expect(text).toContain('orders_parked{state="dead"}')
  })

  test('each have a section in the runbook, which has no other alerts', () => {
    const operations = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8')
    const headings = [...operations.matchAll(/^### (Orders\w+)$/gm)].map(([, name]) => name)
    expect(new Set(headings)).toEqual(new Set(rules.map(({ alert }) => alert)))
    for (const { alert, annotations } of rules) {
      expect(annotations['runbook']).toBe(`docs/runbook.md#${alert.toLowerCase()}`)
    }
  })
})

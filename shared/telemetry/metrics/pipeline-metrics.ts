import type { Registry } from 'prom-client'
import Counter from 'prom-client/lib/counter.js'
import Gauge from 'prom-client/lib/gauge.js'
import Histogram from 'prom-client/lib/histogram.js'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'

/** OpenTelemetry's attribute names for messaging and errors, in Prometheus's spelling. */
const TOPIC = 'messaging_destination_name'
const ERROR = 'error_type'

const FAST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const SLOW_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900]
const BATCH_SIZES = [1, 2, 5, 10, 25, 50, 100, 200, 300, 500]

/**
 * Counts the pipeline's events in this process. Accepting an order costs one increment and one observation. Everything
 * else is counted once per batch.
 */
export function countPipeline(events: PipelineEmitter, registry: Registry): void {
  const { counter, gauge, histogram } = instrumentsIn(registry)
  const accepted = counter('orders_accepted_total', 'Orders made durable in the log.')
  // Without labels, because labels would triple the cost of an observation.
  const accepting = histogram(
    'orders_accept_duration_seconds',
    'The time from a command until its event is durable in the log, which is what a caller waits for.',
    FAST_SECONDS,
  )
  events.on('order:accepted', ({ durationMs }) => {
    accepted.inc()
    accepting.observe(durationMs / 1000)
  })

  const changesAccepted = counter('orders_changes_accepted_total', 'Changes made durable in the log.', ['kind'])
  events.on('change:accepted', ({ kind }) => changesAccepted.inc({ kind }))

  const stored = counter('orders_stored_total', 'Orders stored, by the topic that they came from.', [TOPIC])
  const duplicates = counter('orders_duplicate_total', 'Delivered records whose orders were already stored.', [TOPIC])
  const changes = counter(
    'orders_changes_total',
    'Changes whose records were processed, by their first outcome. A change that waits is counted once, as waiting.',
    ['outcome'],
  )
  const sizes = histogram('orders_batch_size', 'Number of records in a batch.', BATCH_SIZES, [TOPIC])
  const processing = histogram(
    'messaging_process_duration_seconds',
    'How long it takes to store the records of one transaction, including in-place retries and holds.',
    SLOW_SECONDS,
    [TOPIC],
  )
  const latency = histogram(
    'orders_accepted_to_stored_seconds',
    'The time from an order’s acceptance until it is stored.',
    SLOW_SECONDS,
  )
  events.on('batch:stored', ({ topic, durationMs, latenciesMs, parked, ...batch }) => {
    const of = { [TOPIC]: topic }
    stored.inc(of, batch.stored.length)
    duplicates.inc(of, batch.duplicates.length)
    let size = batch.stored.length + batch.duplicates.length + parked
    for (const [outcome, count] of Object.entries(batch.changes ?? {})) {
      changes.inc({ outcome }, count)
      size += count
    }
    sizes.observe(of, size)
    processing.observe(of, durationMs / 1000)
    for (const ms of latenciesMs) latency.observe(ms / 1000)
  })

  const repaired = counter(
    'orders_ledger_repaired_total',
    'Records that had been passed over and that the processor repaired on its own.',
  )
  events.on('ledger:repaired', ({ processed }) => repaired.inc(processed))

  const passedOver = counter('orders_passed_over_total', 'Damaged records that the log did not deliver.', [TOPIC])
  events.on('delivery:passed-over', ({ topic, records }) => passedOver.inc({ [TOPIC]: topic }, records))

  const failed = counter('orders_attempts_failed_total', 'Batches tried again in place.', [TOPIC, ERROR])
  events.on('attempt:failed', ({ topic, cause }) => failed.inc({ [TOPIC]: topic, [ERROR]: cause.code }))

  const retried = counter('orders_retried_total', 'Records put into a retry topic.', ['tier', ERROR])
  events.on('delivery:retried', ({ tier, cause }) => retried.inc({ tier, [ERROR]: cause.code }))

  const dead = counter('orders_dead_lettered_total', 'Records put into the dead-letter topic.', [ERROR])
  events.on('delivery:dead-lettered', ({ cause }) => dead.inc({ [ERROR]: cause.code }))

  const removed = counter('orders_store_removed_total', 'Old letters, entries and redrives removed from the store.', [
    'part',
  ])
  events.on('store:removed', ({ part, removed: count }) => removed.inc({ part }, count))

  const stalled = gauge(
    'orders_delivery_stalled',
    '1 while records wait in the topic and the host delivers none of them to this process.',
    [TOPIC],
  )
  events.on('delivery:stalled', ({ topic }) => stalled.set({ [TOPIC]: topic }, 1))
  events.on('delivery:resumed', ({ topic }) => stalled.set({ [TOPIC]: topic }, 0))

  countOutages(events, registry)
}

function instrumentsIn(registry: Registry) {
  const registers = [registry]
  return {
    counter: (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ name, help, labelNames, registers }),
    gauge: (name: string, help: string, labelNames: string[]) => new Gauge({ name, help, labelNames, registers }),
    histogram: (name: string, help: string, buckets: number[], labelNames: string[] = []) =>
      new Histogram({ name, help, labelNames, buckets, registers }),
  }
}

/** Counts outages and shows whether this process is holding batches. Several triggers may each hold one. */
function countOutages(events: PipelineEmitter, registry: Registry): void {
  const { counter, gauge } = instrumentsIn(registry)
  const outages = counter('orders_outages_total', 'How many times this process began to hold batches.', ['of'])
  const outage = gauge(
    'orders_outage',
    '1 while this process holds batches because the store or the log is unavailable.',
    ['of'],
  )
  const held = { store: 0, log: 0 }
  const hold = (of: keyof typeof held, batches: number) => {
    held[of] += batches
    outage.set({ of }, held[of] > 0 ? 1 : 0)
  }
  for (const dependency of ['store', 'log'] as const) {
    outages.inc({ of: dependency }, 0)
    hold(dependency, 0)
  }
  events.on('outage:began', ({ of }) => {
    outages.inc({ of })
    hold(of, 1)
  })
  events.on('outage:ended', ({ of }) => hold(of, -1))
  events.on('hold:ended', ({ of }) => hold(of, -1))
}

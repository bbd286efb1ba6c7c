import { HOW_LOST } from '../../application/ledger/ledger-faults.ts'
import type { RecordsKept } from '../../application/log/expire-records.ts'
import { isOrderError, TO_DO_IF_UNREADABLE } from '../../domain/errors.ts'
import type { Logger } from './logger.ts'
import type { PipelineEmitter, PipelineEventName } from '../../messaging/pipeline-events.ts'
import type { RemovablePart } from '../../ports/retention.ts'
import { traceIdOf } from '../../messaging/records/traceparent.ts'
import { toBriefErrorLine } from './error-line.ts'

/**
 * Writes one line for each important event, with the event's name in `event`. A line about a single order contains the
 * order's id, and the trace id if the order has a trace.
 */
export function logPipeline(events: PipelineEmitter, logger: Logger): void {
  // These events may occur thousands of times a second, so their listeners are registered only if the lines are
  // written.
  const isDebugged = logger.isLevelEnabled('debug')
  if (isDebugged) {
    events.on('order:accepted', (event) => {
      logger.debug(lineOf('order:accepted', event), 'an order is durable in the log')
    })
    events.on('change:accepted', (event) => {
      logger.debug(lineOf('change:accepted', event), 'a change to an order is durable in the log')
    })
  }
  // These lines omit the stack trace. Up to three attempts fail before a record is parked, and the line about the
  // parked record has the stack trace.
  const attempts = isDebugged ? logger : logger.child({}, { serializers: { err: toBriefErrorLine } })
  events.on('batch:stored', ({ topic, stored, duplicates, parked, changes, durationMs }) => {
    const counts = { topic, stored: stored.length, duplicates: duplicates.length, parked, changes, durationMs }
    logger.debug(lineOf('batch:stored', counts), 'batch stored')
  })
  events.on('attempt:failed', (event) => {
    attempts.warn(lineOf('attempt:failed', event), 'a batch failed and will be retried')
  })
  events.on('delivery:retried', (event) => {
    const notBefore = new Date(event.notBefore).toISOString()
    logger.warn(lineOf('delivery:retried', { ...event, notBefore }), 'a record will be retried later')
  })
  events.on('delivery:dead-lettered', (event) => {
    // A record that an operator took out is not a failure.
    const level = event.cause.code === 'taken-out' ? 'info' : 'error'
    logger[level](lineOf('delivery:dead-lettered', event), 'a record went to the dead-letter topic')
  })
  events.on('dead-letters:kept', ({ ids }) => {
    logger.info(lineOf('dead-letters:kept', { ids: ids.slice(0, 20), count: ids.length }), 'dead letters kept')
  })
  events.on('batch:held', (event) => {
    const message = 'every order of two batches in a row failed; the batch is held, and no order is dead-lettered'
    logger.error(lineOf('batch:held', event), message)
  })
  events.on('ledger:repaired', (event) => {
    logger.warn(lineOf('ledger:repaired', event), 'records that had been passed over were processed')
  })
  events.on('ledger:lost', (event) => {
    logger.error(lineOf('ledger:lost', event), `offsets ${HOW_LOST[event.lostBy]}: orders may be lost`)
  })
  events.on('delivery:stalled', (event) => {
    const { topic, partition, offset, waitingMs } = event
    const minutes = Math.round(waitingMs / 60_000)
    const message = `records are waiting in ${topic} from ${topic}:${partition}:${offset} onwards, but the host has given this process none for ${minutes} minutes; /api/health/live now fails, so that the process is restarted`
    logger.error(lineOf('delivery:stalled', event), message)
  })
  events.on('delivery:unreadable', (event) => {
    const { topic, partition, offset } = event
    const message = `records are waiting in ${topic} behind ${topic}:${partition}:${offset}, which cannot be read; ${TO_DO_IF_UNREADABLE}`
    logger.error(lineOf('delivery:unreadable', event), message)
  })
  events.on('delivery:resumed', (event) => {
    logger.info(lineOf('delivery:resumed', event), 'records are delivered again')
  })
  events.on('ledger:log-broken', (event) => {
    const message = 'this is not the log that the ledger has counted; the ledger does not balance until it is reset'
    logger.error(lineOf('ledger:log-broken', event), message)
  })
  events.on('store:removed', (event) => {
    logger.info(lineOf('store:removed', event), `old ${NAMES[event.part]} were removed from the store`)
  })
  events.on('outage:began', (event) => {
    logger.error(lineOf('outage:began', event), `the ${event.of} is unavailable; its batches are held`)
  })
  events.on('outage:ended', (event) => {
    logger.info(lineOf('outage:ended', event), `the ${event.of} is available again`)
  })
}

const NAMES: Readonly<Record<RemovablePart, string>> = {
  'dead-letters': 'settled dead letters',
  histories: 'history entries',
  'change-histories': 'change history entries',
  audit: 'audit entries',
  redrives: 'redrives',
}

/** Adds `traceId` only to events that can have a trace, because it overrides the invocation's trace id. */
function lineOf(name: PipelineEventName, event: object): object {
  const { error, traceparent, ...facts } = event as { error?: unknown; traceparent?: string }
  return {
    event: name,
    ...facts,
    ...('traceparent' in event && { traceId: traceIdOf(traceparent) }),
    ...(error !== undefined && { err: error }),
  }
}

/** A store outage is only a warning, because the redrives are not at fault, and there may be no redrives waiting. */
export function tellRedriveFailed(logger: Logger, error: unknown): void {
  const line = { event: 'redrive:failed', err: error }
  if (isOrderError(error) && error.retriable) logger.warn(line, 'redrives, if there are any, are waiting')
  else logger.error(line, 'a redrive could not continue')
}

export function tellRecordsKept(logger: Logger, { topic, partition, by, why, since }: RecordsKept): void {
  const message = `records of ${topic} ${partition} that are older than LOG_RETENTION stay in the log: ${why}`
  logger.warn({ event: 'log:kept', topic, partition, reason: by, since: new Date(since).toISOString() }, message)
}

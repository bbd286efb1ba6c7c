import { HOW_LOST } from '../../application/ledger/ledger-faults.ts'
import { isOrderError, TO_DO_IF_UNREADABLE } from '../../domain/errors.ts'
import type { Logger } from './logger.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import { traceIdOf } from '../../messaging/records/traceparent.ts'
import { toBriefErrorLine } from './error-line.ts'

/**
 * One line for each event that matters, under the event's own name. Where one order is concerned the line has its id, and
 * its trace id when it has a trace.
 */
export function logPipeline(events: PipelineEmitter, logger: Logger): void {
  // Thousands a second: nobody listens, and so nothing is paid, unless somebody reads them.
  if (logger.isLevelEnabled('debug')) {
    events.on('order:accepted', ({ orderId, traceparent, durationMs }) => {
      const line = { event: 'order:accepted', orderId, traceId: traceIdOf(traceparent), durationMs }
      logger.debug(line, 'an order is durable in the log')
    })
  }
  // The line of a record that is parked has the stack: three attempts before it would only repeat it.
  const attempts = logger.isLevelEnabled('debug')
    ? logger
    : logger.child({}, { serializers: { err: toBriefErrorLine } })
  events.on('batch:stored', ({ topic, stored, duplicates, parked, durationMs }) => {
    const counts = { stored: stored.length, duplicates: duplicates.length, parked, durationMs }
    logger.debug({ event: 'batch:stored', topic, ...counts }, 'batch stored')
  })
  events.on('attempt:failed', ({ error, ...event }) => {
    attempts.warn({ event: 'attempt:failed', ...event, err: error }, 'a batch failed and is tried again')
  })
  events.on('delivery:retried', ({ error, notBefore, traceparent, ...event }) => {
    const journey = { ...event, traceId: traceIdOf(traceparent), notBefore: new Date(notBefore).toISOString() }
    logger.warn({ event: 'delivery:retried', ...journey, err: error }, 'a record is tried again later')
  })
  events.on('delivery:dead-lettered', ({ error, traceparent, ...event }) => {
    const journey = { ...event, traceId: traceIdOf(traceparent) }
    // What an operator asked for is no failure.
    const level = event.cause.code === 'taken-out' ? 'info' : 'error'
    logger[level]({ event: 'delivery:dead-lettered', ...journey, err: error }, 'a record went to the dead-letter topic')
  })
  events.on('dead-letters:kept', ({ ids }) => {
    logger.info({ event: 'dead-letters:kept', ids: ids.slice(0, 20), count: ids.length }, 'dead letters kept')
  })
  events.on('batch:held', ({ error, ...event }) => {
    const message = 'every order of two batches in a row failed; the batch is held, and none is dead-lettered'
    logger.error({ event: 'batch:held', ...event, err: error }, message)
  })
  events.on('ledger:repaired', (repair) => {
    logger.warn({ event: 'ledger:repaired', ...repair }, 'records that had been passed over were processed')
  })
  events.on('ledger:lost', (loss) => {
    logger.error({ event: 'ledger:lost', ...loss }, `offsets ${HOW_LOST[loss.lostBy]}: orders may be lost`)
  })
  events.on('delivery:stalled', (event) => {
    const { topic, partition, offset, waitingMs } = event
    const message = `records wait in ${topic} from ${topic}:${partition}:${offset} on, and the host has handed this process none for ${Math.round(waitingMs / 60_000)} minutes; /api/health/live now fails, so that it is restarted`
    logger.error({ event: 'delivery:stalled', ...event }, message)
  })
  events.on('delivery:unreadable', ({ error, ...event }) => {
    const message = `records wait in ${event.topic} behind ${event.topic}:${event.partition}:${event.offset}, which cannot be read; ${TO_DO_IF_UNREADABLE}`
    logger.error({ event: 'delivery:unreadable', ...event, err: error }, message)
  })
  events.on('delivery:resumed', (event) => {
    logger.info({ event: 'delivery:resumed', ...event }, 'records are no longer seen to wait')
  })
  events.on('ledger:log-broken', (event) => {
    const message = 'the log is not the one that was counted; the ledger does not balance until it is reset'
    logger.error({ event: 'ledger:log-broken', ...event }, message)
  })
  events.on('outage:began', ({ error, ...event }) => {
    logger.error({ event: 'outage:began', ...event, err: error }, `the ${event.of} is away; everything is held`)
  })
  events.on('outage:ended', (event) => {
    logger.info({ event: 'outage:ended', ...event }, `the ${event.of} is back`)
  })
}

/** An outage of the store is only a warning: no redrive is at fault, and perhaps none is waiting. */
export function tellRedriveFailed(logger: Logger, error: unknown): void {
  const line = { event: 'redrive:failed', err: error }
  if (isOrderError(error) && error.retriable) logger.warn(line, 'redrives wait, if there are any')
  else logger.error(line, 'a redrive could not go on')
}

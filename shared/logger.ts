import { pino, type Logger } from 'pino'
import type { Config } from './config.ts'
import type { PipelineEmitter } from './messaging/pipeline-events.ts'

export type { Logger } from 'pino'

/** JSON lines on standard error, so that a program's own output stays its own. Personal data never gets in: what is
 * logged of an order is its id, its place in the log and the code of what went wrong. */
export function createLogger(config: Pick<Config, 'logLevel'>): Logger {
  return pino(
    {
      level: config.logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  )
}

/** One line for each event that matters, under the event's own name. */
export function logPipeline(events: PipelineEmitter, logger: Logger): void {
  events.on('batch:stored', ({ topic, stored, duplicates, parked, durationMs }) => {
    const counts = { stored: stored.length, duplicates: duplicates.length, parked, durationMs }
    logger.debug({ event: 'batch:stored', topic, ...counts }, 'batch stored')
  })
  events.on('attempt:failed', ({ error, ...event }) => {
    logger.warn({ event: 'attempt:failed', ...event, err: error }, 'a batch failed and is tried again')
  })
  events.on('delivery:retried', ({ error, notBefore, ...event }) => {
    const line = { event: 'delivery:retried', ...event, notBefore: new Date(notBefore).toISOString(), err: error }
    logger.warn(line, 'a record is tried again later')
  })
  events.on('delivery:dead-lettered', ({ error, ...event }) => {
    logger.error({ event: 'delivery:dead-lettered', ...event, err: error }, 'a record went to the dead-letter topic')
  })
  events.on('dead-letters:kept', ({ ids }) => {
    logger.info({ event: 'dead-letters:kept', ids: ids.slice(0, 20), count: ids.length }, 'dead letters kept')
  })
  events.on('outage:began', ({ error, ...event }) => {
    logger.error({ event: 'outage:began', ...event, err: error }, `the ${event.of} is away; everything is held`)
  })
  events.on('outage:ended', (event) => {
    logger.info({ event: 'outage:ended', ...event }, `the ${event.of} is back`)
  })
}

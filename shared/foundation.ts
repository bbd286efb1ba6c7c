import { prepareAdapters, type Adapters } from './adapters/open-adapters.ts'
import { systemClock } from './adapters/system-clock.ts'
import { prepareTopics } from './application/log/prepare-topics.ts'
import { OrderError } from './domain/errors.ts'
import { createPipelineEmitter, type PipelineEmitter } from './messaging/pipeline-events.ts'
import { createTopics, topicSpecs, type Topics } from './messaging/topics.ts'
import type { TopicSpec } from './ports/event-log.ts'
import type { Config } from './settings/config.ts'
import { failsStart } from './settings/fails-start.ts'
import { openLogging, type Logging } from './telemetry/logs/logger.ts'

/** The parts of the product that every use case needs. The log and the store take a while to open. */
export interface Foundation extends AsyncDisposable {
  readonly logging: Logging
  readonly events: PipelineEmitter
  readonly topics: Topics
  readonly specs: readonly TopicSpec[]
  /** Aborted by `stop` and by disposing. */
  readonly signal: AbortSignal
  /** Ends everything that is only waiting, such as holds and backoffs. */
  readonly stop: () => void
  /** The log with its topics, and the store. Rejects if either cannot be opened. */
  readonly adapters: Promise<Adapters>
}

/**
 * Sets up logging, and starts opening the log and the store. Resolves as soon as their threads have been started, so
 * that the caller can load other modules while the log and the store are being opened.
 */
export async function openFoundation(config: Config): Promise<Foundation> {
  const logging = await openLogging(config)
  try {
    return await openWith(config, logging)
  } catch (error) {
    await logging[Symbol.asyncDispose]()
    throw error
  }
}

async function openWith(config: Config, logging: Logging): Promise<Foundation> {
  const { logger } = logging
  const events = createPipelineEmitter()
  const stopping = new AbortController()
  const { signal } = stopping
  const stop = () => stopping.abort(new OrderError('shutting-down', 'This process is stopping.', { retriable: true }))
  const topics = createTopics(config.topic, config.consumerGroup, config.retryDelaysMs)
  const specs = topicSpecs(topics, config.partitions, config.replication, config.logRetentionMs)
  const openAdapters = await prepareAdapters(config, logger, events)
  const adapters = openAdapters((log, failed) =>
    prepareTopics({
      log,
      specs,
      clock: systemClock,
      signal: AbortSignal.any([signal, failed]),
      failsStart: (error) => failsStart(config, error),
      onAway: (error) =>
        logger.warn({ event: 'log:away', err: error }, "the log can't be used yet; orders are refused until it can be"),
      onBack: () => logger.warn({ event: 'log:back' }, 'the log can be used now'),
    }),
  )
  // Code that awaits `adapters` later still gets the error.
  adapters.catch(() => undefined)
  return {
    logging,
    events,
    topics,
    specs,
    signal,
    stop,
    adapters,
    async [Symbol.asyncDispose]() {
      stop()
      const [opened] = await Promise.allSettled([adapters])
      if (opened.status === 'fulfilled') await opened.value[Symbol.asyncDispose]()
      await logging[Symbol.asyncDispose]()
    },
  }
}

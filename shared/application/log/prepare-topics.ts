import { isOrderError, messageOf, OrderError } from '../../domain/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { EventLog, LogConsumer, TopicSpec } from '../../ports/event-log.ts'

type Log = EventLog & LogConsumer

export interface PrepareTopicsOptions {
  readonly log: Log
  readonly specs: readonly TopicSpec[]
  readonly clock: Clock
  /** Ends the wait and prevents further attempts. */
  readonly signal: AbortSignal
  /** Whether an error on the first attempt prevents startup. */
  readonly failsStart: (error: unknown) => boolean
  /** Called when the topics cannot be prepared, and again only if the reason changes. */
  readonly onAway: (error: unknown) => void
  /** Called once, after `onAway`, when the topics have been prepared. */
  readonly onBack: () => void
}

/**
 * How long startup waits for the first attempt. If startup took longer, a supervisor might conclude that the process
 * is hanging.
 */
const START_WAIT_MS = 5000
const RETRY_MS = 1000

/**
 * Creates missing topics before anything is published or consumed. An unavailable log does not delay startup by more
 * than five seconds: after that, the result is a log that rejects `publish` with `log-unavailable`, reports itself as
 * unavailable, and consumes nothing until an attempt succeeds. Rejects with the first attempt's error if `failsStart`
 * returns true for it.
 */
export async function prepareTopics(options: PrepareTopicsOptions): Promise<Log> {
  const { log, specs, clock, signal, failsStart } = options
  const started = new AbortController()
  const first = log.ensureTopics(specs)
  const late = clock.sleep(START_WAIT_MS, AbortSignal.any([signal, started.signal])).then(() => 'late')
  late.catch(() => undefined)
  try {
    if ((await Promise.race([first, late])) !== 'late') return log
  } catch (error) {
    if (failsStart(error)) throw error
  } finally {
    started.abort()
  }
  return unpreparedLog(first, options)
}

/** Stands in for the log until the topics are prepared. Afterwards, every call goes straight through to the log. */
function unpreparedLog(first: Promise<void>, { log, specs, clock, signal, onAway, onBack }: PrepareTopicsOptions): Log {
  let isPrepared = false
  let cause = 'its topics are still being checked'
  let told: string | undefined
  const prepared = prepare()
  // This promise rejects only when the process stops.
  prepared.catch(() => undefined)

  async function prepare(): Promise<void> {
    for (let attempt = first; ; attempt = log.ensureTopics(specs)) {
      try {
        await attempt
        break
      } catch (error) {
        cause = messageOf(error)
        const kind = isOrderError(error) ? error.code : 'internal'
        if (kind !== told) onAway(error)
        told = kind
        await clock.sleep(RETRY_MS, signal)
      }
    }
    isPrepared = true
    if (told !== undefined) onBack()
  }

  return {
    ...log,
    async publish(topic, records) {
      if (isPrepared) return log.publish(topic, records)
      throw new OrderError('log-unavailable', `Nothing can be published: ${cause}`, { retriable: true })
    },
    async health() {
      return isPrepared ? log.health() : { available: false, cause }
    },
    async subscribe(subscription) {
      let isClosed = false
      const subscribed = prepared.then(() => (isClosed ? undefined : log.subscribe(subscription)))
      subscribed.catch((error: unknown) => {
        if (!signal.aborted) subscription.onError(error)
      })
      return {
        async [Symbol.asyncDispose]() {
          isClosed = true
          if (isPrepared) await (await subscribed)?.[Symbol.asyncDispose]()
        },
      }
    },
  }
}

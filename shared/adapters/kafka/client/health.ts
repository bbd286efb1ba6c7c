import type { LogHealth } from '../../../ports/event-log.ts'
import { messageOf } from '../../../domain/errors.ts'
import { rootOf } from './errors.ts'
import { within } from '../../../threads/waiting.ts'

export interface HealthOptions {
  /** Any question that the brokers answer. */
  readonly probe: () => Promise<unknown>
  /** One line for each place that consumers cannot read, with the reason. */
  readonly unreadable: () => readonly string[]
}

const PROBE_TIMEOUT_MS = 2500
const PROBE_INTERVAL_MS = 1000
/** Callers may have stopped publishing because health said no, so after this long the brokers are asked again. */
const FAILURE_LASTS_MS = 3000

/** The brokers' health by the results of publishing. When nothing is published, it asks the brokers. */
export function createHealthMonitor({ probe, unreadable }: HealthOptions) {
  let failure: { readonly cause: string; readonly at: number } | undefined
  let answered = Number.NEGATIVE_INFINITY
  let asking: Promise<string | undefined> | undefined

  async function ask(): Promise<string | undefined> {
    try {
      await within(PROBE_TIMEOUT_MS, 'asking the brokers', probe())
      answered = performance.now()
      return undefined
    } catch (error) {
      return messageOf(rootOf(error))
    } finally {
      asking = undefined
    }
  }

  async function brokersFailing(): Promise<string | undefined> {
    if (failure !== undefined && performance.now() - failure.at < FAILURE_LASTS_MS) return failure.cause
    if (failure === undefined && performance.now() - answered < PROBE_INTERVAL_MS) return undefined
    const cause = await (asking ??= ask())
    if (cause === undefined) failure = undefined
    return cause
  }

  return {
    /** A publish was acknowledged. */
    succeeded(): void {
      failure = undefined
      answered = performance.now()
    },
    /** An attempt to publish failed. */
    failed(error: unknown): void {
      failure = { cause: messageOf(rootOf(error)), at: performance.now() }
    },
    async health(): Promise<LogHealth> {
      const cause = await brokersFailing()
      const lines = unreadable()
      return {
        ...(cause === undefined ? { available: true } : { available: false, cause: `Kafka: ${cause}` }),
        // Orders are accepted even when a consumer cannot go on, because the brokers work.
        ...(lines.length > 0 && { unreadable: lines }),
      }
    },
  }
}

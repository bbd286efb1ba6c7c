import type { LogHealth } from '../../../ports/event-log.ts'
import { messageOf } from '../../../domain/errors.ts'
import { rootOf } from './errors.ts'
import { within } from '../../../threads/waiting.ts'

export interface HealthOptions {
  /** A request that any broker can answer. */
  readonly probe: () => Promise<unknown>
  /** One line for each partition or topic that consumers cannot read, with the reason. */
  readonly unreadable: () => readonly string[]
}

const PROBE_TIMEOUT_MS = 2500
const PROBE_INTERVAL_MS = 1000
/**
 * A failure counts for only this long, because callers may stop publishing after a failure, and then no success would
 * clear it.
 */
const FAILURE_LASTS_MS = 3000

/** Judges the brokers' health by the results of publishing, or asks the brokers while nothing is being published. */
export function createHealthMonitor({ probe, unreadable }: HealthOptions) {
  let failure: { readonly cause: string; readonly at: number } | undefined
  let answered = Number.NEGATIVE_INFINITY
  let asking: Promise<string | undefined> | undefined

  async function ask(): Promise<string | undefined> {
    try {
      await within(PROBE_TIMEOUT_MS, 'Asking the brokers', probe())
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
    succeeded(): void {
      failure = undefined
      answered = performance.now()
    },
    failed(error: unknown): void {
      failure = { cause: messageOf(rootOf(error)), at: performance.now() }
    },
    async health(): Promise<LogHealth> {
      const cause = await brokersFailing()
      const lines = unreadable()
      return {
        ...(cause === undefined ? { available: true } : { available: false, cause: `Kafka: ${cause}` }),
        // The log counts as available when only a consumer fails, because orders can still be published.
        ...(lines.length > 0 && { unreadable: lines }),
      }
    },
  }
}

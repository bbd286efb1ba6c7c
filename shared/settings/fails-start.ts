import { isOrderError } from '../domain/errors.ts'
import type { Config } from './config.ts'

/**
 * Whether the error ends the start. Without Kafka, every error does. An outage of Kafka does not, because Kafka may
 * become available later. A Kafka error that a retry cannot fix ends the start of the embedded host, where somebody
 * sees the failure. The Functions runtime would continue without functions, so there the error is logged and the start
 * is retried.
 */
export function failsStart({ runtime, kafka }: Config, error: unknown): boolean {
  if (kafka === undefined) return true
  return runtime === 'embedded' && !(isOrderError(error) && error.retriable)
}

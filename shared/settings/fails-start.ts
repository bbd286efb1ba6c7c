import { isOrderError } from '../domain/errors.ts'
import type { Config } from './config.ts'

/**
 * Whether the error makes startup fail. Without Kafka, every error makes startup fail. With Kafka, an outage does not
 * make startup fail, because Kafka may become available later. A Kafka error that a retry cannot fix makes startup fail
 * in the embedded host, where somebody sees the failure. The Functions runtime would continue without functions, so in
 * that runtime the error is logged and the attempt is repeated.
 */
export function failsStart({ runtime, kafka }: Config, error: unknown): boolean {
  if (kafka === undefined) return true
  return runtime === 'embedded' && !(isOrderError(error) && error.retriable)
}

import type { RpcRetryOptions } from '../functions/rpc.ts'

/** The jitter of the exponential part, from the WebJobs SDK's RandomizedExponentialBackoffStrategy. */
const RANDOMIZATION = 0.2

/**
 * An endless sequence of waits between attempts, in milliseconds. `random` returns a number that is at least 0 and
 * below 1.
 */
export function* retryDelays(policy: RpcRetryOptions, random: () => number): Generator<number, never> {
  if (policy.retryStrategy === 'fixedDelay') {
    while (true) yield (policy.delayInterval?.seconds ?? 0) * 1000
  }
  const minimum = (policy.minimumInterval?.seconds ?? 0) * 1000
  const maximum = (policy.maximumInterval?.seconds ?? 0) * 1000
  let delay = minimum
  for (let exponent = 0; delay < maximum; exponent += 1) {
    yield delay
    delay = minimum + (1 - RANDOMIZATION + 2 * RANDOMIZATION * random()) * 2 ** exponent * minimum
    if (minimum === 0) break
  }
  while (true) yield Math.min(delay, maximum)
}

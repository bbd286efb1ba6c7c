import { describe, expect, test } from 'vitest'
import { deliver, type AttemptOptions } from '../../../infra/host/kafka/attempts.ts'
import { retryDelays } from '../../../infra/host/kafka/retry-policy.ts'
import type { RetryContext } from '@azure/functions'
import type { RpcRetryOptions } from '../../../infra/host/functions/rpc.ts'

const NEVER = new AbortController().signal
const AT_ONCE: RpcRetryOptions = { retryStrategy: 'fixedDelay', maxRetryCount: 2, delayInterval: { seconds: 0 } }

function take(policy: RpcRetryOptions, count: number, random = () => 0.5): number[] {
  const delays = retryDelays(policy, random)
  return Array.from({ length: count }, () => delays.next().value)
}

function recorder(changes: Partial<AttemptOptions> = {}) {
  const failed: (number | undefined)[] = []
  const givenUp: unknown[] = []
  const options: AttemptOptions = {
    policy: undefined,
    commitOnFailure: true,
    maxRetries: 5,
    random: () => 0.5,
    onFailure: (_, delayMs) => failed.push(delayMs),
    onGivenUp: (error) => givenUp.push(error),
    ...changes,
  }
  return { options, failed, givenUp }
}

/** Fails this many times, and records the retry context of each attempt. */
function failing(times: number) {
  const seen: (RetryContext | undefined)[] = []
  return {
    seen,
    attempt: async (context: RetryContext | undefined) => {
      seen.push(context)
      if (seen.length <= times) throw new Error(`failure ${seen.length}`)
    },
  }
}

describe('the waits of a retry policy', () => {
  test('are constant with fixedDelay', () => {
    expect(take({ retryStrategy: 'fixedDelay', maxRetryCount: -1, delayInterval: { seconds: 3 } }, 3)).toEqual([
      3000, 3000, 3000,
    ])
  })

  test('begin with the minimum, then grow to the maximum with exponentialBackoff', () => {
    const policy: RpcRetryOptions = {
      retryStrategy: 'exponentialBackoff',
      maxRetryCount: -1,
      minimumInterval: { seconds: 1 },
      maximumInterval: { seconds: 10 },
    }
    expect(take(policy, 7)).toEqual([1000, 2000, 3000, 5000, 9000, 10_000, 10_000])
    expect(take(policy, 3, () => 0)).toEqual([1000, 1800, 2600])
  })

  test('are zero when the intervals are', () => {
    const policy: RpcRetryOptions = {
      retryStrategy: 'exponentialBackoff',
      maxRetryCount: 1,
      maximumInterval: { seconds: 5 },
    }
    expect(take(policy, 3)).toEqual([0, 0, 0])
  })
})

describe('a delivery', () => {
  test('that succeeds is committed, without a retry context when there is no policy', async () => {
    const { attempt, seen } = failing(0)
    await deliver(attempt, recorder().options, NEVER)
    expect(seen).toEqual([undefined])
  })

  test('tells each attempt of the policy its number and the last failure', async () => {
    const { attempt, seen } = failing(2)
    const { options, givenUp } = recorder({ policy: AT_ONCE })
    await deliver(attempt, options, NEVER)
    expect(seen).toEqual([
      { retryCount: 0, maxRetryCount: 2 },
      {
        retryCount: 1,
        maxRetryCount: 2,
        exception: { message: 'failure 1', stackTrace: expect.any(String), source: '' },
      },
      {
        retryCount: 2,
        maxRetryCount: 2,
        exception: { message: 'failure 2', stackTrace: expect.any(String), source: '' },
      },
    ])
    expect(givenUp).toEqual([])
  })

  test('that exhausts its policy is skipped with commitOnFailure, and that is reported', async () => {
    const { attempt, seen } = failing(Infinity)
    const { options, failed, givenUp } = recorder({ policy: AT_ONCE })
    await deliver(attempt, options, NEVER)
    expect([seen.length, failed, givenUp.length]).toEqual([3, [0, 0, undefined], 1])
  })

  test('runs the whole policy again without commitOnFailure, maxRetries times', async () => {
    const { attempt, seen } = failing(Infinity)
    const { options, givenUp } = recorder({ policy: AT_ONCE, commitOnFailure: false, maxRetries: 2 })
    await deliver(attempt, options, NEVER)
    expect([seen.length, seen[3]?.retryCount, givenUp.length]).toEqual([9, 0, 1])
  })

  test('is never given up with maxRetries -1 or maxRetryCount -1', async () => {
    const forEver = failing(40)
    await deliver(forEver.attempt, recorder({ commitOnFailure: false, maxRetries: -1 }).options, NEVER)
    const byPolicy = failing(40)
    const { options, givenUp } = recorder({ policy: { ...AT_ONCE, maxRetryCount: -1 } })
    await deliver(byPolicy.attempt, options, NEVER)
    expect([forEver.seen.length, byPolicy.seen.length, givenUp]).toEqual([41, 41, []])
  })

  test('stops waiting for the next attempt when it is aborted, and is not committed', async () => {
    const policy: RpcRetryOptions = { ...AT_ONCE, delayInterval: { seconds: 3600 } }
    const stopping = new AbortController()
    const { attempt, seen } = failing(Infinity)
    const { options, givenUp } = recorder({ policy, onFailure: () => setImmediate(() => stopping.abort()) })
    await expect(deliver(attempt, options, stopping.signal)).rejects.toThrow(/abort/i)
    expect([seen.length, givenUp]).toEqual([1, []])
  })

  test.each([AT_ONCE, undefined])(
    'that fails because it is aborted is neither reported nor committed',
    async (policy) => {
      const stopping = new AbortController()
      const { options, failed, givenUp } = recorder({ policy })
      const run = deliver(
        async () => {
          stopping.abort()
          throw new Error('This process is stopping.')
        },
        options,
        stopping.signal,
      )
      await expect(run).rejects.toThrow('This process is stopping.')
      expect([failed, givenUp]).toEqual([[], []])
    },
  )

  test('in flight may finish when it is aborted, and counts when it succeeds', async () => {
    const stopping = new AbortController()
    const { options } = recorder()
    const run = deliver(async () => stopping.abort(), options, stopping.signal)
    await expect(run).resolves.toBeUndefined()
  })
})

import { describe, expect, test, vi } from 'vitest'
import { prepareTopics } from '../../../../shared/application/log/prepare-topics.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import type { EventLog, LogConsumer, Subscription } from '../../../../shared/ports/event-log.ts'
import { logIsAway } from '../../../support/fakes.ts'

const SPECS = [{ name: 'orders', partitions: 1, replication: 1, config: {} }]
const SUBSCRIPTION: Subscription = {
  groupId: 'group',
  topic: 'orders',
  maxBatchSize: 1,
  onBatch: () => Promise.resolve(),
  onError: (error) => {
    throw error
  },
}

/** A log and a clock: the log prepares its topics, and the clock advances, only when the test says so. */
function unprepared(failsStart = false) {
  const attempts: PromiseWithResolvers<void>[] = []
  const told: string[] = []
  const sleeps: { ms: number; wake: () => void }[] = []
  const stopping = new AbortController()
  const subscribe = vi.fn(async () => ({ [Symbol.asyncDispose]: async () => void told.push('closed') }))
  const log = {
    ensureTopics: () => {
      const attempt = Promise.withResolvers<void>()
      attempts.push(attempt)
      return attempt.promise
    },
    publish: async () => [],
    health: async () => ({ available: true }),
    subscribe,
  } as unknown as EventLog & LogConsumer
  const prepared = prepareTopics({
    log,
    specs: SPECS,
    clock: {
      now: () => 0,
      random: () => 0.5,
      yield: () => Promise.resolve(),
      sleep: (ms, signal) =>
        new Promise((wake, reject) => {
          sleeps.push({ ms, wake })
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        }),
    },
    signal: stopping.signal,
    failsStart: () => failsStart,
    onAway: (error) => told.push(`away: ${(error as OrderError).code}`),
    onBack: () => told.push('back'),
  })
  const pass = async (ms: number) => {
    await vi.waitFor(() => expect(sleeps.some((sleep) => sleep.ms === ms)).toBe(true))
    for (const sleep of sleeps.splice(0)) if (sleep.ms === ms) sleep.wake()
  }
  const attempt = async (number: number) => {
    await vi.waitFor(() => expect(attempts).toHaveLength(number))
    return attempts[number - 1] as PromiseWithResolvers<void>
  }
  return { log, prepared, told, subscribe, pass, attempt, stopping }
}

describe('preparing topics', () => {
  test('returns the log itself when they are prepared in time', async () => {
    const { log, prepared, attempt, told } = unprepared()
    ;(await attempt(1)).resolve()
    expect(await prepared).toBe(log)
    expect(told).toEqual([])
  })

  test('rejects with an error that must stop the start', async () => {
    const { prepared, attempt } = unprepared(true)
    ;(await attempt(1)).reject(new OrderError('invalid-setting', 'Too many copies.'))
    await expect(prepared).rejects.toMatchObject({ code: 'invalid-setting' })
  })

  test('refuses to publish while the log is unavailable, reports each reason once, and continues when the log is back', async () => {
    const { prepared, attempt, told, pass } = unprepared()
    ;(await attempt(1)).reject(logIsAway())
    const log = await prepared
    await expect(log.publish('orders', [])).rejects.toMatchObject({ code: 'log-unavailable', retriable: true })
    expect(await log.health()).toEqual({ available: false, cause: 'The log is away.' })
    await pass(1000)
    ;(await attempt(2)).reject(logIsAway())
    await pass(1000)
    ;(await attempt(3)).reject(new OrderError('invalid-setting', 'Too many copies.'))
    await pass(1000)
    ;(await attempt(4)).resolve()
    await vi.waitFor(async () => expect(await log.health()).toEqual({ available: true }))
    expect(await log.publish('orders', [])).toEqual([])
    expect(told).toEqual(['away: log-unavailable', 'away: invalid-setting', 'back'])
  })

  test('waits five seconds for a log that hangs', async () => {
    const { prepared, attempt, told, pass } = unprepared()
    await pass(5000)
    const log = await prepared
    await expect(log.publish('orders', [])).rejects.toMatchObject({ code: 'log-unavailable' })
    expect(await log.health()).toMatchObject({ available: false })
    ;(await attempt(1)).resolve()
    await vi.waitFor(async () => expect(await log.health()).toEqual({ available: true }))
    expect(told).toEqual([])
  })

  test('consumes nothing before, everything afterwards, and nothing that was closed meanwhile', async () => {
    const { prepared, attempt, pass, subscribe, told } = unprepared()
    ;(await attempt(1)).reject(logIsAway())
    const log = await prepared
    const kept = await log.subscribe(SUBSCRIPTION)
    const dropped = await log.subscribe({ ...SUBSCRIPTION, groupId: 'other' })
    await dropped[Symbol.asyncDispose]()
    expect(subscribe).not.toHaveBeenCalled()
    await pass(1000)
    ;(await attempt(2)).resolve()
    await vi.waitFor(() => expect(subscribe).toHaveBeenCalledExactlyOnceWith(SUBSCRIPTION))
    await kept[Symbol.asyncDispose]()
    expect(told).toEqual(['away: log-unavailable', 'back', 'closed'])
  })

  test('stops trying when the process stops', async () => {
    const { prepared, attempt, stopping } = unprepared()
    ;(await attempt(1)).reject(logIsAway())
    await prepared
    stopping.abort(new OrderError('shutting-down', 'Stopping.'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(await attempt(1)).toBeDefined()
  })
})

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { EventLog, LogRecord } from '../../../shared/ports/event-log.ts'
import { collect, newTopic, numbered, readAll, text, type Log, type LogFeatures, type OpenedLog } from './log-steps.ts'

const WAIT = { timeout: 20_000, interval: 5 }

/** What every adapter for `LogConsumer` guarantees. */
export function logConsumerContract(name: string, open: () => Promise<OpenedLog>, features: LogFeatures): void {
  describe(`${name} keeps the promises of a consumer of its records:`, () => {
    let opened: OpenedLog
    let log: Log
    beforeAll(async () => {
      opened = await open()
      log = opened.log
    })
    afterAll(() => opened[Symbol.asyncDispose]())

    const topicOf = (partitions: number) => newTopic(log, partitions)

    it('delivers earlier and later records, each partition in order', async () => {
      const topic = await topicOf(3)
      await log.publish(topic, numbered(100))
      await using consumer = await collect(log, { topic, maxBatchSize: 16 })
      await vi.waitFor(() => expect(consumer.records).toHaveLength(100), WAIT)
      await log.publish(topic, numbered(50))
      await vi.waitFor(() => expect(consumer.records).toHaveLength(150), WAIT)
      expect(consumer.batches.every((batch) => batch.length > 0 && batch.length <= 16)).toBe(true)
      for (const partition of [0, 1, 2]) {
        const offsets = consumer.records.filter((record) => record.partition === partition).map(({ offset }) => offset)
        expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
      }
      expect(consumer.errors).toEqual([])
    })

    it('delivers one batch at a time', async () => {
      const topic = await topicOf(3)
      await log.publish(topic, numbered(40))
      let running = 0
      let most = 0
      await using consumer = await collect(log, { topic, maxBatchSize: 5 }, async () => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running -= 1
      })
      await vi.waitFor(() => expect(consumer.records).toHaveLength(40), WAIT)
      expect(most).toBe(1)
    })

    it('delivers a rejected batch again, and commits nothing of it', async () => {
      const topic = await topicOf(1)
      const groupId = randomUUID()
      await log.publish(topic, numbered(5))
      let attempts = 0
      const committedMeanwhile: number[] = []
      await using consumer = await collect(log, { topic, groupId, maxBatchSize: 10 }, async () => {
        committedMeanwhile.push((await log.committed(groupId, topic)).get(0) ?? 0)
        if (++attempts < 3) throw new Error('not yet')
      })
      await vi.waitFor(() => expect(new Set(offsetsOf(consumer.records))).toHaveProperty('size', 5), WAIT)
      expect(attempts).toBeGreaterThanOrEqual(3)
      expect(committedMeanwhile.slice(0, 3)).toEqual([0, 0, 0])
      const [failed, , succeeded] = consumer.attempts
      expect(offsetsOf(succeeded ?? []).slice(0, failed?.length)).toEqual(offsetsOf(failed ?? []))
    })

    it('continues from the committed offset, independently for each group', async () => {
      const topic = await topicOf(2)
      const groupId = randomUUID()
      await log.publish(topic, numbered(30))
      {
        await using consumer = await collect(log, { topic, groupId, maxBatchSize: 100 })
        await vi.waitFor(() => expect(consumer.records).toHaveLength(30), WAIT)
      }
      const ends = new Map((await log.offsets(topic)).map(({ partition, end }) => [partition, end]))
      expect(await log.committed(groupId, topic)).toEqual(ends)
      expect(await log.committed(randomUUID(), topic)).toEqual(new Map())
      expect(await log.readers(topic)).toEqual([groupId])
      await log.publish(topic, [{ key: 'late', value: 'late', headers: [] }])
      await using same = await collect(log, { topic, groupId, maxBatchSize: 100 })
      await using other = await collect(log, { topic, maxBatchSize: 100 })
      await vi.waitFor(() => expect(other.records).toHaveLength(31), WAIT)
      await vi.waitFor(() => expect(same.records.map(({ value }) => text(value))).toEqual([text('late')]), WAIT)
    })

    it('waits for the batch in flight when it is closed, signals it, and commits it', async () => {
      const topic = await topicOf(1)
      const groupId = randomUUID()
      await log.publish(topic, numbered(3))
      const begun = Promise.withResolvers<void>()
      let finished = false
      const consumer = await collect(log, { topic, groupId, maxBatchSize: 10 }, async (_, signal) => {
        begun.resolve()
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        await new Promise((resolve) => setImmediate(resolve))
        finished = true
      })
      await begun.promise
      await consumer[Symbol.asyncDispose]()
      expect(finished).toBe(true)
      expect((await log.committed(groupId, topic)).get(0)).toBe((await log.offsets(topic))[0]?.end)
    })

    it('does not let a busy partition starve another', async () => {
      const topic = await topicOf(2)
      const [busy, quiet] = await twoKeys(log, topic)
      await log.publish(
        topic,
        Array.from({ length: 3000 }, () => ({ key: busy, value: 'busy', headers: [] })),
      )
      await log.publish(topic, [{ key: quiet, value: 'quiet', headers: [] }])
      let seenBefore = 0
      await using consumer = await collect(log, { topic, maxBatchSize: 10 })
      await vi.waitFor(() => {
        seenBefore = consumer.records.findIndex(({ value }) => text(value) === text('quiet'))
        expect(seenBefore).toBeGreaterThanOrEqual(0)
      }, WAIT)
      expect(seenBefore).toBeLessThan(3000)
    })

    it.runIf(features.survivesRestart)('has all the records after a restart', async () => {
      const topic = await topicOf(2)
      const groupId = randomUUID()
      await log.publish(topic, numbered(20))
      {
        await using consumer = await collect(log, { topic, groupId, maxBatchSize: 100 })
        await vi.waitFor(() => expect(consumer.records).toHaveLength(20), WAIT)
      }
      const before = { records: await readAll(log, topic), committed: await log.committed(groupId, topic) }
      log = await opened.restart()
      expect({ records: await readAll(log, topic), committed: await log.committed(groupId, topic) }).toEqual(before)
      const [position] = await log.publish(topic, [{ key: 'after', value: 'after', headers: [] }])
      const followed = before.records.findLast(({ partition }) => partition === position?.partition)
      expect(position?.offset).toBeGreaterThan(followed?.offset ?? -1)
    })
  })
}

function offsetsOf(records: readonly LogRecord[]): number[] {
  return records.map(({ offset }) => offset)
}

/** Two keys that go to different partitions, found by publishing candidates. */
async function twoKeys(log: EventLog, topic: string): Promise<[string, string]> {
  const candidates = numbered(20)
  const positions = await log.publish(topic, candidates)
  const other = positions.findIndex(({ partition }) => partition !== positions[0]?.partition)
  return ['key-0', `key-${other}`]
}

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isOrderError } from '../../../shared/domain/errors.ts'
import type { RecordToPublish } from '../../../shared/ports/event-log.ts'
import { newTopic, numbered, readAll, text, type Log, type LogFeatures, type OpenedLog } from './log-steps.ts'

/** What every adapter for `EventLog` guarantees. */
export function eventLogContract(name: string, open: () => Promise<OpenedLog>, features: LogFeatures): void {
  describe(`${name} keeps the promises of an event log:`, () => {
    let opened: OpenedLog
    let log: Log
    beforeAll(async () => {
      opened = await open()
      log = opened.log
    })
    afterAll(() => opened[Symbol.asyncDispose]())

    const topicOf = (partitions: number) => newTopic(log, partitions)

    it('returns every record byte for byte', async () => {
      const topic = await topicOf(1)
      const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index)
      const records: RecordToPublish[] = [
        { key: 'käse-🧀', value: '{"text":"grün 🧀 \\u0000"}', headers: [['ä', 'ö']], timestamp: 1_700_000_000_123 },
        { key: everyByte, value: everyByte, headers: [['bytes', everyByte]] },
        { key: null, value: null, headers: [] },
        { key: '', value: '', headers: [['empty', '']] },
        { key: new Uint8Array(), value: new Uint8Array(), headers: [['empty', new Uint8Array()]] },
        {
          key: 'k',
          value: 'v'.repeat(300_000),
          headers: [
            ['twice', 'one'],
            ['twice', 'two'],
            ['nothing', null],
          ],
        },
      ]
      await log.publish(topic, records)
      const kept = await log.read(topic, 0, 0, 100)
      expect(kept.map(({ key }) => text(key))).toEqual(records.map(({ key }) => text(key)))
      expect(kept.map(({ value }) => text(value))).toEqual(records.map(({ value }) => text(value)))
      expect(kept.map(({ headers }) => headers.map(([name, value]) => [name, text(value)]))).toEqual(
        records.map(({ headers }) => headers.map(([name, value]) => [name, text(value)])),
      )
      expect(kept[0]?.timestamp).toBe(1_700_000_000_123)
      expect(Math.abs((kept[1]?.timestamp ?? 0) - Date.now())).toBeLessThan(600_000)
    })

    it('returns positions in the order of the records, and each record stays at its position', async () => {
      const topic = await topicOf(3)
      const records = numbered(60)
      const positions = await log.publish(topic, records)
      expect(positions).toHaveLength(records.length)
      for (const [index, { partition, offset }] of positions.entries()) {
        const [record] = await log.read(topic, partition, offset, 1)
        expect(record).toMatchObject({ topic, partition, offset })
        expect(text(record?.value ?? null)).toBe(text(records[index]?.value ?? null))
      }
    })

    it('resolves at once when there is nothing to publish', async () => {
      expect(await log.publish(await topicOf(1), [])).toEqual([])
    })

    it('keeps the records of a key in one partition, in the order of the calls, despite other publishers', async () => {
      const topic = await topicOf(4)
      const keys = ['one', 'two', 'three', 'four', 'five']
      await Promise.all(
        Array.from({ length: 40 }, (_, round) =>
          log.publish(
            topic,
            keys.map((key) => ({ key, value: `${round}`, headers: [] })),
          ),
        ),
      )
      const all = await readAll(log, topic)
      for (const key of keys) {
        const ofKey = all.filter((record) => text(record.key) === text(key))
        expect(new Set(ofKey.map(({ partition }) => partition)).size).toBe(1)
        expect(ofKey.map(({ value }) => Number(Buffer.from(value ?? [])))).toEqual(
          Array.from({ length: 40 }, (_, n) => n),
        )
      }
    })

    it("chooses the partition that Kafka's default partitioner chooses", async () => {
      const topic = await topicOf(6)
      const keys = ['21', 'foobar', 'a-little-bit-long-string', 'a-little-bit-longer-string', 'abc']
      const positions = await log.publish(
        topic,
        keys.map((key) => ({ key, value: '', headers: [] })),
      )
      // The murmur2 hashes from Kafka's own UtilsTest. A record's partition is its key's hash, made positive, modulo 6.
      const hashes = [-973932308, -790332482, -985981536, -1486304829, 479470107]
      expect(positions.map(({ partition }) => partition)).toEqual(hashes.map((hash) => (hash & 0x7fffffff) % 6))
    })

    it('spreads records without a key over the partitions', async () => {
      const topic = await topicOf(3)
      for (let n = 0; n < 30; n++) await log.publish(topic, [{ key: null, value: `${n}`, headers: [] }])
      expect((await log.offsets(topic)).every(({ end }) => end > 0)).toBe(true)
    })

    it('reports where each partition begins and ends', async () => {
      const topic = await topicOf(3)
      expect(await log.offsets(topic)).toEqual([0, 1, 2].map((partition) => ({ partition, first: 0, end: 0 })))
      const positions = await log.publish(topic, numbered(50))
      const offsets = await log.offsets(topic)
      for (const { partition, end } of offsets) {
        const last = positions.findLast((position) => position.partition === partition)?.offset ?? -1
        expect(end).toBeGreaterThan(last)
      }
    })

    it.runIf(features.denseOffsets)('counts offsets from 0 without a hole', async () => {
      const topic = await topicOf(3)
      await Promise.all(Array.from({ length: 30 }, () => log.publish(topic, numbered(7))))
      for (const { partition, end } of await log.offsets(topic)) {
        const records = await log.read(topic, partition, 0, 1000)
        expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: end }, (_, offset) => offset))
      }
    })

    it('reads from any offset, at most the number asked for, and nothing at the end', async () => {
      const topic = await topicOf(1)
      const positions = await log.publish(topic, numbered(20))
      const { offset } = positions[7] ?? { offset: -1 }
      expect((await log.read(topic, 0, offset, 5)).map((record) => record.offset)).toEqual(
        positions.slice(7, 12).map((position) => position.offset),
      )
      const [partition] = await log.offsets(topic)
      expect(await log.read(topic, 0, partition?.end ?? -1, 5)).toEqual([])
      expect(await log.read(topic, 0, (partition?.end ?? 0) + 1000, 5)).toEqual([])
    })

    it('rejects the offsets of a topic that does not exist', async () => {
      await expect(log.offsets(`contract-${randomUUID()}`)).rejects.toSatisfy(
        (error) => isOrderError(error) && error.code === 'log-unavailable',
      )
    })

    it('rejects reading from a topic or a partition that does not exist, as in an outage', async () => {
      const places = [
        [`contract-${randomUUID()}`, 0],
        [await topicOf(1), 5],
      ] as const
      for (const [topic, partition] of places) {
        await expect(log.read(topic, partition, 0, 1)).rejects.toMatchObject({ code: 'log-unavailable' })
      }
    })

    it('creates missing topics and leaves the others as they are', async () => {
      const topic = await topicOf(2)
      await log.publish(topic, numbered(4))
      const before = await log.offsets(topic)
      const other = `contract-${randomUUID()}`
      const specs = [topic, other].map((name) => ({ name, partitions: 5, replication: 1, config: {} }))
      await Promise.all([log.ensureTopics(specs), log.ensureTopics(specs)])
      expect(await log.offsets(topic)).toEqual(before)
      expect(await log.offsets(other)).toHaveLength(5)
    })

    it('refuses a record that is too large, and writes nothing of that call', async () => {
      const topic = await topicOf(1)
      const small = { key: 'k', value: 'small', headers: [] }
      for (const value of [
        'x'.repeat(3 * 1024 * 1024),
        'ü'.repeat(1.5 * 1024 * 1024),
        new Uint8Array(3 * 1024 * 1024),
      ]) {
        await expect(log.publish(topic, [small, { key: 'k', value, headers: [] }])).rejects.toSatisfy(
          (error) => isOrderError(error) && error.code === 'record-too-large' && !error.retriable,
        )
      }
      await log.publish(topic, [small])
      expect(await readAll(log, topic)).toHaveLength(1)
    })

    it('is healthy', async () => {
      expect(await log.health()).toEqual({ available: true })
    })
  })
}

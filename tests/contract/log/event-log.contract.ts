import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { isOrderError } from '../../../shared/domain/errors.ts'
import type {
  EventLog,
  LogConsumer,
  LogRecord,
  RecordToPublish,
  Subscription,
} from '../../../shared/ports/event-log.ts'

export type Log = EventLog & LogConsumer

export interface OpenedLog extends AsyncDisposable {
  readonly log: Log
  /** Closes the log and reopens it on the same data. */
  restart(): Promise<Log>
}

export interface LogFeatures {
  /** Offsets increase by one from 0; false where transaction markers and compaction leave holes. */
  readonly denseOffsets: boolean
  /** After `restart` all earlier records are still there. */
  readonly survivesRestart: boolean
}

const WAIT = { timeout: 20_000, interval: 5 }

/** The promises of `EventLog` and `LogConsumer`, for every adapter. */
export function eventLogContract(name: string, open: () => Promise<OpenedLog>, features: LogFeatures): void {
  describe(`${name} keeps the promises of an event log:`, () => {
    let opened: OpenedLog
    let log: Log
    beforeAll(async () => {
      opened = await open()
      log = opened.log
    })
    afterAll(() => opened[Symbol.asyncDispose]())

    async function topicOf(partitions: number): Promise<string> {
      const name = `contract-${randomUUID()}`
      await log.ensureTopics([{ name, partitions, replication: 1, config: {} }])
      return name
    }

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
      // murmur2 as in Kafka's own UtilsTest, made positive, modulo 6.
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

    it('is healthy', async () => {
      expect(await log.health()).toEqual({ available: true })
    })

    it.runIf(features.survivesRestart)('has all records after a restart', async () => {
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

interface Collected extends AsyncDisposable {
  /** Offsets of the batches that resolved. */
  readonly records: LogRecord[]
  readonly batches: (readonly LogRecord[])[]
  /** Every batch that was delivered, including rejected ones. */
  readonly attempts: (readonly LogRecord[])[]
  readonly errors: unknown[]
}

/** Subscribes, by default with a new group, and collects the records. */
export async function collect(
  log: LogConsumer,
  options: { topic: string; maxBatchSize: number; groupId?: string },
  onBatch: Subscription['onBatch'] = async () => {},
): Promise<Collected> {
  const kept = {
    records: [] as LogRecord[],
    batches: [] as (readonly LogRecord[])[],
    attempts: [] as (readonly LogRecord[])[],
  }
  const errors: unknown[] = []
  const subscription = await log.subscribe({
    groupId: randomUUID(),
    ...options,
    async onBatch(records, signal) {
      kept.attempts.push(records)
      await onBatch(records, signal)
      kept.batches.push(records)
      kept.records.push(...records)
    },
    onError: (error) => errors.push(error),
  })
  return { ...kept, errors, [Symbol.asyncDispose]: () => subscription[Symbol.asyncDispose]() }
}

export async function readAll(log: EventLog, topic: string): Promise<LogRecord[]> {
  const all: LogRecord[] = []
  for (const { partition, first, end } of await log.offsets(topic)) {
    for (let from = first; from < end;) {
      const records = await log.read(topic, partition, from, 1000)
      all.push(...records)
      from = (records.at(-1)?.offset ?? end) + 1
    }
  }
  return all
}

export function numbered(count: number): RecordToPublish[] {
  return Array.from({ length: count }, (_, n) => ({ key: `key-${n}`, value: `value-${n}`, headers: [] }))
}

/** Bytes in a form that `expect` can show and compare, independent of their class; null stays null. */
function text(data: Uint8Array | string | null): string | null {
  return data === null ? null : Buffer.from(data as Uint8Array).toString('hex')
}

function offsetsOf(records: readonly LogRecord[]): number[] {
  return records.map(({ offset }) => offset)
}

/** Two keys of different partitions, found by publishing them. */
async function twoKeys(log: EventLog, topic: string): Promise<[string, string]> {
  const candidates = numbered(20)
  const positions = await log.publish(topic, candidates)
  const other = positions.findIndex(({ partition }) => partition !== positions[0]?.partition)
  return ['key-0', `key-${other}`]
}

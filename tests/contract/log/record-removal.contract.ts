import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { EventLog, LogConsumer, RecordRemoval, RecordToPublish } from '../../../shared/ports/event-log.ts'
import { collect, readAll } from './log-steps.ts'

type Log = EventLog & LogConsumer & RecordRemoval

interface OpenedLog extends AsyncDisposable {
  readonly log: Log
  /** Closes the log and reopens it on the same data. */
  restart(): Promise<Log>
}

const WAIT = { timeout: 20_000, interval: 5 }
const EVERYTHING = { olderThan: Number.MAX_SAFE_INTEGER, toOffset: Number.MAX_SAFE_INTEGER }

/** What every adapter for `RecordRemoval` guarantees. */
export function recordRemovalContract(name: string, open: () => Promise<OpenedLog>): void {
  describe(`${name} keeps the promises of removing records:`, () => {
    let opened: OpenedLog
    let log: Log
    beforeAll(async () => {
      opened = await open()
      log = opened.log
    })
    afterAll(() => opened[Symbol.asyncDispose]())

    /** A topic with one partition, in which each record's timestamp is its offset. */
    async function topicWith(records: number, value = 'v'): Promise<string> {
      const topic = `contract-${randomUUID()}`
      await log.ensureTopics([{ name: topic, partitions: 1, replication: 1, config: {} }])
      await log.publish(topic, aged(records, value))
      return topic
    }

    async function removeAll(topic: string, bounds = EVERYTHING): Promise<number[]> {
      const removed: number[] = []
      for (;;) {
        const step = await log.removeRecords(topic, 0, bounds)
        expect(step).not.toHaveProperty('unreadable')
        removed.push(step.removed)
        if (!step.more) return removed
      }
    }

    it('removes the records that are older than the time, and leaves the rest as it was', async () => {
      const topic = await topicWith(10)
      const before = await readAll(log, topic)
      expect(await log.removeRecords(topic, 0, { ...EVERYTHING, olderThan: 4 })).toEqual({ removed: 4, more: false })
      expect(await log.offsets(topic)).toEqual([{ partition: 0, first: 4, end: 10 }])
      expect(await readAll(log, topic)).toEqual(before.slice(4))
    })

    it('keeps every record from the given offset on, however old it is', async () => {
      const topic = await topicWith(10)
      expect(await log.removeRecords(topic, 0, { ...EVERYTHING, toOffset: 3 })).toEqual({ removed: 3, more: false })
      expect(await log.removeRecords(topic, 0, { ...EVERYTHING, toOffset: 3 })).toEqual({ removed: 0, more: false })
      expect(await log.offsets(topic)).toEqual([{ partition: 0, first: 3, end: 10 }])
    })

    it('does not reach past a record that is not old enough', async () => {
      const topic = await topicWith(0)
      await log.publish(topic, [...aged(1), { key: null, value: null, headers: [], timestamp: 50 }, ...aged(1)])
      expect(await log.removeRecords(topic, 0, { ...EVERYTHING, olderThan: 10 })).toEqual({ removed: 1, more: false })
    })

    it('begins to read at the first record that is left, wherever a reader asks it to', async () => {
      const topic = await topicWith(10)
      await log.removeRecords(topic, 0, { ...EVERYTHING, toOffset: 6 })
      expect((await log.read(topic, 0, 0, 2)).map(({ offset }) => offset)).toEqual([6, 7])
      expect((await log.read(topic, 0, 5, 1)).map(({ offset }) => offset)).toEqual([6])
    })

    it('delivers from the first record that is left, to a new group and to one that had committed less', async () => {
      const topic = await topicWith(10)
      const groupId = randomUUID()
      await log.moveGroup(groupId, topic, 0, 2)
      await log.removeRecords(topic, 0, { ...EVERYTHING, toOffset: 6 })
      expect(await log.committed(groupId, topic)).toEqual(new Map([[0, 6]]))
      for (const group of [groupId, randomUUID()]) {
        await using consumer = await collect(log, { topic, groupId: group, maxBatchSize: 3 })
        await vi.waitFor(() => expect(consumer.records.map(({ offset }) => offset)).toEqual([6, 7, 8, 9]), WAIT)
        expect(consumer.errors).toEqual([])
      }
    })

    it('never issues an offset again, even if every record was removed and the log restarted', async () => {
      const topic = await topicWith(10)
      expect(await removeAll(topic)).toEqual([10])
      expect(await log.offsets(topic)).toEqual([{ partition: 0, first: 10, end: 10 }])
      log = await opened.restart()
      expect(await log.offsets(topic)).toEqual([{ partition: 0, first: 10, end: 10 }])
      expect(await readAll(log, topic)).toEqual([])
      expect(await log.publish(topic, aged(1))).toEqual([{ topic, partition: 0, offset: 10 }])
    })

    it('begins at the same record after a restart', async () => {
      const topic = await topicWith(10)
      await log.removeRecords(topic, 0, { ...EVERYTHING, toOffset: 6 })
      const before = await readAll(log, topic)
      log = await opened.restart()
      expect(await log.offsets(topic)).toEqual([{ partition: 0, first: 6, end: 10 }])
      expect(await readAll(log, topic)).toEqual(before)
    })

    it('removes many records, or large ones, in several steps', async () => {
      expect(await removeAll(await topicWith(250))).toEqual([100, 100, 50])
      const steps = await removeAll(await topicWith(12, 'x'.repeat(100_000)))
      expect(steps).toEqual([3, 3, 3, 3])
    })

    it('removes from one partition without changing another', async () => {
      const [topic, other] = [await topicWith(10), await topicWith(10)]
      await removeAll(topic)
      expect(await log.offsets(other)).toEqual([{ partition: 0, first: 0, end: 10 }])
      expect(await readAll(log, other)).toHaveLength(10)
    })

    it('removes nothing while somebody needs all records, and goes on afterwards', async () => {
      const topic = await topicWith(10)
      const held = { removed: 0, more: false, isHeld: true }
      const inner = await log.keepingRecords(async () => {
        expect(await log.removeRecords(topic, 0, EVERYTHING)).toEqual(held)
        await expect(log.keepingRecords(() => Promise.reject(new Error('The work failed.')))).rejects.toThrow('failed')
        expect(await log.removeRecords(topic, 0, EVERYTHING)).toEqual(held)
        return (await log.offsets(topic))[0]?.first
      })
      expect(inner).toBe(0)
      expect(await removeAll(topic)).toEqual([10])
    })

    it('lets work that needs all records begin only after the step in flight', async () => {
      const topic = await topicWith(10)
      const step = log.removeRecords(topic, 0, EVERYTHING)
      const found = await log.keepingRecords(() => log.offsets(topic))
      expect(found).toEqual([{ partition: 0, first: 10, end: 10 }])
      expect(await step).toEqual({ removed: 10, more: false })
    })

    it('forgets what a group has read, but not while the group is reading', async () => {
      const [topic, other] = [await topicWith(3), await topicWith(3)]
      const groupId = randomUUID()
      for (const name of [topic, other]) await log.moveGroup(groupId, name, 0, 2)
      await using consumer = await collect(log, { topic, groupId, maxBatchSize: 10 })
      await expect(log.forgetGroup(groupId)).rejects.toMatchObject({ code: 'conflict' })
      await consumer[Symbol.asyncDispose]()
      expect(await log.topicsOf(groupId)).toEqual([topic, other].toSorted())
      await log.forgetGroup(groupId)
      expect(await log.readers(topic)).toEqual([])
      expect(await log.committed(groupId, other)).toEqual(new Map())
      expect(await log.topicsOf(groupId)).toEqual([])
    })

    it('counts what is left as undamaged', async () => {
      const topic = await topicWith(10)
      await log.removeRecords(topic, 0, { ...EVERYTHING, toOffset: 6 })
      expect(await log.inspect()).toMatchObject([{ name: 'records', well: true }])
    })
  })
}

function aged(records: number, value = 'v'): RecordToPublish[] {
  return Array.from({ length: records }, (_, n) => ({ key: `${n}`, value, headers: [], timestamp: n }))
}

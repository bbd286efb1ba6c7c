import { OrderError } from '../../domain/errors.ts'
import { createQueueBounds, type QueueLimits } from '../queue-bounds.ts'
import type { RecordPosition, RecordToPublish } from '../../ports/event-log.ts'
import { createFrameWriter, frameLength, framePartitionId, largestFrame, setFrameOffset } from './file/frames.ts'
import { partitionOfKey } from '../partitioner.ts'
import type { EmbeddedTopics, Partition, Topic } from './topics.ts'

export interface EmbeddedQueueOptions extends QueueLimits {
  readonly topics: EmbeddedTopics
  /**
   * Writes and flushes one group. Returns, by partition id, the offset of the partition's first record in the group.
   */
  readonly append: (frames: Buffer) => Promise<ReadonlyMap<number, number>>
  /**
   * Called for each flushed group, before the publishers' calls in that group resolve. By then, the frames have their
   * offsets. `ends` is keyed by partition id.
   */
  readonly onFlushed: (frames: Buffer, ends: ReadonlyMap<number, number>) => void
}

/** The maximum size of a record with its key and headers, the same as for Kafka. */
export const MAX_RECORD_BYTES = 2 * 1024 * 1024
/** A group of this size is closed, because a larger group would not make flushing more efficient. */
const GROUP_BYTES = 1024 * 1024
/** The second group is passed to the log's thread while the first is being flushed. */
const MAX_GROUPS_IN_FLIGHT = 2

interface Call {
  readonly topicName: string
  readonly records: number
  resolve(positions: readonly RecordPosition[]): void
  reject(error: unknown): void
}

interface Group {
  readonly frames: Buffer
  readonly calls: readonly Call[]
}

/**
 * Group commit. Calls that arrive while the disk is busy are written together afterwards, so the slower a flush is, the
 * more calls share the next one. If the disk is idle, a call waits only for the end of the current turn of the event
 * loop. Groups are written one after another in the order of the calls.
 */
export function createEmbeddedQueue(options: EmbeddedQueueOptions) {
  const { topics, append, onFlushed } = options
  const bounds = createQueueBounds('the log', options)
  const writer = createFrameWriter()
  const closedGroups: Group[] = []
  let calls: Call[] = []
  let inFlight = 0
  let flushing = false

  /** Writes all the records in a call into the current group. If it throws, it has written none of the records. */
  function write(topic: Topic, records: readonly RecordToPublish[]): void {
    const mark = writer.length
    const now = Date.now()
    try {
      for (const record of records) {
        const { timestamp = now } = record
        if (!Number.isSafeInteger(timestamp))
          throw new RangeError(`A timestamp must be a whole number, not ${timestamp}.`)
        const surelyFits = largestFrame(record) <= MAX_RECORD_BYTES
        if (!surelyFits && minimalBytes(record) > MAX_RECORD_BYTES) throw recordTooLarge(topic)
        const bytes = writer.add(choosePartition(topic, record).id, record, timestamp)
        if (bytes > MAX_RECORD_BYTES) throw recordTooLarge(topic)
      }
      bounds.add(records.length, writer.length - mark)
    } catch (error) {
      writer.truncate(mark)
      throw error
    }
  }

  function closeGroup(): void {
    if (calls.length === 0) return
    closedGroups.push({ frames: writer.take(), calls })
    calls = []
  }

  function flushSoon(): void {
    if (flushing || inFlight >= MAX_GROUPS_IN_FLIGHT) return
    flushing = true
    // Runs at the end of this turn of the event loop, so that requests arriving together are written together.
    setImmediate(() => {
      flushing = false
      if (closedGroups.length === 0) closeGroup()
      const group = closedGroups.shift()
      if (group !== undefined) void flush(group)
    })
  }

  /** Never rejects: errors go to the callers of `publish`. */
  async function flush(group: Group): Promise<void> {
    inFlight += 1
    if (closedGroups.length > 0) flushSoon()
    try {
      const next = new Map(await append(group.frames))
      const positions = assignOffsets(group, next)
      onFlushed(group.frames, next)
      group.calls.forEach((call, index) => call.resolve(positions[index] ?? []))
    } catch (error) {
      for (const call of group.calls) call.reject(error)
    }
    inFlight -= 1
    const records = group.calls.reduce((total, call) => total + call.records, 0)
    bounds.release(records, group.frames.length)
    if (calls.length > 0 || closedGroups.length > 0) flushSoon()
  }

  /**
   * Assigns each record its position. Advances `next` from each partition's first offset in the group to the
   * partition's new end.
   */
  function assignOffsets({ frames, calls }: Group, next: Map<number, number>): RecordPosition[][] {
    let at = 0
    return calls.map(({ topicName, records }) => {
      const positions: RecordPosition[] = []
      for (let i = 0; i < records; i++) {
        const id = framePartitionId(frames, at)
        const offset = next.get(id) ?? 0
        next.set(id, offset + 1)
        setFrameOffset(frames, at, offset)
        at += frameLength(frames, at)
        positions.push({ topic: topicName, partition: topics.byId(id).partition, offset })
      }
      return positions
    })
  }

  return {
    publish(topic: Topic, records: readonly RecordToPublish[]): Promise<readonly RecordPosition[]> {
      return new Promise((resolve, reject) => {
        if (records.length === 0) return resolve([])
        bounds.refuseIfFull(records.length, 0)
        write(topic, records)
        calls.push({ topicName: topic.name, records: records.length, resolve, reject })
        if (writer.length >= GROUP_BYTES) closeGroup()
        flushSoon()
      })
    },
    /** Resolves once all earlier calls are flushed. Groups are written in the order of the calls. */
    settled(): Promise<void> {
      return new Promise((resolve, reject) => {
        calls.push({ topicName: '', records: 0, resolve: () => resolve(), reject })
        flushSoon()
      })
    },
    get queued() {
      return bounds.queued
    },
    drained: () => bounds.drained(),
  }
}

function choosePartition(topic: Topic, { key }: RecordToPublish): Partition {
  const { partitions } = topic
  const index = key === null ? topic.roundRobin++ % partitions.length : partitionOfKey(key, partitions.length)
  const partition = partitions[index]
  if (partition === undefined) throw new Error(`The topic ${topic.name} has no partition ${index}.`)
  return partition
}

/** A lower bound for the size of a record's frame, so that a record that cannot fit is rejected before it is copied. */
function minimalBytes({ key, value }: RecordToPublish): number {
  return (key?.length ?? 0) + (value?.length ?? 0)
}

function recordTooLarge(topic: Topic): OrderError {
  const limit = `${MAX_RECORD_BYTES / 1024 / 1024} MiB`
  return new OrderError(
    'record-too-large',
    `A record for the topic ${topic.name}, including its headers, is larger than ${limit}.`,
  )
}

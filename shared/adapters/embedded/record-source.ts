import { OrderError } from '../../domain/errors.ts'
import type { LogRecord } from '../../ports/event-log.ts'
import { damagedRangeAt, frameLength, framePartitionId, logRecordAt, type DamagedRange } from './file/frames.ts'
import type { ReadRange } from './file/partition-reader.ts'
import type { TailCache } from './tail-cache.ts'
import type { EmbeddedTopics, Partition } from './topics.ts'

export type RecordSource = ReturnType<typeof createRecordSource>

export interface Found {
  readonly records: LogRecord[]
  readonly damaged: readonly Damage[]
}

export interface Damage {
  readonly partitionId: number
  readonly from: number
  /** Exclusive. */
  readonly to: number
  /** `log-unreadable`, with the offsets in `unreadable`. */
  readonly error: OrderError
}

export function damageError({ topic, partition }: Partition, { from, to, why }: DamagedRange): OrderError {
  const position = `${topic.name} ${partition}:${from}${to - from > 1 ? `–${to - 1}` : ''}`
  const options = { unreadable: { from, to }, isPassedOver: true }
  return new OrderError('log-unreadable', `The log is damaged at ${position}: ${why}.`, options)
}

/** Reads records by offset. The newest records come from memory, and older records from the file. */
export function createRecordSource(
  topics: EmbeddedTopics,
  cache: TailCache,
  readFile: (ranges: readonly ReadRange[]) => Promise<Uint8Array>,
) {
  function recordAt(frames: Buffer, at: number): LogRecord {
    const { topic, partition } = topics.byId(framePartitionId(frames, at))
    return logRecordAt(frames, at, topic.name, partition)
  }

  function damageAt(frames: Buffer, at: number): Damage | undefined {
    const range = damagedRangeAt(frames, at)
    if (range === undefined) return undefined
    const { from, to } = range
    const partitionId = framePartitionId(frames, at)
    return { partitionId, from, to, error: damageError(topics.byId(partitionId), range) }
  }

  function fromCache({ partitionId, from, limit, maxBytes }: ReadRange): LogRecord[] {
    const records: LogRecord[] = []
    let bytes = 0
    for (const at of cache.get(partitionId, from, limit)) {
      if (bytes >= maxBytes) break
      records.push(recordAt(cache.ring, at))
      bytes += frameLength(cache.ring, at)
    }
    return records
  }

  return {
    /**
     * Reads one range after another. A range ends early at its byte limit, at the end of the partition or at a damaged
     * record. A range that begins with a damaged record yields an entry in `damaged` instead of records.
     */
    async read(ranges: readonly ReadRange[]): Promise<Found> {
      const records: LogRecord[] = []
      const damaged: Damage[] = []
      const older: ReadRange[] = []
      for (const range of ranges) {
        const cached = fromCache(range)
        if (cached.length === 0) older.push(range)
        for (const record of cached) records.push(record)
      }
      if (older.length === 0) return { records, damaged }
      const bytes = await readFile(older)
      const frames = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      for (let at = 0; at < frames.length; at += frameLength(frames, at)) {
        const damage = damageAt(frames, at)
        if (damage === undefined) records.push(recordAt(frames, at))
        else damaged.push(damage)
      }
      return { records, damaged }
    },
  }
}

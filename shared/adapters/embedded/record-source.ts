import { OrderError } from '../../domain/errors.ts'
import type { LogRecord } from '../../ports/event-log.ts'
import { damagedRangeAt, frameLength, framePartitionId, logRecordAt } from './file/frames.ts'
import type { ReadRange } from './file/partition-reader.ts'
import type { TailCache } from './tail-cache.ts'
import type { EmbeddedTopics } from './topics.ts'

/** Reads records by their offsets: the newest from memory, older ones from the file. */
export interface RecordSource {
  /**
   * Each range's records, range after range. A range gives fewer records than its limit when it reaches its bytes, the
   * end of the partition or damage. A range that begins with damage has no records, and an error for it.
   */
  read(ranges: readonly ReadRange[]): Promise<Found>
}

export interface Found {
  readonly records: LogRecord[]
  readonly damaged: readonly Damage[]
}

export interface Damage {
  readonly partitionId: number
  readonly from: number
  /** Exclusive. */
  readonly to: number
  /** `log-unreadable`, with the offsets. */
  readonly error: OrderError
}

export function createRecordSource(
  topics: EmbeddedTopics,
  cache: TailCache,
  readFile: (ranges: readonly ReadRange[]) => Promise<Uint8Array>,
): RecordSource {
  function recordAt(frames: Buffer, at: number): LogRecord {
    const { topic, partition } = topics.byId(framePartitionId(frames, at))
    return logRecordAt(frames, at, topic.name, partition)
  }

  function damageAt(frames: Buffer, at: number): Damage | undefined {
    const range = damagedRangeAt(frames, at)
    if (range === undefined) return undefined
    const { from, to, why } = range
    const partitionId = framePartitionId(frames, at)
    const { topic, partition } = topics.byId(partitionId)
    const place = `${topic.name} ${partition}:${from}${to - from > 1 ? `–${to - 1}` : ''}`
    const message = `The log is damaged at ${place}: ${why}.`
    const options = { unreadable: { from, to }, isPassedOver: true }
    return { partitionId, from, to, error: new OrderError('log-unreadable', message, options) }
  }

  function fromCache({ partitionId, from, limit, maxBytes }: ReadRange): LogRecord[] {
    const records: LogRecord[] = []
    let bytes = 0
    for (const { frames, at } of cache.get(partitionId, from, limit)) {
      if (bytes >= maxBytes) break
      records.push(recordAt(frames, at))
      bytes += frameLength(frames, at)
    }
    return records
  }

  return {
    async read(ranges) {
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

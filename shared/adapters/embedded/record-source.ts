import type { LogRecord } from '../../ports/event-log.ts'
import { frameLength, framePartitionId, logRecordAt } from './frames.ts'
import type { ReadRange } from './log-file.ts'
import type { TailCache } from './tail-cache.ts'
import type { Topics } from './topics.ts'

/** Records by their offsets: the newest from memory, older ones from the file. */
export interface RecordSource {
  /** Each range's records, range after range; fewer than its limit where its bytes or the partition end. */
  read(ranges: readonly ReadRange[]): Promise<LogRecord[]>
}

export function createRecordSource(
  topics: Topics,
  cache: TailCache,
  readFile: (ranges: readonly ReadRange[]) => Promise<Uint8Array>,
): RecordSource {
  function recordAt(frames: Buffer, at: number): LogRecord {
    const { topic, partition } = topics.byId(framePartitionId(frames, at))
    return logRecordAt(frames, at, topic.name, partition)
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
      const older: ReadRange[] = []
      for (const range of ranges) {
        const cached = fromCache(range)
        if (cached.length === 0) older.push(range)
        for (const record of cached) records.push(record)
      }
      if (older.length === 0) return records
      const bytes = await readFile(older)
      const frames = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      for (let at = 0; at < frames.length; at += frameLength(frames, at)) records.push(recordAt(frames, at))
      return records
    },
  }
}

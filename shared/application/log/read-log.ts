import type { EventLog, LogRecord, PartitionOffsets } from '../../ports/event-log.ts'
import { readPart } from './read-beyond-unreadable.ts'

const MAX_BATCH_BYTES = 8 * 1024 * 1024

/** How far one partition has been read. */
interface Reading {
  readonly partition: number
  readonly end: number
  /** Where to continue reading, and the records that have been read but not yielded yet. */
  next: number
  records: LogRecord[]
}

/**
 * The records of a topic between these offsets, in batches of at most `limit` records and about 8 MiB. Records of one
 * partition keep their sequence; across partitions, records are sorted by timestamp.
 */
export async function* readInOrderOfTime(
  log: Pick<EventLog, 'read'>,
  topic: string,
  offsets: readonly PartitionOffsets[],
  limit: number,
): AsyncGenerator<readonly LogRecord[]> {
  const partitions = offsets.map(({ partition, first, end }): Reading => ({ partition, end, next: first, records: [] }))
  let batch: LogRecord[] = []
  let bytes = 0
  for (;;) {
    const record = await takeOldest()
    const size = record?.value?.length ?? 0
    if (batch.length > 0 && (record === undefined || batch.length === limit || bytes + size > MAX_BATCH_BYTES)) {
      yield batch
      batch = []
      bytes = 0
    }
    if (record === undefined) return
    batch.push(record)
    bytes += size
  }

  async function takeOldest(): Promise<LogRecord | undefined> {
    let oldest: Reading | undefined
    for (const reading of partitions) {
      if (reading.records.length === 0) await readOn(reading)
      if (timeOf(reading) < timeOf(oldest)) oldest = reading
    }
    return oldest?.records.shift()
  }

  /** Reads until it finds a record or reaches the end. Skips offsets that are missing from the log or unreadable. */
  async function readOn(reading: Reading): Promise<void> {
    while (reading.records.length === 0 && reading.next < reading.end) {
      const { records, behind } = await readPart(log, topic, reading.partition, reading.next, limit)
      reading.next = behind
      reading.records = records.filter(({ offset }) => offset < reading.end)
    }
  }
}

function timeOf(reading: Reading | undefined): number {
  return reading?.records[0]?.timestamp ?? Number.POSITIVE_INFINITY
}

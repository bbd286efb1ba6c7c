import type { LogRecord } from '../../../ports/event-log.ts'

export type Inbox = ReturnType<typeof createInbox>

export interface Taken {
  /**
   * At most `maxBatchSize` records and about 8 MiB, shared equally among the partitions. A partition's records stay in
   * order.
   */
  readonly records: readonly LogRecord[]
  /** By partition, the offset to commit once the records are processed. Includes partitions without records. */
  readonly next: ReadonlyMap<number, number>
}

const MAX_BATCH_BYTES = 8 * 1024 * 1024
const MAX_BYTES_AHEAD = 16 * 1024 * 1024
/** Enough for 250 ms of deliveries, because kafkajs sleeps that long if it finds all partitions paused. */
const RECORDS_AHEAD = 6000

interface Waiting {
  readonly records: LogRecord[]
  /** The memory that each of the records needs. */
  readonly bytes: number[]
  next: number
}

/** Records that have been fetched but not delivered yet, by partition. */
export function createInbox(maxBatchSize: number) {
  const partitions = new Map<number, Waiting>()
  const maxRecords = Math.max(RECORDS_AHEAD, 2 * maxBatchSize)
  let totalRecords = 0
  let totalBytes = 0
  let turn = 0

  /** The number of records to take from each partition. Each batch starts with a different partition. */
  function shares(): Map<number, number> {
    const numbers = [...partitions.keys()]
    const first = turn++ % Math.max(1, numbers.length)
    const order = [...numbers.slice(first), ...numbers.slice(0, first)]
    const taken = new Map<number, number>()
    let records = 0
    let bytes = 0
    for (let before = -1; before !== records;) {
      before = records
      for (const number of order) {
        const count = taken.get(number) ?? 0
        const next = partitions.get(number)?.bytes[count]
        if (next === undefined || records === maxBatchSize) continue
        bytes += next
        if (bytes > MAX_BATCH_BYTES && records > 0) return taken
        taken.set(number, count + 1)
        records += 1
      }
    }
    return taken
  }

  return {
    /** `next` is the offset to read next, after these records and any transaction markers that follow them. */
    add(partition: number, records: readonly LogRecord[], next: number): void {
      const waiting = partitions.get(partition) ?? { records: [], bytes: [], next }
      waiting.next = next
      totalRecords += records.length
      partitions.set(partition, waiting)
      for (const record of records) {
        const bytes = bytesOf(record)
        waiting.records.push(record)
        waiting.bytes.push(bytes)
        totalBytes += bytes
      }
    },
    take(): Taken {
      const records: LogRecord[] = []
      const next = new Map<number, number>()
      const taken = shares()
      for (const [number, waiting] of partitions) {
        const count = taken.get(number) ?? 0
        const ofPartition = waiting.records.splice(0, count)
        totalRecords -= count
        for (const record of ofPartition) records.push(record)
        for (const bytes of waiting.bytes.splice(0, count)) totalBytes -= bytes
        const last = ofPartition.at(-1)
        if (waiting.records.length === 0) {
          next.set(number, waiting.next)
          partitions.delete(number)
        } else if (last !== undefined) {
          next.set(number, last.offset + 1)
        }
      }
      return { records, next }
    },
    clear(): void {
      partitions.clear()
      totalRecords = 0
      totalBytes = 0
    },
    /**
     * Whether to stop fetching from the partition. This limits the memory of a consumer that stalls. A partition
     * without records is never full, so it is never held up by partitions that have many.
     */
    isFull(partition: number): boolean {
      return partitions.has(partition) && (totalRecords >= maxRecords || totalBytes >= MAX_BYTES_AHEAD)
    },
    /** Whether there is room for another batch, so that fetching from the full partitions can resume. */
    get hasRoom(): boolean {
      return totalRecords <= maxRecords - maxBatchSize && totalBytes <= MAX_BYTES_AHEAD - MAX_BATCH_BYTES
    },
  }
}

/**
 * The memory that a record with only our own headers needs in addition to its bytes. Further headers are counted
 * separately.
 */
const RECORD_BYTES = 100
const USUAL_HEADERS = 16
const HEADER_BYTES = 100

function bytesOf({ key, value, headers }: LogRecord): number {
  return (
    RECORD_BYTES +
    (key?.length ?? 0) +
    (value?.length ?? 0) +
    HEADER_BYTES * Math.max(0, headers.length - USUAL_HEADERS) +
    headers.reduce((sum, [name, header]) => sum + name.length + (header?.length ?? 0), 0)
  )
}

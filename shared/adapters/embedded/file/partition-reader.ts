import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { RemovalBounds } from '../../../ports/event-log.ts'
import { createFrameWriter, type DamagedRange, type FrameWriter } from './frames.ts'

export interface ReadRange {
  readonly partitionId: number
  readonly from: number
  readonly limit: number
  /**
   * A limit in bytes. Reading a range that contains records returns at least one record, even one that is larger than
   * the limit.
   */
  readonly maxBytes: number
}

export type PartitionReader = ReturnType<typeof createPartitionReader>

export interface VerifiedSlice {
  /** The next offset to verify; the partition's end if everything was verified. */
  readonly next: number
  /** The number of records that were read. */
  readonly records: number
  /** The number of those records that were written before records had checksums. */
  readonly withoutChecksum: number
  readonly damaged: readonly DamagedRange[]
}

export interface OldRecords {
  /** The offset after the last old record, or the offset at which the search began if there are no old records. */
  readonly next: number
  /** Whether another search may find more. */
  readonly more: boolean
  /** True if the offsets before `next` are damaged, false if they are intact. */
  readonly isDamage: boolean
  /** The damaged range at which the search ended. */
  readonly damaged: DamagedRange | undefined
}

export interface PartitionTable {
  readonly id: number
  readonly table: string
  /** Every record from this offset on has a checksum. */
  readonly checksumsFrom: number
}

type Row = Record<string, SQLOutputValue>

/** The maximum number of offsets to probe, each with a query. A longer damaged range is reported in several parts. */
const MAX_PROBES = 1000
/** `verify` stops after this many records or bytes, which take the log's thread a few milliseconds. */
const SLICE_RECORDS = 500
const SLICE_BYTES = 1024 * 1024
/**
 * Old records are removed in smaller slices, because their removal is continuous. Each slice takes about a millisecond.
 */
const OLD_RECORDS = 100
const OLD_BYTES = 256 * 1024
const MISSING = 'the record is missing from the file'
const CORRUPT = 11
const NOT_A_DATABASE = 26

/**
 * Reads one partition and checks every record. For a damaged page, SQLite reports only that the page is malformed.
 * However, a partition has a record at every offset, so the damaged range extends from the first unreadable offset to
 * the next readable one.
 */
export function createPartitionReader(db: DatabaseSync, { id, table, checksumsFrom }: PartitionTable) {
  const columns = 'record_offset, timestamp, key, value, headers, checksum'
  const prepareFrom = () =>
    db.prepare(`SELECT ${columns} FROM ${table} WHERE record_offset >= ? ORDER BY record_offset LIMIT ?`)
  let selectFrom = prepareFrom()
  const scratch = createFrameWriter()
  const selectOne = db.prepare(`SELECT ${columns} FROM ${table} WHERE record_offset = ?`)
  let probed = { from: -1, to: -1 }

  /** Adds the record to the writer. If the record is damaged, returns the reason and leaves the writer unchanged. */
  function add(writer: FrameWriter, row: Row): string | undefined {
    const { record_offset: offset, timestamp, key, value, headers, checksum } = row
    const isRecord = isBytesOrNull(key) && isBytesOrNull(value) && headers instanceof Uint8Array
    if (!isRecord) return 'a column does not have the type that was written'
    const at = writer.length
    writer.addStored(id, { offset: Number(offset), timestamp: Number(timestamp), key, value, headerBlock: headers })
    if (checksum === null && Number(offset) < checksumsFrom) return undefined
    if (writer.checksum(at) === checksum) return undefined
    writer.truncate(at)
    return 'the checksum does not match'
  }

  /**
   * Adds records up to the range's limits or the first damaged record. If it stops at a damaged record, returns the
   * reason.
   */
  function addRange(
    writer: FrameWriter,
    { from, limit, maxBytes }: Omit<ReadRange, 'partitionId'>,
    goesOn: (offset: number, timestamp: number) => boolean = () => true,
  ): string | undefined {
    const until = writer.length + maxBytes
    try {
      for (const row of selectFrom.iterate(from, limit)) {
        const why = add(writer, row)
        if (why !== undefined) return why
        if (!goesOn(Number(row['record_offset']), Number(row['timestamp']))) return undefined
        if (writer.length >= until) return undefined
      }
      return undefined
    } catch (error) {
      // The statement is replaced, because after an error its next iteration throws the same error again.
      selectFrom = prepareFrom()
      return damageIn(error)
    }
  }

  /** The timestamp of the record; undefined if the record is damaged or missing. */
  function timestampAt(offset: number): number | undefined {
    scratch.truncate(0)
    try {
      const row = selectOne.get(offset)
      return row === undefined || add(scratch, row) !== undefined ? undefined : Number(row['timestamp'])
    } catch (error) {
      damageIn(error)
      return undefined
    }
  }

  function extentFrom(from: number, end: number): number {
    const last = Math.min(end, from + MAX_PROBES)
    let to = from + 1
    while (to < last && timestampAt(to) === undefined) to += 1
    return to
  }

  /** Like `extentFrom`, but continues where the last call with the same `from` stopped. */
  function extentOn(from: number, end: number): number {
    const to = extentFrom(probed.from === from ? probed.to - 1 : from, end)
    probed = { from, to }
    return to
  }

  /** Whether a damaged range is old enough to be removed from the log, judging by the record after it. */
  function findOldDamage(from: number, to: number, why: string, bounds: RemovalBounds): OldRecords {
    const behind = extentOn(from, to)
    const timestamp = timestampAt(behind)
    const { olderThan, damagedOlderThan = Number.NEGATIVE_INFINITY } = bounds
    const none = { next: from, more: false, isDamage: false, damaged: undefined }
    if (timestamp === undefined) return { ...none, more: behind < to }
    if (timestamp >= olderThan) return none
    if (timestamp >= damagedOlderThan) return { ...none, damaged: { from, to: behind, why } }
    return { ...none, next: behind, more: behind < to, isDamage: true }
  }

  return {
    /**
     * Adds records to the writer, up to the range's limits or the first damaged record. If the range begins with a
     * damaged record, adds only a frame that names the damaged offsets. `end` is the partition's end offset.
     */
    read(writer: FrameWriter, range: Omit<ReadRange, 'partitionId'>, end: number): void {
      const at = writer.length
      const why = addRange(writer, range)
      if (why === undefined || writer.length > at) return
      writer.addDamaged(id, { from: range.from, to: extentFrom(range.from, end), why })
    },
    verify(from: number, end: number): VerifiedSlice {
      const damaged: DamagedRange[] = []
      let next = from
      scratch.truncate(0)
      const why = addRange(scratch, { from, limit: SLICE_RECORDS, maxBytes: SLICE_BYTES }, (offset) => {
        if (offset > next) damaged.push({ from: next, to: offset, why: MISSING })
        next = offset + 1
        return true
      })
      const found = lengthOf(from, next, damaged)
      if (why !== undefined && next < end) {
        const to = extentFrom(next, end)
        damaged.push({ from: next, to, why })
        next = to
      } else if (next === from && from < end) {
        damaged.push({ from, to: end, why: MISSING })
        next = end
      }
      return { next, records: found, withoutChecksum: Math.max(0, Math.min(next, checksumsFrom) - from), damaged }
    },
    /**
     * Finds the first records that may be removed from the log, at most one slice. Stops before the first newer or
     * damaged record. If that record is damaged, the next search checks whether the damaged records may be removed too.
     */
    findOld(from: number, end: number, bounds: RemovalBounds): OldRecords {
      const { olderThan, toOffset, damagedOlderThan } = bounds
      const to = Math.min(toOffset, end)
      if (from >= to) return { next: from, more: false, isDamage: false, damaged: undefined }
      let next = from
      let isYoung = false
      let isMissing = false
      scratch.truncate(0)
      const limit = Math.min(OLD_RECORDS, to - from)
      const damage = addRange(scratch, { from, limit, maxBytes: OLD_BYTES }, (offset, timestamp) => {
        isMissing = offset > next
        isYoung = timestamp >= olderThan
        if (isMissing || isYoung) return false
        next = offset + 1
        return true
      })
      const why = damage ?? (isMissing || (next === from && !isYoung) ? MISSING : undefined)
      if (why === undefined) return { next, more: next < to && !isYoung, isDamage: false, damaged: undefined }
      if (damagedOlderThan === undefined) {
        const damaged = { from: next, to: extentFrom(next, to), why }
        return { next, more: false, isDamage: false, damaged }
      }
      if (next > from) return { next, more: true, isDamage: false, damaged: undefined }
      return findOldDamage(from, to, why, bounds)
    },
  }
}

function lengthOf(from: number, to: number, missing: readonly DamagedRange[]): number {
  return missing.reduce((length, range) => length - (range.to - range.from), to - from)
}

function isBytesOrNull(value: SQLOutputValue | undefined): value is Uint8Array<ArrayBuffer> | null {
  return value === null || value instanceof Uint8Array
}

/** Returns the reason if the error means that the record is damaged. Rethrows other errors, such as disk errors. */
export function damageIn(error: unknown): string {
  if (!(error instanceof Error)) throw error
  // The log never writes numbers that are out of range.
  if ('code' in error && error.code === 'ERR_OUT_OF_RANGE')
    return 'a number is larger than any number that the log writes'
  const kind = 'errcode' in error ? Number(error.errcode) & 0xff : undefined
  if (kind === CORRUPT || kind === NOT_A_DATABASE) return `SQLite cannot read the page (${error.message})`
  throw error
}

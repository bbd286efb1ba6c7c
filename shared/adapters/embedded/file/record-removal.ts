import type { DatabaseSync } from 'node:sqlite'
import { isDiskFull } from '../../../disk/no-room.ts'
import type { RemovalBounds } from '../../../ports/event-log.ts'
import type { DamagedRange } from './frames.ts'
import { damageIn, type PartitionReader } from './partition-reader.ts'

export interface RemovedSlice {
  /** The partition's first offset after the removal. */
  readonly first: number
  readonly removed: number
  /** Whether another slice may be removed. */
  readonly more: boolean
  /** The damaged range at which the removal stopped. */
  readonly damaged: DamagedRange | undefined
}

interface OldPartition {
  readonly id: number
  readonly first: number
  readonly end: number
  /** Rows before this offset were written without the checksum column. */
  readonly checksumsFrom: number
  readonly reader: PartitionReader
}

/**
 * When rows are deleted from a page, SQLite may redistribute the rows of three pages: that page and the next two.
 * Copies of the rows that it moves stay in the free space of their old pages, and `secure_delete` does not overwrite
 * such copies (https://www.sqlite.org/pragma.html#pragma_secure_delete).
 */
const PAGES_OF_A_BALANCE = 3

/**
 * An upper bound for the bytes that a row and its page need in addition to the row's three blobs. If the blobs and
 * these bytes do not fit into a page, the row may have overflow pages
 * (https://www.sqlite.org/fileformat2.html#b_tree_pages).
 */
const OTHER_COLUMNS_BYTES = 100

/** Notes in the file that its free space may contain bytes of records, until `purge` rewrites the file. */
export const REMAINS_ARE_POSSIBLE = 'UPDATE remains SET are_possible = 1'

/**
 * Removes records so that the file contains none of their bytes, and no stray copies of the records that are kept. A
 * record is overwritten in place. No row moves then, because the row keeps its length. Overwritten rows are deleted
 * later, once enough other overwritten rows follow them. Deleting rows makes SQLite move neighbouring rows, which are
 * then overwritten rows too. A few pages of overwritten rows therefore always stay at the beginning of a partition.
 *
 * `unflushed` runs its work in a transaction that is not flushed, and `undo` rolls back after a failure.
 */
export function createRecordRemoval(
  db: DatabaseSync,
  { unflushed, undo }: { unflushed: (work: () => void) => void; undo: () => void },
) {
  const pageBytes = Number(db.prepare('PRAGMA page_size').get()?.['page_size'])
  /** The minimum number of bytes that a row takes up in its page if the rest is in overflow pages. */
  const leastInPage = Math.floor(((pageBytes - 12) * 32) / 255) - 23
  /**
   * The first overwritten row of each partition that can be deleted, keyed by partition id. Earlier rows must be kept,
   * because a page next to them is damaged.
   */
  const deletableFrom = new Map<number, number>()
  const moveFirst = db.prepare('UPDATE partitions SET first_offset = ? WHERE id = ?')

  function removeRecords(partition: OldPartition, bounds: RemovalBounds): RemovedSlice {
    const { id, first, end, checksumsFrom, reader } = partition
    const { next, more, isDamage, damaged } = reader.findOld(first, end, bounds)
    if (next === first) return { first, removed: 0, more, damaged }
    if (isDamage) overwriteReadable(id, first, next)
    unflushed(() => {
      if (!isDamage) overwrite(id, first, next)
      moveFirst.run(next, id)
      // A row without the checksum column gets longer, because a NULL is added for that column.
      if (first < checksumsFrom) db.exec(REMAINS_ARE_POSSIBLE)
    })
    return { first: next, removed: next - first, more, damaged }
  }

  /** Overwrites row by row, because updating a range would also read the page after the range, which may be damaged. */
  function overwrite(id: number, from: number, to: number): void {
    const one = db.prepare(`
      UPDATE partition_${id}
      SET key = zeroblob(length(key)), value = zeroblob(length(value)), headers = zeroblob(length(headers))
      WHERE record_offset = ?`)
    for (let offset = from; offset < to; offset += 1) one.run(offset)
  }

  /** Overwrites the rows that SQLite can read. The other rows stay as they are, in damaged pages. */
  function overwriteReadable(id: number, from: number, to: number): void {
    for (let offset = from; offset < to; offset += 1) {
      try {
        unflushed(() => overwrite(id, offset, offset + 1))
      } catch (error) {
        damageIn(error)
        undo()
      }
    }
  }

  /**
   * Deletes the rows before the partition's first offset. `removeRecords` has already overwritten their content.
   * Deleting also reads the pages next to the deleted rows. If one of these pages is damaged, the overwritten rows
   * stay. A full disk is not an error here, because the records have already been removed; the next call deletes the
   * rows.
   */
  function deleteOverwritten(id: number, first: number): void {
    const from = deletableFrom.get(id) ?? 0
    const to = startOfRest(id, first)
    if (to <= from) return
    try {
      unflushed(() => {
        db.prepare(`DELETE FROM partition_${id} WHERE record_offset >= ? AND record_offset < ?`).run(from, to)
      })
    } catch (error) {
      if (!isDiskFull(error)) {
        damageIn(error)
        deletableFrom.set(id, to)
      }
      undo()
    }
  }

  /** The offset of the first overwritten row that has to be kept. */
  function startOfRest(id: number, first: number): number {
    const rows = db.prepare(
      `SELECT record_offset, coalesce(length(key), 0) + coalesce(length(value), 0) + length(headers) AS bytes
      FROM partition_${id} WHERE record_offset < ? ORDER BY record_offset DESC`,
    )
    let rest = PAGES_OF_A_BALANCE * pageBytes
    try {
      for (const row of rows.iterate(first)) {
        if (rest < 0) return Number(row['record_offset']) + 1
        const bytes = Number(row['bytes'])
        rest -= bytes + OTHER_COLUMNS_BYTES < pageBytes ? bytes : leastInPage
      }
    } catch (error) {
      damageIn(error)
    }
    return 0
  }

  return { removeRecords, deleteOverwritten }
}

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { RemovalBounds } from '../../../ports/event-log.ts'
import {
  closeAfterCopy,
  closeUnlessInDoubt,
  prepareCheckpoints,
  truncateWal,
  type Checkpoints,
} from '../../../disk/checkpoint.ts'
import {
  createFrameWriter,
  damagedRangeAt,
  frameChecksum,
  frameLength,
  framePartitionId,
  setFrameOffset,
  storedRecordAt,
  type FrameWriter,
} from './frames.ts'
import { endOf, prepareTables } from './log-format.ts'
import { createPartitionReader, type PartitionReader, type ReadRange, type VerifiedSlice } from './partition-reader.ts'
import { createRecordRemoval, REMAINS_ARE_POSSIBLE, type RemovedSlice } from './record-removal.ts'

/**
 * The log in one SQLite file. Each partition is a table whose rowid is the offset. Therefore every insert appends at
 * the right edge of a B-tree, a range of offsets is read sequentially, and the next offset is max + 1. Records are
 * removed only from the beginning of the table. The first offset is stored separately, because an empty table does not
 * show which offsets have been assigned.
 *
 * SQLite makes appended records durable: "With synchronous=FULL in WAL mode, an additional sync operation of the WAL
 * file happens after each transaction commit. The extra WAL sync following each transaction helps ensure that
 * transactions are durable across a power loss." (https://www.sqlite.org/pragma.html#pragma_synchronous). A transaction
 * that a crash interrupted has no valid commit frame in the WAL, so SQLite ignores it
 * (https://www.sqlite.org/fileformat2.html#walformat).
 *
 * All methods are synchronous, so the file needs its own thread. After an error, call `undo`, or close the file and
 * open it again. After a failed flush (`leavesDiskInDoubt`), do not call `undo`, and do not open the file again.
 */
export interface LogFile {
  /** All partitions, each with its first offset and the offset of its next record. */
  partitions(): PartitionEntry[]
  /** Creates missing topics, and returns all partitions. */
  makeTopics(topics: readonly { readonly name: string; readonly partitions: number }[]): PartitionEntry[]
  /**
   * Appends the frames in one flushed transaction. Returns, by partition id, the offset of the first appended record.
   */
  append(frames: Uint8Array): Map<number, number>
  /**
   * Returns the frames of one range after another. A range ends at its record limit, at its byte limit, at the end of
   * the partition, or before the first damaged record. A range that begins with a damaged record yields a single frame
   * that names the damaged offsets.
   */
  read(ranges: readonly ReadRange[]): Uint8Array
  /** Replaces the values of the records at these offsets and updates their checksums, in one flushed transaction. */
  replace(partitionId: number, values: ReadonlyMap<number, Uint8Array>): void
  /**
   * Copies the WAL into the file and empties the WAL. If free space may contain bytes of records, first rewrites the
   * whole file, which takes a long time. Only files of earlier versions may have such free space.
   */
  purge(): void
  /**
   * Checks records from `from` on, for at most a few milliseconds, because publishers have to wait during the check.
   */
  verify(partitionId: number, from: number): VerifiedSlice
  /**
   * Removes records from the beginning of the partition, at most one slice. Not flushed: after a power cut, the last
   * slices may be back and have to be removed again.
   */
  removeRecords(partitionId: number, bounds: RemovalBounds): RemovedSlice
  /** Commits the offsets that a group reads next, by partition id. */
  commit(groupId: string, next: ReadonlyMap<number, number>): void
  committed(groupId: string): Map<number, number>
  /** The groups that have committed an offset for the topic, in ascending order. */
  readers(topic: string): string[]
  /** The topics for which the group has committed an offset, in ascending order. */
  topicsOf(groupId: string): string[]
  /** Forgets the offsets that the group has committed. */
  forgetGroup(groupId: string): void
  /** The committed offsets of all groups. */
  groupOffsets(): GroupOffset[]
  /** Copies the WAL into the file. Afterwards, writes go only to the WAL, and the file stays unchanged until `thaw`. */
  freeze(): void
  /** Throws if the file is not frozen, for example because it was reopened. */
  thaw(): void
  /** The id of this log file. A different file has a different id. */
  identity(): string
  /** Writes and flushes a placeholder row. Throws if writing fails. */
  probe(): void
  /** Copies the WAL into the file if the WAL is long. This blocks the thread, so call it only after replying. */
  tidy(): void
  /** Rolls back after a failed call. Throws if the file must be reopened. */
  undo(): void
  close(): void
}

export interface PartitionEntry {
  readonly id: number
  readonly topic: string
  readonly partition: number
  readonly first: number
  readonly end: number
}

export interface GroupOffset {
  readonly groupId: string
  readonly partitionId: number
  readonly next: number
}

interface Partition extends PartitionEntry {
  first: number
  end: number
  readonly checksumsFrom: number
  readonly insert: StatementSync
  readonly update: StatementSync
  readonly reader: PartitionReader
}

/** Throws SQLite's errors, such as "database is locked" if another connection has the file open. */
export function openLogFile(path: string): LogFile {
  const db = new DatabaseSync(path)
  const partitions = new Map<number, Partition>()
  let checkpoints: Checkpoints
  try {
    // Exclusive, because there must never be a second writer: offsets are assigned in memory.
    db.exec('PRAGMA locking_mode = EXCLUSIVE')
    db.exec('PRAGMA journal_mode = WAL')
    db.exec('PRAGMA synchronous = FULL')
    // Overwrites the bytes of removed records, because freed pages may stay in the file for a long time.
    db.exec('PRAGMA secure_delete = ON')
    checkpoints = prepareCheckpoints(db)
    prepareTables(db, path)
    loadPartitions()
  } catch (error) {
    closeUnlessInDoubt(db, error)
    throw error
  }

  const upsertOffset = db.prepare(
    'INSERT INTO group_offsets VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset',
  )
  const selectOffsets = db.prepare('SELECT partition_id, next_offset FROM group_offsets WHERE group_id = ?')
  const selectReaders = db.prepare(`
    SELECT DISTINCT o.group_id FROM group_offsets o JOIN partitions p ON p.id = o.partition_id WHERE p.topic = ?
    ORDER BY o.group_id`)
  const selectTopics = db.prepare(`
    SELECT DISTINCT p.topic FROM group_offsets o JOIN partitions p ON p.id = o.partition_id WHERE o.group_id = ?
    ORDER BY p.topic`)
  const begin = db.prepare('BEGIN IMMEDIATE')
  let isFrozen = false
  const end = db.prepare('COMMIT')
  const removal = createRecordRemoval(db, { unflushed, undo })

  function transaction(work: () => void): void {
    db.exec('BEGIN IMMEDIATE')
    work()
    db.exec('COMMIT')
  }

  /**
   * Does the work in a transaction that is not flushed. If the transaction survives a crash, so do all earlier records,
   * because a crash loses only the tail of the WAL.
   */
  function unflushed(work: () => void): void {
    db.exec('PRAGMA synchronous = NORMAL')
    transaction(work)
    db.exec('PRAGMA synchronous = FULL')
  }

  function undo(): void {
    // After some errors, for example if the disk is full, SQLite has already rolled back.
    if (db.isTransaction) db.exec('ROLLBACK')
    db.exec('PRAGMA synchronous = FULL')
    for (const partition of partitions.values()) partition.end = endOf(db, partition.id, partition.first)
  }

  function loadPartitions(): void {
    const columns = 'id, topic, partition, checksums_from, first_offset'
    for (const row of db.prepare(`SELECT ${columns} FROM partitions ORDER BY id`).all()) {
      const id = Number(row['id'])
      if (partitions.has(id)) continue
      const table = `partition_${id}`
      const first = Number(row['first_offset'])
      const checksumsFrom = Number(row['checksums_from'])
      partitions.set(id, {
        id,
        topic: String(row['topic']),
        partition: Number(row['partition']),
        first,
        end: endOf(db, id, first),
        checksumsFrom,
        insert: db.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?, ?)`),
        update: db.prepare(`UPDATE ${table} SET value = ?, checksum = ? WHERE record_offset = ?`),
        reader: createPartitionReader(db, { id, table, checksumsFrom }),
      })
    }
  }

  function partitionOf(id: number): Partition {
    const partition = partitions.get(id)
    if (partition === undefined) throw new Error(`The log has no partition with the id ${id}.`)
    return partition
  }

  /** A backup copies the file as it is, so records in the file must not be overwritten during the copy. */
  function refuseIfFrozen(): void {
    if (isFrozen) throw new Error('A backup is copying it. Try again once the backup has finished.')
  }

  /** Reads and checks the record first, because a new checksum would hide damage. */
  function replaceOne(writer: FrameWriter, partition: Partition, offset: number, value: Uint8Array): void {
    const { id, first, end, reader, update } = partition
    // The record has left the log since the caller read it.
    if (offset < first) return
    writer.truncate(0)
    reader.read(writer, { from: offset, limit: 1, maxBytes: 1 }, end)
    const frames = writer.take()
    if (frames.length === 0) throw new Error(`There is no record at ${offset}.`)
    const damage = damagedRangeAt(frames, 0)
    if (damage !== undefined) throw new Error(`The record at ${offset} is damaged: ${damage.why}.`)
    const { timestamp, key, headerBlock } = storedRecordAt(frames, 0)
    writer.addStored(id, { offset, timestamp, key, value, headerBlock })
    update.run(value, writer.checksum(0), offset)
    if (offset < partition.checksumsFrom) db.exec(REMAINS_ARE_POSSIBLE)
  }

  function entries(): PartitionEntry[] {
    const all = [...partitions.values()]
    return all.map(({ id, topic, partition, first, end }) => ({ id, topic, partition, first, end }))
  }

  return {
    partitions: entries,
    makeTopics(topics) {
      const known = new Set([...partitions.values()].map(({ topic }) => topic))
      const missing = topics.filter(({ name }) => !known.has(name))
      if (missing.length === 0) return entries()
      const insert = db.prepare('INSERT OR IGNORE INTO partitions (topic, partition) VALUES (?, ?) RETURNING id')
      transaction(() => {
        for (const { name, partitions: count } of missing) {
          for (let partition = 0; partition < count; partition++) {
            const id = insert.get(name, partition)?.['id']
            if (id === undefined) continue // The topic is in the list twice.
            db.exec(`CREATE TABLE partition_${Number(id)} (
              record_offset INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, key BLOB, value BLOB, headers BLOB NOT NULL,
              checksum INTEGER) STRICT`)
          }
        }
      })
      loadPartitions()
      return entries()
    },
    append(group) {
      const frames = Buffer.from(group.buffer, group.byteOffset, group.length)
      const first = new Map<number, number>()
      begin.run()
      for (let at = 0; at < frames.length; at += frameLength(frames, at)) {
        const partition = partitionOf(framePartitionId(frames, at))
        const { timestamp, key, value, headerBlock } = storedRecordAt(frames, at)
        if (!first.has(partition.id)) first.set(partition.id, partition.end)
        setFrameOffset(frames, at, partition.end)
        partition.insert.run(partition.end, timestamp, key, value, headerBlock, frameChecksum(frames, at))
        partition.end += 1
      }
      end.run()
      return first
    },
    read(ranges) {
      const writer = createFrameWriter()
      for (const range of ranges) {
        const { reader, first, end: to } = partitionOf(range.partitionId)
        reader.read(writer, { ...range, from: Math.max(range.from, first) }, to)
      }
      return writer.take()
    },
    replace(partitionId, values) {
      refuseIfFrozen()
      const writer = createFrameWriter()
      transaction(() => {
        for (const [offset, value] of values) replaceOne(writer, partitionOf(partitionId), offset, value)
      })
    },
    purge() {
      refuseIfFrozen()
      if (db.prepare('SELECT are_possible FROM remains').get()?.['are_possible'] === 1) {
        db.exec('PRAGMA temp_store = FILE; VACUUM; UPDATE remains SET are_possible = 0')
      }
      if (!truncateWal(db)) throw new Error('The WAL could not be emptied.')
    },
    verify(partitionId, from) {
      const { reader, first, end: to } = partitionOf(partitionId)
      return reader.verify(Math.max(from, first), to)
    },
    removeRecords(partitionId, bounds) {
      const partition = partitionOf(partitionId)
      const slice = removal.removeRecords(partition, bounds)
      // Set before the rows are deleted, because the deletion may fail.
      partition.first = slice.first
      if (slice.removed > 0) removal.deleteOverwritten(partitionId, slice.first)
      return slice
    },
    commit(groupId, next) {
      // Committed offsets are not flushed. The last committed offsets may be lost in a power cut, and then some records
      // are delivered again. A committed offset is never beyond the end of the log, because if a commit survives, all
      // earlier writes survive too.
      unflushed(() => {
        for (const [partitionId, offset] of next) upsertOffset.run(groupId, partitionId, offset)
      })
    },
    committed(groupId) {
      const rows = selectOffsets.all(groupId)
      return new Map(rows.map((row) => [Number(row['partition_id']), Number(row['next_offset'])]))
    },
    readers(topic) {
      return selectReaders.all(topic).map((row) => String(row['group_id']))
    },
    topicsOf(groupId) {
      return selectTopics.all(groupId).map((row) => String(row['topic']))
    },
    forgetGroup(groupId) {
      transaction(() => db.prepare('DELETE FROM group_offsets WHERE group_id = ?').run(groupId))
    },
    groupOffsets() {
      const rows = db.prepare('SELECT group_id, partition_id, next_offset FROM group_offsets').all()
      return rows.map((row) => ({
        groupId: String(row['group_id']),
        partitionId: Number(row['partition_id']),
        next: Number(row['next_offset']),
      }))
    },
    freeze() {
      checkpoints.all()
      isFrozen = true
    },
    thaw() {
      if (!isFrozen) throw new Error('The log was reopened during the copy.')
      isFrozen = false
    },
    identity: () => String(db.prepare('SELECT id FROM log_identity').get()?.['id']),
    probe() {
      transaction(() => db.prepare('INSERT OR REPLACE INTO probes VALUES (1, ?)').run(Date.now()))
    },
    tidy() {
      if (!isFrozen) checkpoints.whenDue()
    },
    undo,
    close: () => closeAfterCopy(db),
  }
}

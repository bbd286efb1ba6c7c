import { randomUUID } from 'node:crypto'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { closeAfterCopy, closeUnlessInDoubt, prepareCheckpoints, type Checkpoints } from '../../../disk/checkpoint.ts'
import {
  createFrameWriter,
  frameChecksum,
  frameLength,
  framePartitionId,
  setFrameOffset,
  storedRecordAt,
} from './frames.ts'
import { createPartitionReader, type PartitionReader, type VerifiedSlice, type ReadRange } from './partition-reader.ts'

/**
 * The log in one SQLite file. A partition is a table of its own whose rowid is the offset: every insert appends at the
 * right edge of a B-tree, a range of offsets is read in the order in which it lies, and the next offset is max + 1.
 *
 * Durability is SQLite's: "With synchronous=FULL in WAL mode, an additional sync operation of the WAL file happens
 * after each transaction commit. The extra WAL sync following each transaction helps ensure that transactions are
 * durable across a power loss." (https://www.sqlite.org/pragma.html#pragma_synchronous). A transaction that a crash cut
 * short has no commit frame with a matching checksum in the WAL, and is not there (https://www.sqlite.org/fileformat2.html#walformat).
 *
 * Synchronous from end to end, so it belongs in a thread that has nothing else to do. After an error `undo`, or close the
 * file and open it again; after a failed flush (`leavesDiskInDoubt`) neither.
 */
export interface LogFile {
  /** All partitions, with the offset of the next record in each. */
  partitions(): PartitionEntry[]
  /** Creates missing topics, and returns all partitions. */
  makeTopics(topics: readonly { readonly name: string; readonly partitions: number }[]): PartitionEntry[]
  /** Appends the frames in one flushed transaction. Returns, by partition id, the offset that its first frame got. */
  append(frames: Uint8Array): Map<number, number>
  /**
   * Frames of each range, range after range; each range ends at its limit, its bytes or the end of the partition, or
   * before the first record that is damaged. Where that is the first of the range, a frame says how far the damage goes.
   */
  read(ranges: readonly ReadRange[]): Uint8Array
  /** Checks records from `from` on, for a few milliseconds at most, because publishers wait behind it. */
  verify(partitionId: number, from: number): VerifiedSlice
  /** Commits a group's next offsets by partition id. */
  commit(groupId: string, next: ReadonlyMap<number, number>): void
  committed(groupId: string): Map<number, number>
  /** The groups that have committed an offset in the topic, ascending. */
  readers(topic: string): string[]
  /** The offsets of all groups. */
  groupOffsets(): GroupOffset[]
  /** Copies the WAL into the file, then leaves the file unchanged until `thaw`: writes go to the WAL alone. */
  freeze(): void
  /** Throws when this file was not frozen, for example because it was reopened since. */
  thaw(): void
  /** The id of this file; another log in its place has another id. */
  identity(): string
  /** Writes and flushes a meaningless row; throws when records could not be written either. */
  probe(): void
  /** Copies a long WAL into the file. That stalls the thread, so it belongs after an answer. */
  tidy(): void
  /** Rolls back a call that failed. Throws when the file can't be used as it is. */
  undo(): void
  close(): void
}

export interface PartitionEntry {
  readonly id: number
  readonly topic: string
  readonly partition: number
  readonly end: number
}

export interface GroupOffset {
  readonly groupId: string
  readonly partitionId: number
  readonly next: number
}

/** The version of the tables, not of the program. A file of a later format is refused. */
const FORMAT = 2
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS partitions (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, UNIQUE (topic, partition)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS group_offsets (
    group_id TEXT NOT NULL, partition_id INTEGER NOT NULL, next_offset INTEGER NOT NULL, PRIMARY KEY (group_id, partition_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS probes (id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
`
/** Records from `checksums_from` on have a checksum, so that a record that lost its checksum does not pass for an old one. */
const CHECKSUMS_FROM = 'ALTER TABLE partitions ADD COLUMN checksums_from INTEGER NOT NULL DEFAULT 0'
const IDENTITY = `
  CREATE TABLE IF NOT EXISTS log_identity (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), id TEXT NOT NULL) STRICT`

interface Partition extends PartitionEntry {
  end: number
  readonly insert: StatementSync
  readonly reader: PartitionReader
}

/** Throws SQLite's own errors, "database is locked" when another connection has the file among them. */
export function openLogFile(path: string): LogFile {
  const db = new DatabaseSync(path)
  const partitions = new Map<number, Partition>()
  let checkpoints: Checkpoints
  try {
    // Exclusive, because offsets are assigned in memory: a second writer must be impossible.
    db.exec('PRAGMA locking_mode = EXCLUSIVE')
    db.exec('PRAGMA journal_mode = WAL')
    db.exec('PRAGMA synchronous = FULL')
    checkpoints = prepareCheckpoints(db)
    // No quick_check here: it reads the whole file, and a start must not take longer the larger the log is.
    const format = Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
    if (format > FORMAT) throw new Error(`${path} is of format ${format}; this program knows ${FORMAT}.`)
    if (format < FORMAT) transaction(() => bringUpToDate())
    db.exec(IDENTITY)
    db.prepare('INSERT OR IGNORE INTO log_identity VALUES (1, ?)').run(randomUUID())
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
  const begin = db.prepare('BEGIN IMMEDIATE')
  let isFrozen = false
  const end = db.prepare('COMMIT')

  function transaction(work: () => void): void {
    db.exec('BEGIN IMMEDIATE')
    work()
    db.exec('COMMIT')
  }

  /** Upgrades an empty file, or one whose records have no checksum. */
  function bringUpToDate(): void {
    db.exec(`${SCHEMA} ${CHECKSUMS_FROM}`)
    for (const row of db.prepare('SELECT id FROM partitions').all()) {
      const id = Number(row['id'])
      db.exec(`ALTER TABLE partition_${id} ADD COLUMN checksum INTEGER`)
      db.prepare('UPDATE partitions SET checksums_from = ? WHERE id = ?').run(endOf(id), id)
    }
    db.exec(`PRAGMA user_version = ${FORMAT}`)
  }

  function loadPartitions(): void {
    for (const row of db.prepare('SELECT id, topic, partition, checksums_from FROM partitions ORDER BY id').all()) {
      const id = Number(row['id'])
      if (partitions.has(id)) continue
      const table = `partition_${id}`
      partitions.set(id, {
        id,
        topic: String(row['topic']),
        partition: Number(row['partition']),
        end: endOf(id),
        insert: db.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?, ?)`),
        reader: createPartitionReader(db, { id, table, checksumsFrom: Number(row['checksums_from']) }),
      })
    }
  }

  function endOf(id: number): number {
    return Number(db.prepare(`SELECT max(record_offset) AS last FROM partition_${id}`).get()?.['last'] ?? -1) + 1
  }

  function partitionOf(id: number): Partition {
    const partition = partitions.get(id)
    if (partition === undefined) throw new Error(`The log has no partition with the id ${id}.`)
    return partition
  }

  function entries(): PartitionEntry[] {
    return [...partitions.values()].map(({ id, topic, partition, end }) => ({ id, topic, partition, end }))
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
            if (id === undefined) continue // The call names the topic twice.
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
        const { reader, end: to } = partitionOf(range.partitionId)
        reader.read(writer, range, to)
      }
      return writer.take()
    },
    verify(partitionId, from) {
      const { reader, end: to } = partitionOf(partitionId)
      return reader.verify(from, to)
    },
    commit(groupId, next) {
      // Not flushed: a power cut may lose the last commits, which costs a redelivery. It can't put a group ahead of the
      // log, because a commit follows its records in the same WAL, and a WAL loses only its tail.
      db.exec('PRAGMA synchronous = NORMAL')
      transaction(() => {
        for (const [partitionId, offset] of next) upsertOffset.run(groupId, partitionId, offset)
      })
      db.exec('PRAGMA synchronous = FULL')
    },
    committed(groupId) {
      const rows = selectOffsets.all(groupId)
      return new Map(rows.map((row) => [Number(row['partition_id']), Number(row['next_offset'])]))
    },
    readers(topic) {
      return selectReaders.all(topic).map((row) => String(row['group_id']))
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
      if (!isFrozen) throw new Error('The log was reopened meanwhile.')
      isFrozen = false
    },
    identity: () => String(db.prepare('SELECT id FROM log_identity').get()?.['id']),
    probe() {
      transaction(() => db.prepare('INSERT OR REPLACE INTO probes VALUES (1, ?)').run(Date.now()))
    },
    tidy() {
      if (!isFrozen) checkpoints.whenDue()
    },
    undo() {
      // After some errors, such as a full disk, SQLite has already rolled back.
      if (db.isTransaction) db.exec('ROLLBACK')
      db.exec('PRAGMA synchronous = FULL')
      for (const partition of partitions.values()) partition.end = endOf(partition.id)
    },
    close: () => closeAfterCopy(db),
  }
}

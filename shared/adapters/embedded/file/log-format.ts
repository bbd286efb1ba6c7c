import { randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'

/** The version of the tables. A file with a later version is refused. */
const FORMAT = 4
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS partitions (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, UNIQUE (topic, partition)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS group_offsets (
    group_id TEXT NOT NULL, partition_id INTEGER NOT NULL, next_offset INTEGER NOT NULL, PRIMARY KEY (group_id, partition_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS probes (id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
`
/** From `checksums_from` on, a record without a checksum is damaged. Earlier records were written without checksums. */
const CHECKSUMS_FROM = 'ALTER TABLE partitions ADD COLUMN checksums_from INTEGER NOT NULL DEFAULT 0'
const IDENTITY = `
  CREATE TABLE IF NOT EXISTS log_identity (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), id TEXT NOT NULL) STRICT`

/**
 * The offset of the oldest record, or the end of a partition whose records were all removed. The transaction that
 * removes records also updates this column. Otherwise, a crash between the removal and the update could make the log
 * assign the same offsets again.
 */
const FIRST_OFFSET = 'ALTER TABLE partitions ADD COLUMN first_offset INTEGER NOT NULL DEFAULT 0'

/**
 * Whether free space in the file may contain bytes of records. This is possible in a file of an earlier format, and in
 * any file after a row's length has changed. Only VACUUM then overwrites these bytes.
 */
const REMAINS = `
  CREATE TABLE remains (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), are_possible INTEGER NOT NULL) STRICT;
  INSERT INTO remains SELECT 1, EXISTS (SELECT 1 FROM partitions)`

/**
 * Creates the tables in an empty file, or upgrades those of an earlier version. Does not run quick_check, because it
 * reads the whole file and would delay startup if the log is large.
 */
export function prepareTables(db: DatabaseSync, path: string): void {
  const format = Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
  if (format > FORMAT)
    throw new Error(`${path} has format ${format}, but this version supports only formats up to ${FORMAT}.`)
  if (format < FORMAT) {
    db.exec('BEGIN IMMEDIATE')
    if (format < 2) addChecksums(db)
    if (format < 3) db.exec(FIRST_OFFSET)
    db.exec(`${REMAINS}; PRAGMA user_version = ${FORMAT}; COMMIT`)
  }
  db.exec(IDENTITY)
  db.prepare('INSERT OR IGNORE INTO log_identity VALUES (1, ?)').run(randomUUID())
}

/** The offset of a partition's next record. */
export function endOf(db: DatabaseSync, partitionId: number, first: number): number {
  const last = db.prepare(`SELECT max(record_offset) AS last FROM partition_${partitionId}`).get()?.['last']
  return Math.max(first, Number(last ?? -1) + 1)
}

function addChecksums(db: DatabaseSync): void {
  db.exec(`${SCHEMA} ${CHECKSUMS_FROM}`)
  for (const row of db.prepare('SELECT id FROM partitions').all()) {
    const id = Number(row['id'])
    db.exec(`ALTER TABLE partition_${id} ADD COLUMN checksum INTEGER`)
    db.prepare('UPDATE partitions SET checksums_from = ? WHERE id = ?').run(endOf(db, id, 0), id)
  }
}

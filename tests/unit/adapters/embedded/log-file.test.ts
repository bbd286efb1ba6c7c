import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  createFrameWriter,
  frameLength,
  frameOffset,
  storedRecordAt,
} from '../../../../shared/adapters/embedded/file/frames.ts'
import { openLogFile, type LogFile } from '../../../../shared/adapters/embedded/file/log-file.ts'
import { createRandom, type Random } from '../../../support/random.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const RECORDS = 10
const EVERYTHING = { olderThan: Number.MAX_SAFE_INTEGER, toOffset: Number.MAX_SAFE_INTEGER }

/** A closed file whose only partition has the id 1. */
function written(): string {
  const path = join(temporaryDirectory(), 'log.db')
  const file = openLogFile(path)
  file.makeTopics([{ name: 't', partitions: 1 }])
  append(file, RECORDS)
  file.close()
  return path
}

function append(file: LogFile, records: number, filler = ''): void {
  const writer = createFrameWriter()
  for (let n = 0; n < records; n++) writer.add(1, { key: `${n}`, value: `value-${n}${filler}`, headers: [] }, n)
  file.append(writer.take())
}

function opened(path: string): LogFile {
  const file = openLogFile(path)
  onTestFinished(() => file.close())
  return file
}

function alter(path: string, sql: string): void {
  using db = new DatabaseSync(path)
  db.exec(sql)
}

describe('a removal from the log’s file', () => {
  const REFUSE = "BEGIN SELECT RAISE(ABORT, 'refused on purpose'); END"
  test.each([
    ['the records stay if the first offset cannot move', `CREATE TRIGGER t BEFORE UPDATE ON partitions ${REFUSE}`],
    [
      'the first offset stays if the records cannot be overwritten',
      `CREATE TRIGGER t BEFORE UPDATE ON partition_1 ${REFUSE}`,
    ],
  ])('is one transaction: %s', (_, trigger) => {
    const path = written()
    alter(path, trigger)
    const file = openLogFile(path)
    expect(() => file.removeRecords(1, EVERYTHING)).toThrow('refused on purpose')
    file.undo()
    file.close()
    alter(path, 'DROP TRIGGER t')

    const again = opened(path)
    expect(again.partitions()).toMatchObject([{ first: 0, end: RECORDS }])
    expect(again.verify(1, 0)).toEqual({ next: RECORDS, records: RECORDS, withoutChecksum: 0, damaged: [] })
    expect(again.removeRecords(1, EVERYTHING)).toMatchObject({ first: RECORDS, removed: RECORDS })
  })

  describe('whose overwritten rows cannot be deleted yet', () => {
    /**
     * With this filler, `MORE` rows take up more bytes than the overwritten rows that remain in the file after a
     * removal.
     */
    const FILLER = '.'.repeat(1000)
    const MORE = 50
    const CANNOT_DELETE = 'CREATE TRIGGER t BEFORE DELETE ON partition_1 BEGIN'

    function rowsIn(db: DatabaseSync): number {
      return Number(db.prepare('SELECT count(*) AS n FROM partition_1').get()?.['n'])
    }

    test('succeeds although the disk is full, and a later removal deletes the rows', () => {
      const path = written()
      alter(path, `CREATE TABLE ballast (bytes BLOB); ${CANNOT_DELETE} INSERT INTO ballast VALUES (zeroblob(1e6)); END`)
      const exec = vi.spyOn(DatabaseSync.prototype, 'exec')
      onTestFinished(() => exec.mockRestore())
      const file = opened(path)
      const db = exec.mock.contexts[0] as DatabaseSync
      append(file, MORE, FILLER)
      db.exec('PRAGMA max_page_count = 1')
      const last = RECORDS + MORE - 1
      const bounds = { ...EVERYTHING, toOffset: last }
      expect(file.removeRecords(1, bounds)).toMatchObject({ first: last, removed: last })
      expect(rowsIn(db)).toBe(RECORDS + MORE)
      expect(file.verify(1, 0)).toEqual({ next: last + 1, records: 1, withoutChecksum: 0, damaged: [] })
      expect(file.partitions()).toMatchObject([{ first: last, end: last + 1 }])

      db.exec('PRAGMA max_page_count = 1000000')
      expect(file.removeRecords(1, EVERYTHING)).toMatchObject({ removed: 1 })
      expect(rowsIn(db)).toBeLessThan(MORE / 2)
    })

    test('leaves no damage behind if the deletion fails unexpectedly', () => {
      const path = written()
      alter(path, `${CANNOT_DELETE} SELECT RAISE(ABORT, 'refused on purpose'); END`)
      const file = opened(path)
      append(file, MORE, FILLER)
      const last = RECORDS + MORE - 1
      const bounds = { ...EVERYTHING, toOffset: last }
      expect(() => file.removeRecords(1, bounds)).toThrow('refused on purpose')
      file.undo()
      expect(file.partitions()).toMatchObject([{ first: last, end: last + 1 }])
      expect(file.verify(1, 0)).toEqual({ next: last + 1, records: 1, withoutChecksum: 0, damaged: [] })
      expect(file.removeRecords(1, bounds)).toMatchObject({ first: last, removed: 0, damaged: undefined })
    })
  })

  test('that fails does not let later records get offsets that were already issued', () => {
    const path = written()
    const file = opened(path)
    file.removeRecords(1, EVERYTHING)
    file.undo()
    append(file, 1)
    expect(file.partitions()).toMatchObject([{ first: RECORDS, end: RECORDS + 1 }])
  })

  test('does not look like damage to a check or a reader that was under way', () => {
    const file = opened(written())
    file.removeRecords(1, { ...EVERYTHING, toOffset: 4 })
    expect(file.verify(1, 0)).toEqual({ next: RECORDS, records: RECORDS - 4, withoutChecksum: 0, damaged: [] })
    const frames = Buffer.from(file.read([{ partitionId: 1, from: 2, limit: 1, maxBytes: 1000 }]))
    expect(frameOffset(frames, 0)).toBe(4)
    file.removeRecords(1, EVERYTHING)
    expect(file.verify(1, 4)).toEqual({ next: RECORDS, records: 0, withoutChecksum: 0, damaged: [] })
  })

  test('overwrites the bytes of the records in the file', () => {
    const path = written()
    const file = openLogFile(path)
    file.removeRecords(1, EVERYTHING)
    file.close()
    expect(readFileSync(path).includes('value-7')).toBe(false)
  })
})

describe('records that were removed, or whose values were replaced', () => {
  const NAME = 'Quillfeather'

  /**
   * With the sizes in MOVING, SQLite moves some records to other pages. With the sizes in OTHERS, some records fill a
   * page, and some need overflow pages.
   */
  const MOVING = [900, 1000, 1300]
  const OTHERS = [20, 700, 700, 1300, 4050, 9000]

  function appendNamed(file: LogFile, records: number, sizes: readonly number[], random: Random): void {
    const writer = createFrameWriter()
    for (let n = 0; n < records; n++) {
      const value = NAME + '.'.repeat(random.whole(0, random.pick(sizes)))
      writer.add(random.whole(1, 2), { key: `${n}`, value, headers: [['name', 'value']] }, n)
    }
    file.append(writer.take())
  }

  /** Replaces every value with one of the same length, as redaction does. */
  function replaceAll(file: LogFile): void {
    for (const { id, first, end } of file.partitions()) {
      for (let from = first; from < end;) {
        const frames = Buffer.from(file.read([{ partitionId: id, from, limit: 200, maxBytes: 1_000_000 }]))
        const values = new Map<number, Uint8Array>()
        for (let at = 0; at < frames.length; at += frameLength(frames, at)) {
          const { offset, value } = storedRecordAt(frames, at)
          values.set(offset, Buffer.alloc(value?.length ?? 0, ' '))
          from = offset + 1
        }
        file.replace(id, values)
      }
    }
  }

  // With these seeds, copies of records would remain if rows were deleted as soon as their records were removed.
  test.each([
    [12, MOVING],
    [40, MOVING],
    [69, MOVING],
    [1, OTHERS],
    [2, OTHERS],
  ])('leave no byte in the file (seed %i)', (seed, sizes) => {
    const random = createRandom(seed)
    const path = join(temporaryDirectory(), 'log.db')
    const file = openLogFile(path)
    file.makeTopics([{ name: 't', partitions: 2 }])
    for (let round = 0; round < 40; round += 1) {
      appendNamed(file, random.whole(0, 60), sizes, random)
      for (const { id, first, end } of file.partitions()) {
        const toOffset = first + random.whole(0, Math.ceil((end - first) * 0.9))
        file.removeRecords(id, { ...EVERYTHING, toOffset })
      }
    }
    replaceAll(file)
    file.purge()
    const removed = file.partitions().reduce((total, { first }) => total + first, 0)
    const kept = file.partitions().reduce((total, { first, end }) => total + end - first, 0)
    file.close()
    expect([removed > 100, kept > 0]).toEqual([true, true])
    expect(readFileSync(path).includes(NAME)).toBe(false)
    using db = new DatabaseSync(path)
    // The overwritten rows take up a few pages for each partition.
    const rows = db.prepare('SELECT (SELECT count(*) FROM partition_1) + (SELECT count(*) FROM partition_2) AS n').get()
    expect(Number(rows?.['n']) - kept).toBeLessThan(removed / 2)
    expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  })
})

describe('a file of the log', () => {
  test('from before records could be removed is upgraded, and keeps every record', () => {
    const path = written()
    alter(path, 'ALTER TABLE partitions DROP COLUMN first_offset; DROP TABLE remains; PRAGMA user_version = 2')
    const file = openLogFile(path)
    expect(file.partitions()).toMatchObject([{ first: 0, end: RECORDS }])
    expect(file.verify(1, 0)).toMatchObject({ records: RECORDS, damaged: [] })
    file.removeRecords(1, EVERYTHING)
    file.close()
    expect(opened(path).partitions()).toMatchObject([{ first: RECORDS, end: RECORDS }])
  })

  test('from an earlier version is rewritten by a purge, because such versions left bytes of records in it', () => {
    const path = written()
    alter(
      path,
      `PRAGMA secure_delete = OFF; DELETE FROM partition_1 WHERE record_offset < 8;
      UPDATE partitions SET first_offset = 8; DROP TABLE remains; PRAGMA user_version = 3`,
    )
    expect(readFileSync(path).includes('value-3')).toBe(true)
    const file = openLogFile(path)
    file.purge()
    expect(file.partitions()).toMatchObject([{ first: 8, end: RECORDS }])
    expect(file.verify(1, 8)).toMatchObject({ records: 2, damaged: [] })
    append(file, 1)
    file.close()
    expect(readFileSync(path).includes('value-3')).toBe(false)
    using db = new DatabaseSync(path)
    expect(db.prepare('SELECT are_possible FROM remains').all()).toEqual([{ are_possible: 0 }])
  })

  test('is rewritten after the value of a record without a checksum was replaced, because its row gets longer', () => {
    const path = written()
    alter(path, `UPDATE partition_1 SET checksum = NULL; UPDATE partitions SET checksums_from = 5`)
    const file = openLogFile(path)
    const possible = () => {
      using db = new DatabaseSync(path)
      return db.prepare('SELECT are_possible FROM remains').get()?.['are_possible']
    }
    file.replace(1, new Map([[3, Buffer.from('no name')]]))
    file.close()
    expect(possible()).toBe(1)
    const again = openLogFile(path)
    again.purge()
    again.close()
    expect(possible()).toBe(0)
  })

  test('of a later version is refused', () => {
    const path = written()
    alter(path, 'PRAGMA user_version = 5')
    expect(() => openLogFile(path)).toThrow(`${path} has format 5, but this version supports only formats up to 4.`)
  })
})

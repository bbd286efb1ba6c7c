import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createFrameWriter, frameOffset } from '../../../../shared/adapters/embedded/file/frames.ts'
import { openLogFile, type LogFile } from '../../../../shared/adapters/embedded/file/log-file.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const RECORDS = 10
const EVERYTHING = { olderThan: Number.MAX_SAFE_INTEGER, toOffset: Number.MAX_SAFE_INTEGER }

/** A closed file whose one partition has the id 1. */
function written(): string {
  const path = join(temporaryDirectory(), 'log.db')
  const file = openLogFile(path)
  file.makeTopics([{ name: 't', partitions: 1 }])
  append(file, RECORDS)
  file.close()
  return path
}

function append(file: LogFile, records: number): void {
  const writer = createFrameWriter()
  for (let n = 0; n < records; n++) writer.add(1, { key: `${n}`, value: `value-${n}`, headers: [] }, n)
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
    ['the first offset stays if the records cannot go', `CREATE TRIGGER t BEFORE DELETE ON partition_1 ${REFUSE}`],
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

  test('that fails does not make later records get offsets that were issued', () => {
    const path = written()
    const file = opened(path)
    file.removeRecords(1, EVERYTHING)
    file.undo()
    append(file, 1)
    expect(file.partitions()).toMatchObject([{ first: RECORDS, end: RECORDS + 1 }])
  })

  test('is no damage to a check, or to a reader, that was under way', () => {
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

describe('a file of the log', () => {
  test('from before records could be removed is upgraded, and keeps every record', () => {
    const path = written()
    alter(path, 'ALTER TABLE partitions DROP COLUMN first_offset; PRAGMA user_version = 2')
    const file = openLogFile(path)
    expect(file.partitions()).toMatchObject([{ first: 0, end: RECORDS }])
    expect(file.verify(1, 0)).toMatchObject({ records: RECORDS, damaged: [] })
    file.removeRecords(1, EVERYTHING)
    file.close()
    expect(opened(path).partitions()).toMatchObject([{ first: RECORDS, end: RECORDS }])
  })

  test('of a later version is refused', () => {
    const path = written()
    alter(path, 'PRAGMA user_version = 4')
    expect(() => openLogFile(path)).toThrow(`${path} has format 4, but this version supports only formats up to 3.`)
  })
})

import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { createEmbeddedLog } from '../../../shared/adapters/embedded/embedded-log.ts'
import { openLogFile } from '../../../shared/adapters/embedded/file/log-file.ts'
import { createFrameWriter } from '../../../shared/adapters/embedded/file/frames.ts'
import { closeAfterCopy, closeUnlessInDoubt, leavesDiskInDoubt } from '../../../shared/disk/checkpoint.ts'
import { isInDoubt, markInDoubt, settleDoubt } from '../../../shared/disk/in-doubt.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const FAILING_WORKER = new URL('../../support/disk/failing-log-worker.ts', import.meta.url)

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
})

const record = (value: string) => ({ key: 'k', value, headers: [] })

describe('after a flush that failed', () => {
  test('nothing is accepted, and the process learns of it before any caller', async () => {
    const told: string[] = []
    await using log = await createEmbeddedLog({
      directory,
      worker: FAILING_WORKER,
      onDiskInDoubt: () => told.push('disk'),
    })
    await log.publish('t', [record('sound')])
    const caller = log.publish('t', [record('fail')]).catch(() => told.push('caller'))
    await caller
    expect(told).toEqual(['disk', 'caller'])
    await expect(log.publish('t', [record('sound')])).rejects.toMatchObject({ code: 'log-unavailable' })
    expect(await log.health()).toMatchObject({ available: false })
  })

  test('only errors of a flush, or of no stated kind, leave the disk in doubt', () => {
    const inDoubt = (errcode: number) => leavesDiskInDoubt(Object.assign(new Error('of SQLite'), { errcode }))
    const kinds = Array.from({ length: 35 }, (_, kind) => kind)
    // IOERR, then FSYNC, DIR_FSYNC, TRUNCATE, CLOSE and DIR_CLOSE.
    expect(kinds.filter((kind) => inDoubt(10 | (kind << 8)))).toEqual([0, 4, 5, 6, 16, 17])
    const others = kinds.filter((code) => code !== 10)
    expect(others.filter(inDoubt)).toEqual([])
    expect(leavesDiskInDoubt(new TypeError('of ours'))).toBe(false)
  })
})

test('a connection whose flush failed on opening keeps its WAL; after another error it is closed', () => {
  const path = join(directory, 'a.db')
  const db = new DatabaseSync(path)
  db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a)')
  closeUnlessInDoubt(db, Object.assign(new Error('of SQLite'), { errcode: 10 | (4 << 8) }))
  expect(existsSync(`${path}-wal`)).toBe(true)
  closeUnlessInDoubt(db, new Error('of ours'))
  expect(existsSync(`${path}-wal`)).toBe(false)
})

test('a flush that fails while a connection is closed is detected, and the WAL is kept', () => {
  const path = join(directory, 'a.db')
  const db = new DatabaseSync(path)
  db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a)')
  const statement = db.prepare('SELECT 1')
  const failed = Object.assign(new Error('of SQLite'), { errcode: 10 | (4 << 8) })
  vi.spyOn(statement, 'get').mockImplementation(() => {
    throw failed
  })
  const prepare = vi.spyOn(db, 'prepare').mockReturnValue(statement)
  expect(() => closeAfterCopy(db)).toThrow(failed)
  expect(existsSync(`${path}-wal`)).toBe(true)
  prepare.mockRestore()
  closeAfterCopy(db)
  expect(existsSync(`${path}-wal`)).toBe(false)
})

test('opening a log with a long WAL does not checkpoint, because SQLite would hide a failed flush', () => {
  const earlier = join(directory, 'earlier.db')
  const db = new DatabaseSync(earlier)
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE filler (bytes BLOB);
    INSERT INTO filler SELECT randomblob(8 * 1024 * 1024)`)
  const path = join(directory, 'log.db')
  // The state after a kill.
  for (const suffix of ['', '-wal']) copyFileSync(`${earlier}${suffix}`, `${path}${suffix}`)
  db.close()
  const before = statSync(path).size
  const file = openLogFile(path)
  expect(file.partitions()).toEqual([])
  expect(statSync(path).size).toBe(before)
  file.close()
  expect(statSync(path).size).toBeGreaterThan(before)
})

describe('files that were left in doubt', () => {
  function writeLog(values: readonly string[]) {
    const file = openLogFile(join(directory, 'log.db'))
    const [{ id } = { id: 0 }] = file.makeTopics([{ name: 't', partitions: 1 }])
    const writer = createFrameWriter()
    for (const value of values) writer.add(id, record(value), 0)
    file.append(writer.take())
    return file
  }

  test('are rebuilt as new files with everything that was flushed, and the mark is removed last', () => {
    writeLog(['one', 'two']).close()
    const before = statSync(join(directory, 'log.db')).ino
    markInDoubt(directory)
    expect(isInDoubt(directory)).toBe(true)
    settleDoubt(directory)
    expect(isInDoubt(directory)).toBe(false)
    expect(statSync(join(directory, 'log.db')).ino).not.toBe(before)
    const file = openLogFile(join(directory, 'log.db'))
    expect(file.partitions()).toMatchObject([{ topic: 't', end: 2 }])
    file.close()
  })

  test('are refused when they are damaged, and stay marked and unchanged', () => {
    writeLog(Array.from({ length: 2000 }, (_, at) => `value ${at}`)).close()
    const path = join(directory, 'log.db')
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill(0, 3 * 4096, 6 * 4096))
    markInDoubt(directory)
    const before = { inode: statSync(path).ino, bytes: readFileSync(path), names: readdirSync(directory) }
    expect(() => settleDoubt(directory)).toThrow(/damaged|malformed/)
    expect(isInDoubt(directory)).toBe(true)
    expect({ inode: statSync(path).ino, bytes: readFileSync(path), names: readdirSync(directory) }).toEqual(before)
  })
})

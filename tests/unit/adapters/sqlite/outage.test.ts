import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { inTransaction, openDatabase } from '../../../../shared/adapters/sqlite/database/database.ts'
import { migrate } from '../../../../shared/adapters/sqlite/database/migrations.ts'
import { readMigrations } from '../../../../shared/disk/migration-files.ts'
import { packError, toStoreError, unpackError } from '../../../../shared/adapters/sqlite/database/errors.ts'
import { createSqliteStore } from '../../../../shared/adapters/sqlite/sqlite-store.ts'
import { prepareBatchCommands } from '../../../../shared/adapters/sqlite/orders/store-batch.ts'
import { createStoreThread } from '../../../../shared/adapters/sqlite/threads/store-thread.ts'
import { isNoRoom } from '../../../../shared/disk/no-room.ts'
import type { Operations } from '../../../../shared/threads/serve-file.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { batchOf, orderAt } from '../../../contract/store-fixtures.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const MIGRATIONS = new URL('../../../../infra/sql/sqlite/', import.meta.url)

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
})

const file = () => join(directory, 'orders.sqlite')

function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('Nothing was thrown.')
}

describe('a store that cannot be used', () => {
  test('a missing directory or a foreign file is an outage, with its cause', async () => {
    await expect(createSqliteStore({ file: join(directory, 'no', 'such.sqlite') })).rejects.toMatchObject({
      code: 'store-unavailable',
      retriable: true,
      cause: { code: 'ERR_SQLITE_ERROR', message: 'unable to open database file' },
    })
    writeFileSync(file(), 'This is no database. '.repeat(1000))
    await expect(createSqliteStore({ file: file() })).rejects.toMatchObject({
      code: 'store-unavailable',
      cause: { errcode: 26 },
    })
  })

  test.skipIf(process.platform === 'win32')('a full disk with a pending migration is refused in one line', async () => {
    const db = openDatabase(file())
    migrate(db, file(), readMigrations(MIGRATIONS).slice(0, -1))
    db.close()
    const store = new URL('../../../../shared/adapters/sqlite/sqlite-store.ts', import.meta.url)
    const open = `import { createSqliteStore } from '${store.href}'
      const made = createSqliteStore({ file: process.argv[1] }).then(() => 'opened', ({ code, message }) => code + ': ' + message)
      console.log(await made)
      process.exit()`
    const node = [process.execPath, '--input-type=module', '-e', open, file()]
    const { stdout } = spawnSync('sh', ['-c', 'ulimit -S -f 0 && exec "$@"', 'sh', ...node], { encoding: 'utf8' })
    expect(stdout).toMatch(/^store-full: [^\n]*orders\.sqlite is full, and migration \d+ is due [^\n]*\n$/)
  })

  test('a thread recovers once the file can be used again', async () => {
    writeFileSync(file(), 'This is no database. '.repeat(1000))
    await using writer = createStoreThread<Operations & { probe(): void }>({
      file: file(),
      migrations: MIGRATIONS.href,
      name: 'writer',
      worker: new URL('../../../../shared/adapters/sqlite/threads/write-worker.ts', import.meta.url),
    })
    await expect(writer.call('probe')).rejects.toMatchObject({ code: 'store-unavailable' })
    rmSync(file())
    await expect(writer.call('probe')).resolves.toBeUndefined()
  })

  test('a full disk changes nothing, and the batch is stored when there is space', () => {
    const db = openDatabase(file())
    migrate(db, file(), readMigrations(MIGRATIONS))
    const commands = prepareBatchCommands(db)
    const orders = Array.from({ length: 500 }, (_, offset) => orderAt(offset))
    const pages = Number(db.prepare('PRAGMA page_count').get()?.['page_count'])
    db.exec(`PRAGMA max_page_count = ${pages + 8}`)
    const error = thrownBy(() => commands.storeBatch(batchOf(orders)))
    expect(toStoreError(error, file())).toMatchObject({ code: 'store-full', retriable: true, cause: error })
    expect(db.isTransaction).toBe(false)
    expect({ ...db.prepare('SELECT count(*) AS orders FROM orders').get() }).toEqual({ orders: 0 })

    db.exec('PRAGMA max_page_count = 1000000')
    expect(commands.storeBatch(batchOf(orders)).outcomes).toEqual(orders.map(() => ({ kind: 'stored' })))
    db.close()
  })

  test('no space for the shared memory file is a full disk too, and reads continue over a quota', () => {
    const of = (kind: number) => Object.assign(new Error('disk I/O error'), { errcode: 10 | (kind << 8) })
    const [WRITE, FSYNC, SHMOPEN, SHMSIZE] = [3, 4, 18, 19]
    expect(toStoreError(of(SHMSIZE), file())).toMatchObject({
      code: 'store-full',
      message: expect.stringContaining('full') as string,
    })
    expect([WRITE, SHMOPEN, SHMSIZE].map((kind) => isNoRoom(of(kind)))).toEqual([true, true, true])
    expect(isNoRoom(of(FSYNC))).toBe(false)
    expect(isNoRoom(Object.assign(new Error('write'), { code: 'ENOSPC' }))).toBe(true)
    expect(isNoRoom(Object.assign(new Error('open'), { code: 'EMFILE' }))).toBe(false)
  })

  test('a file that another process writes is busy', () => {
    const [db, other] = [openDatabase(file()), new DatabaseSync(file())]
    db.exec('PRAGMA busy_timeout = 0')
    other.exec('BEGIN IMMEDIATE')
    const error = thrownBy(() => inTransaction(db, () => undefined))
    expect(toStoreError(error, file())).toMatchObject({ code: 'store-busy', retriable: true })
    other.exec('ROLLBACK')
    expect(inTransaction(db, () => 'free')).toBe('free')
    db.close()
    other.close()
  })

  test('a file that became read-only is an outage', () => {
    openDatabase(file()).close()
    const db = new DatabaseSync(file(), { readOnly: true })
    const error = thrownBy(() => db.exec('CREATE TABLE more (id INTEGER)'))
    expect(toStoreError(error, file())).toMatchObject({ code: 'store-unavailable', retriable: true, cause: error })
    db.close()
  })

  test('a mistake in our SQL is a bug, not an outage', () => {
    const db = new DatabaseSync(':memory:')
    const error = thrownBy(() => db.exec('SELEKT 1'))
    expect(toStoreError(error, ':memory:')).toBe(error)
    db.close()
  })
})

describe('a thread of the store', () => {
  const script = (code: string) =>
    new URL(`data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${code}`)}`)
  const start = (code: string) =>
    createStoreThread<Operations & { echo(text: string): string; die(): void }>({
      file: file(),
      migrations: MIGRATIONS.href,
      name: 'test',
      worker: script(code),
    })
  const MORTAL = `parentPort.on('message', (request) => {
    if (request === 'close') parentPort.close()
    else if (request.method === 'die') process.exit(7)
    else parentPort.postMessage({ id: request.id, result: request.args[0] })
  })`

  test('rejects requests in flight when it dies, and is replaced', async () => {
    await using thread = start(MORTAL)
    expect(await thread.call('echo', 'before')).toBe('before')
    const inFlight = [thread.call('die'), thread.call('echo', 'too late')]
    for (const { status, reason } of (await Promise.allSettled(inFlight)) as PromiseRejectedResult[]) {
      expect({ status, ...(reason as object) }).toMatchObject({ status: 'rejected', code: 'store-unavailable' })
      expect(reason).toMatchObject({ retriable: true, cause: { message: 'The thread ended with code 7.' } })
    }
    await expect(thread.call('echo', 'while it is away')).rejects.toMatchObject({ code: 'store-unavailable' })
    await vi.waitFor(async () => expect(await thread.call('echo', 'after')).toBe('after'), { timeout: 5000 })
  })

  test('a thread that cannot start is an outage with its cause', async () => {
    await using thread = start("throw new TypeError('no start')")
    await expect(thread.call('echo', 'x')).rejects.toMatchObject({
      code: 'store-unavailable',
      cause: { message: 'no start' },
    })
  })

  test('answers requests made before it was closed, and none afterwards', async () => {
    const thread = start(MORTAL)
    const last = thread.call('echo', 'last')
    await thread[Symbol.asyncDispose]()
    await thread[Symbol.asyncDispose]()
    expect(await last).toBe('last')
    await expect(thread.call('echo', 'x')).rejects.toMatchObject({ code: 'store-unavailable' })
  })

  test('several requests in flight get their own replies, whatever the thread reports in between', async () => {
    const doubts: unknown[] = []
    await using thread = createStoreThread<Operations & { echo(text: string): string }>({
      file: file(),
      migrations: MIGRATIONS.href,
      name: 'test',
      worker: script(`parentPort.on('message', (request) => {
        if (request === 'close') return parentPort.close()
        const { id, args: [text] } = request
        parentPort.postMessage({ id: -1, error: { error: new Error(text) }, inDoubt: true })
        if (text === 'bad') parentPort.postMessage({ id, error: { error: new Error('refused') } })
        else parentPort.postMessage({ id, result: text })
      })`),
      onDiskInDoubt: (error) => doubts.push(error),
    })
    const replies = await Promise.allSettled(['one', 'bad', 'two'].map((text) => thread.call('echo', text)))
    expect(replies).toMatchObject([{ value: 'one' }, { reason: { message: 'refused' } }, { value: 'two' }])
    expect(doubts).toMatchObject(['one', 'bad', 'two'].map((message) => ({ message })))
  })

  test('an error keeps its identity between threads, down to its causes', () => {
    const sqliteError = Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 778 })
    const violations = [{ pointer: 'cursor', detail: 'is wrong' }]
    const error = new OrderError('store-unavailable', 'away', {
      cause: sqliteError,
      retriable: true,
      violations,
      retryAfterSeconds: 1,
    })
    const arrived = unpackError(structuredClone(packError(error)))
    expect(arrived).toBeInstanceOf(OrderError)
    expect(arrived).toMatchObject({
      code: 'store-unavailable',
      message: 'away',
      retriable: true,
      violations,
      retryAfterSeconds: 1,
      cause: { message: 'disk I/O error', code: 'ERR_SQLITE_ERROR', errcode: 778, stack: sqliteError.stack },
    })
    expect(unpackError(structuredClone(packError(new TypeError('ours'))))).toBeInstanceOf(TypeError)
  })
})

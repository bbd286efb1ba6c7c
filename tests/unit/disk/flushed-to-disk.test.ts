import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openLogFile } from '../../../shared/adapters/embedded/file/log-file.ts'
import { openDatabase } from '../../../shared/adapters/sqlite/database/database.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

/**
 * Killing a process cannot reveal a missing fsync, because the operating system keeps written data. So the test asks
 * SQLite on the same connection how it commits: 2 is FULL, a sync after each transaction
 * (https://www.sqlite.org/pragma.html).
 */
const FULL = { synchronous: 2 }

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
})
afterEach(() => {
  vi.restoreAllMocks()
})

const commitModeOf = (db: DatabaseSync) => ({ ...db.prepare('PRAGMA synchronous').get() })

describe('everything that is acknowledged is on the disk', () => {
  test('in the log, from its opening on and after each commit of offsets', () => {
    const exec = vi.spyOn(DatabaseSync.prototype, 'exec')
    const file = openLogFile(join(directory, 'log.db'))
    const connection = exec.mock.contexts[0] as DatabaseSync
    expect(commitModeOf(connection)).toEqual(FULL)
    const [partition] = file.makeTopics([{ name: 'orders', partitions: 1 }])
    file.commit('group', new Map([[partition?.id ?? 0, 0]]))
    expect(commitModeOf(connection)).toEqual(FULL)
    file.close()
  })

  test('in the store, whose orders are not delivered again by the log', () => {
    const db = openDatabase(join(directory, 'orders.db'))
    expect(commitModeOf(db)).toEqual(FULL)
    db.close()
  })
})

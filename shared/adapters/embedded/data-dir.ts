import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf, OrderError } from '../../domain/errors.ts'
import { endIfHung } from '../../threads/end-if-hung.ts'
import { makeDirectory } from '../../disk/make-directory.ts'
import { isNoRoom } from '../../disk/no-room.ts'
import { keepTemporaryFilesIn } from '../../disk/temporary-files.ts'
import { isOpenToOthers, readOrCreateSecret, writePrivateFile } from './private-file.ts'

/** The data directory, with the log, the store and the secrets. Only one process at a time can hold it. */
export interface DataDir extends AsyncDisposable {
  readonly path: string
  /** The secret in the file `name`. The first call creates it from 32 random bytes, in hexadecimal. */
  secret(name: string): Promise<string>
  /** Writes this process's URL to a file, for `ops` and for a process that finds the directory in use. */
  describeOwner(details: { readonly url: string }): Promise<void>
}

export interface Owner {
  readonly pid: number
  /** RFC 3339, UTC. */
  readonly startedAt: string
  readonly url?: string
}

const LOCK_FILE = 'lock.db'
const OWNER_FILE = 'owner.json'
/** Long enough to wait for `readOwner` in another process, because that call holds the lock only for microseconds. */
const LOCK_WAIT_MS = 250
const SQLITE_BUSY = 5
const HUNG_MS = 10_000
const OWNER_RETRY_MS = 5000
const CHOOSE = 'set DATA_DIR to a directory on a local disk in which this user can create files'

/** Holds references to the connections, because garbage collection would close them and thereby release their locks. */
const held = new Set<DatabaseSync>()

/**
 * Locks the directory, and creates it if it is missing (mode 0700). An exclusive transaction on a SQLite file makes the
 * kernel lock that file. The kernel releases the lock when the process exits, for whatever reason, so a lock is never
 * stale. Some network file systems do not implement such locks. Locking needs no disk space, so orders can be read even
 * if the disk is full.
 *
 * Rejects with `data-dir-locked` if another process holds the directory, and with `invalid-setting` if the directory
 * can't be used. Ends the process if the file system does not respond.
 */
export async function openDataDir(
  directory: string,
  onWarning: (message: string) => void = () => undefined,
): Promise<DataDir> {
  keepTemporaryFilesIn(directory)
  const lock = takeLock(directory)
  const startedAt = new Date().toISOString()
  const ownerFile = join(directory, OWNER_FILE)

  let describing: NodeJS.Timeout | undefined
  let isWarned = false
  function describe(owner: Owner): void {
    clearTimeout(describing)
    try {
      usable(directory, () => writePrivateFile(ownerFile, `${JSON.stringify(owner)}\n`))
    } catch (error) {
      if (!(error instanceof Error && isNoRoom(error.cause))) throw error
      describeLater(owner)
    }
  }

  /** Retries until there is disk space. The process can start without the owner file. */
  function describeLater(owner: Owner): void {
    describing = setTimeout(() => {
      try {
        describe(owner)
      } catch (error) {
        if (!isWarned) onWarning(messageOf(error))
        isWarned = true
        describeLater(owner)
      }
    }, OWNER_RETRY_MS).unref()
  }

  function release(): void {
    clearTimeout(describing)
    if (!held.delete(lock)) return
    lock.close()
  }

  try {
    describe({ pid: process.pid, startedAt })
  } catch (error) {
    release()
    throw error
  }

  return {
    path: directory,
    async secret(name) {
      const file = join(directory, name)
      const secret = usable(directory, () => readOrCreateSecret(file))
      if (isOpenToOthers(file)) onWarning(`Other users may read or change ${file}: run chmod 600 ${file}`)
      return secret
    },
    describeOwner: async ({ url }) => describe({ pid: process.pid, startedAt, url }),
    async [Symbol.asyncDispose]() {
      if (!held.has(lock)) return
      try {
        rmSync(ownerFile, { force: true })
      } finally {
        release()
      }
    },
  }
}

/**
 * The process that holds the directory; undefined if no process holds it, or if the process has not written its owner
 * file yet.
 */
export async function readOwner(directory: string): Promise<Owner | undefined> {
  const lockFile = join(directory, LOCK_FILE)
  if (!existsSync(lockFile)) return undefined
  // In `ops`, this opens the first database.
  keepTemporaryFilesIn(directory)
  const lock = new DatabaseSync(lockFile, { readOnly: true })
  try {
    lock.prepare('SELECT count(*) FROM sqlite_schema').get()
    return undefined
  } catch (error) {
    if (!isBusy(error)) throw error
    return livingOwner(directory)
  } finally {
    lock.close()
  }
}

function takeLock(directory: string): DatabaseSync {
  const watch = endIfHung(HUNG_MS, `DATA_DIR: ${directory} does not respond; ${CHOOSE}`)
  try {
    return usable(directory, () => makeAndLock(directory), `; ${CHOOSE}`)
  } finally {
    watch[Symbol.dispose]()
  }
}

function makeAndLock(directory: string): DatabaseSync {
  const remove = makeDirectory(directory)
  try {
    const lock = lockIn(directory)
    held.add(lock)
    return lock
  } catch (error) {
    remove()
    throw error
  }
}

function lockIn(directory: string): DatabaseSync {
  const lock = new DatabaseSync(join(directory, LOCK_FILE), { timeout: LOCK_WAIT_MS })
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if (isBusy(error)) throw locked(directory, error)
    throw error
  }
}

function locked(directory: string, cause: unknown): OrderError {
  const owner = livingOwner(directory)
  const details = [owner && `since ${owner.startedAt}`, owner?.url].filter((detail) => detail !== undefined)
  const who = owner === undefined ? 'another process' : `process ${owner.pid} (${details.join(', ')})`
  const message = `${directory} is in use by ${who}; stop it or set DATA_DIR to another directory`
  return new OrderError('data-dir-locked', message, { cause })
}

/** The process that the owner file names, if it is still alive. A killed process leaves the file behind. */
function livingOwner(directory: string): Owner | undefined {
  const file = join(directory, OWNER_FILE)
  if (!existsSync(file)) return undefined
  const owner = ownerIn(readFileSync(file, 'utf8'))
  return owner !== undefined && isAlive(owner.pid) ? owner : undefined
}

/** Undefined if the text is not valid, for example after a power cut. */
function ownerIn(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<Owner> | null
    const { pid, startedAt } = owner ?? {}
    return Number.isSafeInteger(pid) && typeof startedAt === 'string' ? (owner as Owner) : undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
}

/** Turns a file system error into one line that names the setting to correct. */
function usable<T>(directory: string, work: () => T, remedy = ''): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof OrderError) throw error
    throw new OrderError('invalid-setting', `DATA_DIR: ${directory} can't be used: ${messageOf(error)}${remedy}`, {
      cause: error,
    })
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

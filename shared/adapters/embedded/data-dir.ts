import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf, OrderError } from '../../domain/errors.ts'
import { endIfHung } from '../../threads/end-if-hung.ts'
import { makeDirectory } from '../../disk/make-directory.ts'
import { isNoRoom } from '../../disk/no-room.ts'
import { isOpenToOthers, readOrMakeSecret, writePrivateFile } from './private-file.ts'

/** The data directory (log, store, secrets), which one process holds at a time. */
export interface DataDir extends AsyncDisposable {
  readonly path: string
  /** The secret in the file of that name, which only the owner can read; the first call makes 32 random bytes, in hexadecimal. */
  secret(name: string): Promise<string>
  /** Writes down this process's URL, for `ops` and for a second process that finds the directory held. */
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
/** A process that only reads the owner holds the lock for microseconds. */
const LOCK_WAIT_MS = 250
const SQLITE_BUSY = 5
const HUNG_MS = 10_000
const OWNER_RETRY_MS = 5000
const CHOOSE = 'set DATA_DIR to a directory on a local disk that this user can make files in'

/** Keeps connections from the garbage collector, which would close them and so release the lock. */
const held = new Set<DatabaseSync>()

/**
 * Takes the directory, and makes it if it is missing (mode 0700). The lock is the kernel's, on an SQLite file in an
 * exclusive transaction. It ends with the process, however the process ends, so there is never a stale lock. It relies on
 * the file system's locks, which some network file systems only pretend to have. It takes no room on the disk, so that
 * orders can be read even when the disk is full.
 *
 * Rejects with `data-dir-locked` when another process holds the directory, `invalid-setting` when it can't be used. Ends
 * the process when the file system does not answer.
 */
export async function openDataDir(
  directory: string,
  onWarning: (message: string) => void = () => undefined,
): Promise<DataDir> {
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

  /** Tries again until there is room and the file system accepts it: nothing depends on this file. */
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
      const secret = usable(directory, () => readOrMakeSecret(file))
      if (isOpenToOthers(file)) onWarning(`${file} may be read or changed by others: chmod 600 ${file}`)
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

/** The process that holds the directory; undefined when none does, or when the holder has not written its file yet. */
export async function readOwner(directory: string): Promise<Owner | undefined> {
  const lockFile = join(directory, LOCK_FILE)
  if (!existsSync(lockFile)) return undefined
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
  using _ = endIfHung(HUNG_MS, `DATA_DIR: ${directory} does not answer; ${CHOOSE}`)
  return usable(
    directory,
    () => {
      const takeBack = makeDirectory(directory)
      try {
        const lock = lockIn(directory)
        held.add(lock)
        return lock
      } catch (error) {
        takeBack()
        throw error
      }
    },
    `; ${CHOOSE}`,
  )
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

/** Undefined when the process that wrote the file is gone, because a killed process leaves its file behind. */
function livingOwner(directory: string): Owner | undefined {
  const file = join(directory, OWNER_FILE)
  if (!existsSync(file)) return undefined
  const owner = ownerIn(readFileSync(file, 'utf8'))
  return owner !== undefined && isAlive(owner.pid) ? owner : undefined
}

/** Undefined for a file that cannot be read as one, such as after a power cut. */
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

/** Turns an error of the file system into one line that names the setting, because the person at the terminal can correct it. */
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

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf, OrderError } from '../../domain/errors.ts'
import { endIfHung } from '../../threads/end-if-hung.ts'
import { makeDirectory } from '../../disk/make-directory.ts'
import { isNoRoom } from '../../disk/no-room.ts'
import { isOpenToOthers, readOrMakeSecret, writePrivateFile } from './private-file.ts'

/** The directory that one process holds: log, store, secrets. */
export interface DataDir extends AsyncDisposable {
  readonly path: string
  /** 32 random bytes as base64url, made at the first call and kept in the file of that name, which only the owner reads. */
  secret(name: string): Promise<string>
  /** Says where this process is reached, for a second one that finds the directory held, and for `ops`. */
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
/** Who only looks holds the lock for microseconds. */
const LOCK_WAIT_MS = 250
const SQLITE_BUSY = 5
const HUNG_MS = 10_000
const OWNER_RETRY_MS = 5000
const CHOOSE = 'set DATA_DIR to a directory on a local disk that this user can make files in'

/** A connection that the garbage collector closes would give the lock away. */
const held = new Set<DatabaseSync>()

/**
 * Takes the directory, making it if need be (mode 0700). The lock is the kernel's, on an SQLite file in an exclusive
 * transaction: it ends with the process however the process ends, so nothing stale is ever to be cleaned up. It is as
 * good as the file system's locks, which some network file systems only pretend to have. It takes no room, so that a
 * full disk keeps nobody from reading.
 *
 * Rejects with `data-dir-locked` when another process holds it, `invalid-setting` when it can't be used. Ends the process
 * when the file system does not answer.
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

  /** Nobody depends on it, so it waits for room, and for whatever else the file system refuses meanwhile. */
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

/** Who holds the directory now; undefined when nobody does, or when who does has not yet said so. */
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

/** The file is what the last holder wrote, who may have been killed since: one that is gone is not named. */
function livingOwner(directory: string): Owner | undefined {
  const file = join(directory, OWNER_FILE)
  if (!existsSync(file)) return undefined
  const owner = ownerIn(readFileSync(file, 'utf8'))
  return owner !== undefined && isAlive(owner.pid) ? owner : undefined
}

/** Undefined for a file that says nothing, as one that a power cut tore. */
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

/** What the file system refuses is a setting that the person at the terminal can mend: one line that names it. */
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

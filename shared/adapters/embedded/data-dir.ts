import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf, OrderError } from '../../domain/errors.ts'
import { flushDirectory } from '../../disk/flush-directory.ts'
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

/** A connection that the garbage collector closes would give the lock away. */
const held = new Set<DatabaseSync>()

/**
 * Takes the directory, making it if need be (mode 0700). The lock is the kernel's, on an SQLite file in an exclusive
 * transaction: it ends with the process however the process ends, so nothing stale is ever to be cleaned up. It is as
 * good as the file system's locks, which some network file systems only pretend to have.
 *
 * Rejects with `data-dir-locked` when another process holds it, `invalid-setting` when it can't be used.
 */
export async function openDataDir(
  directory: string,
  onWarning: (message: string) => void = () => undefined,
): Promise<DataDir> {
  const lock = takeLock(directory)
  const startedAt = new Date().toISOString()
  const ownerFile = join(directory, OWNER_FILE)

  function describe(owner: Owner): void {
    usable(directory, () => writePrivateFile(ownerFile, `${JSON.stringify(owner)}\n`))
  }

  function release(): void {
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
  return usable(directory, () => {
    makeDirectory(directory)
    const lock = new DatabaseSync(join(directory, LOCK_FILE), { timeout: LOCK_WAIT_MS })
    try {
      lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    } catch (error) {
      lock.close()
      if (isBusy(error)) throw locked(directory, error)
      throw error
    }
    held.add(lock)
    return lock
  })
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

function makeDirectory(directory: string): void {
  const made = mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (made === undefined) return
  // Flushing a file does not flush the name of the directory that it is in.
  flushDirectory(dirname(made))
}

/** What the file system refuses is a setting that the person at the terminal can mend: one line that names it. */
function usable<T>(directory: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof OrderError) throw error
    throw new OrderError('invalid-setting', `DATA_DIR: ${directory} can't be used: ${messageOf(error)}`, {
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

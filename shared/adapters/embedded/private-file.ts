import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { flushDirectory } from '../../disk/flush.ts'

const SECRET_BYTES = 32
/** The settings require the same minimum length for these secrets. */
const MIN_SECRET_LENGTH = 16

/**
 * Reads the secret from the file, or creates a random one if there is no file. An empty file is an error and is not
 * replaced, because order ids depend on the secret. The secret is hexadecimal, because people paste it into commands,
 * where a leading `-` would start an option.
 */
export function readOrCreateSecret(file: string): string {
  if (!existsSync(file)) writePrivateFile(file, `${randomBytes(SECRET_BYTES).toString('hex')}\n`)
  const secret = readFileSync(file, 'utf8').trim()
  if (secret === '') throw new Error(`${file} is empty`)
  if (secret.length < MIN_SECRET_LENGTH)
    throw new Error(`${file} must contain at least ${MIN_SECRET_LENGTH} characters`)
  return secret
}

/** Whether other users may read or change the file. Always false on Windows, where file modes do not show this. */
export function isOpenToOthers(file: string): boolean {
  return process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0
}

/** Writes and flushes the file atomically, and lets only the owner read it. */
export function writePrivateFile(file: string, text: string): void {
  const temporary = `${file}.new`
  rmSync(temporary, { force: true })
  const descriptor = openSync(temporary, 'wx', 0o600)
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } catch (error) {
    discard(temporary)
    throw error
  } finally {
    closeSync(descriptor)
  }
  renameSync(temporary, file)
  flushDirectory(dirname(file))
}

/** Never throws, so that the caller can rethrow the write's error. The next write removes a leftover file. */
function discard(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // For example, the file system may have become read-only.
  }
}

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
/** The same as in the settings for these secrets. */
const MIN_SECRET_LENGTH = 16

/**
 * The secret in the file; a random one is written when there is no file yet. An empty file is an error and is not
 * replaced, because ids depend on the secret. It is hexadecimal, because people paste it into commands, where a leading
 * `-` would be read as an option.
 */
export function readOrMakeSecret(file: string): string {
  if (!existsSync(file)) writePrivateFile(file, `${randomBytes(SECRET_BYTES).toString('hex')}\n`)
  const secret = readFileSync(file, 'utf8').trim()
  if (secret === '') throw new Error(`${file} is empty`)
  if (secret.length < MIN_SECRET_LENGTH) throw new Error(`${file} must hold at least ${MIN_SECRET_LENGTH} characters`)
  return secret
}

/** Whether users other than the owner may read or change the file. Always false on Windows, whose modes do not tell. */
export function isOpenToOthers(file: string): boolean {
  return process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0
}

/** Writes the whole text or nothing, flushed, readable by the owner alone. */
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

/** Never throws, because callers get the error of the write. The next write removes what is left. */
function discard(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // For example on a file system that became read-only meanwhile.
  }
}

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
import { flushDirectory } from '../../disk/flush-directory.ts'

const SECRET_BYTES = 32
/** As for the settings of the same secrets. */
const MIN_SECRET_LENGTH = 16

/**
 * The secret that the file keeps; random when there is no file yet. One that was emptied is not replaced: ids depend on
 * it. In hexadecimal, since people paste it into commands and addresses, where a leading `-` would be an option.
 */
export function readOrMakeSecret(file: string): string {
  if (!existsSync(file)) writePrivateFile(file, `${randomBytes(SECRET_BYTES).toString('hex')}\n`)
  const secret = readFileSync(file, 'utf8').trim()
  if (secret === '') throw new Error(`${file} is empty`)
  if (secret.length < MIN_SECRET_LENGTH) throw new Error(`${file} must hold at least ${MIN_SECRET_LENGTH} characters`)
  return secret
}

/** Whether anybody but its owner may read or change it. Always false on Windows, whose modes say nothing of that. */
export function isOpenToOthers(file: string): boolean {
  return process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0
}

/** All of it or nothing, flushed, for the owner alone. */
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

/** Never throws: the error of the write is the one that callers are told. The next write removes what is left. */
function discard(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // Such as on a file system that was made read-only meanwhile.
  }
}

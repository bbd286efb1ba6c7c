import { existsSync, readdirSync, statSync, writeFileSync, rmSync, type Stats } from 'node:fs'
import { join, resolve } from 'node:path'
import { messageOf } from '../../../shared/domain/errors.ts'
import { makeDirectory } from '../../../shared/disk/make-directory.ts'
import { UsageError } from '../command.ts'

/** The suffixes of an order file and of its manifest. A file that is still being written also ends with `.partial`. */
export const ORDERS_SUFFIX = '.ndjson.gz'
export const MANIFEST_SUFFIX = '.manifest.json'
const OURS = /^orders-[0-9TZ]+-[0-9a-f]{8}-[0-9]{4,}(?:\.ndjson\.gz|\.manifest\.json)(?:\.partial)?$/

/**
 * Returns the directory for an archive, and creates it if it does not exist. Throws `UsageError` if the directory
 * cannot be written to, or contains anything other than an archive.
 */
export function archiveDirectory(to: string): string {
  return usableDirectory(to).directory
}

/** Throws `UsageError` in the same cases as `archiveDirectory`, and leaves no new directory behind. */
export function checkArchiveDirectory(to: string): void {
  usableDirectory(to).removeMade()
}

function usableDirectory(to: string): { readonly directory: string; readonly removeMade: () => void } {
  // An empty value, such as that of an unset shell variable, would otherwise mean the working directory.
  if (to === '') throw new UsageError('--to is missing.')
  const directory = resolve(to)
  if (existsSync(directory)) requireOurs(directory)
  try {
    const removeMade = makeDirectory(directory)
    const probe = join(directory, `.probe-${process.pid}`)
    writeFileSync(probe, '', { flag: 'wx' })
    rmSync(probe)
    return { directory, removeMade }
  } catch (error) {
    throw new UsageError(`${directory} cannot be written to: ${messageOf(error)}`, { cause: error })
  }
}

function requireOurs(directory: string): void {
  if (!statSync(directory).isDirectory()) throw new UsageError(`${directory} is not a directory.`)
  const other = namesIn(directory).find((name) => !OURS.test(name))
  if (other === undefined) return
  const remedy = 'Choose an empty directory, or one that contains only an archive.'
  throw new UsageError(`${directory} contains ${JSON.stringify(other)}, which is not part of an archive. ${remedy}`)
}

/**
 * The order files at this path, newest first. The path is a single file or the directory of an archive. If an order was
 * restored, changed and archived again, two files contain it, and the older copy lacks the change. Throws `UsageError`
 * if there are no such files.
 */
export function orderFilesAt(path: string): readonly string[] {
  const stats = statsOf(path)
  if (stats === undefined) throw new UsageError(`${path} does not exist.`)
  if (stats.isFile() && path.endsWith(ORDERS_SUFFIX)) return [path]
  if (!stats.isDirectory())
    throw new UsageError(`${path} is not an archive file: its name must end with ${ORDERS_SUFFIX}.`)
  const files = namesIn(path)
    .filter((name) => OURS.test(name) && name.endsWith(ORDERS_SUFFIX))
    .sort()
    .reverse()
  if (files.length === 0) throw new UsageError(`${path} contains no archive files.`)
  return files.map((name) => join(path, name))
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    throw new UsageError(`${directory} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

/** The prefix for the names of one run's files. No two runs have the same prefix. */
export function runName(startedAt: Date, random: string): string {
  return `orders-${startedAt.toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${random}`
}

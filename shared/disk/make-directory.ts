import { existsSync, mkdirSync, rmdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { flushDirectory } from './flush.ts'

/**
 * Creates a directory and its missing parents, accessible only to the owner (mode 0700), and flushes their directory
 * entries. Creates one level at a time, because `mkdirSync` with `recursive` may hang on a pseudo file system. Leaves
 * no directories behind if it throws. Returns a function that removes the new directories if they are empty.
 */
export function makeDirectory(directory: string): () => void {
  const missing: string[] = []
  const made: string[] = []
  for (let level = resolve(directory); !existsSync(level); level = dirname(level)) missing.unshift(level)

  function removeMade(): void {
    for (const level of made.toReversed()) {
      try {
        rmdirSync(level)
      } catch {
        return // The directory is already in use.
      }
    }
  }

  try {
    for (const level of missing) if (makeLevel(level)) made.push(level)
    if (missing[0] !== undefined) flushDirectory(dirname(missing[0]))
    return removeMade
  } catch (error) {
    removeMade()
    throw error
  }
}

/** Returns false if another process created the directory in the meantime. */
function makeLevel(level: string): boolean {
  try {
    mkdirSync(level, { mode: 0o700 })
    return true
  } catch (error) {
    // The existing entry may also be a file or a broken link.
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    if (!isTaken || statSync(level, { throwIfNoEntry: false })?.isDirectory() !== true) throw error
    return false
  }
}

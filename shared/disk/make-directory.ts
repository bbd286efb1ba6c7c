import { existsSync, mkdirSync, rmdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { flushDirectory } from './flush.ts'

/**
 * Makes a directory and its missing parents, accessible only to the owner (mode 0700), and flushes the names. Goes level by level,
 * because Node's own recursion may hang on a pseudo file system. Leaves nothing behind when it throws. Returns a function
 * that removes the new directories again, as long as they are empty.
 */
export function makeDirectory(directory: string): () => void {
  const missing: string[] = []
  const made: string[] = []
  for (let level = resolve(directory); !existsSync(level); level = dirname(level)) missing.unshift(level)

  function takeBack(): void {
    for (const level of made.toReversed()) {
      try {
        rmdirSync(level)
      } catch {
        return // Somebody uses it already.
      }
    }
  }

  try {
    for (const level of missing) if (makeOne(level)) made.push(level)
    if (missing[0] !== undefined) flushDirectory(dirname(missing[0]))
    return takeBack
  } catch (error) {
    takeBack()
    throw error
  }
}

/** False when another process makes it at the same moment. */
function makeOne(level: string): boolean {
  try {
    mkdirSync(level, { mode: 0o700 })
    return true
  } catch (error) {
    // The name may also be taken by a file, or by a link that leads nowhere.
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    if (!isTaken || statSync(level, { throwIfNoEntry: false })?.isDirectory() !== true) throw error
    return false
  }
}

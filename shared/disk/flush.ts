import { closeSync, fsyncSync, openSync } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Makes the names in a directory durable, because flushing a file flushes only its content. */
export function flushDirectory(directory: string): void {
  if (process.platform === 'win32') return // where a directory can't be opened
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Makes the files of a folder and their names durable. Resolves with the files' total size in bytes. */
export async function flushFiles(folder: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(folder)) {
    await using file = await open(join(folder, name), 'r+')
    await file.sync()
    bytes += (await file.stat()).size
  }
  flushDirectory(folder)
  return bytes
}

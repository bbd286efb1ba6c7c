import { closeSync, fsyncSync, openSync } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Makes the file names in a directory durable. Flushing a file makes only its content durable. */
export function flushDirectory(directory: string): void {
  if (process.platform === 'win32') return // Windows can't open a directory.
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Makes the content of a file durable. */
export async function flushFile(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}

/** Makes every file in a folder durable, together with its name. Resolves with the files' total size in bytes. */
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

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

/** Makes the content of a file durable. Resolves with the file's size in bytes. */
export async function flushFile(path: string): Promise<number> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}

/** Makes every file in a folder durable, together with its name. Resolves with the files' total size in bytes. */
export async function flushFiles(folder: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(folder)) bytes += await flushFile(join(folder, name))
  flushDirectory(folder)
  return bytes
}

import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { flushDirectory } from './flush-directory.ts'

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

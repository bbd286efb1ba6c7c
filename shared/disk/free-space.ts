import { statfs } from 'node:fs/promises'

/** The free space on the directory's disk, in bytes, for a process without privileges. */
export async function freeSpaceIn(directory: string): Promise<{ directory: string; bytes: number }> {
  const { bavail, bsize } = await statfs(directory)
  return { directory, bytes: bavail * bsize }
}

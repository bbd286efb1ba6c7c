import { statfs } from 'node:fs/promises'

/** The space on the directory's disk that is available to an unprivileged process, in bytes. */
export async function freeSpaceIn(directory: string): Promise<{ directory: string; bytes: number }> {
  const { bavail, bsize } = await statfs(directory)
  return { directory, bytes: bavail * bsize }
}

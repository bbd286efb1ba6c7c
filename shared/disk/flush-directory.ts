import { closeSync, fsyncSync, openSync } from 'node:fs'

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

import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Makes names in a directory durable: flushing a file flushes only what is in it. */
export function flushDirectory(directory: string): void {
  if (process.platform === 'win32') return // where a directory can't be opened
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

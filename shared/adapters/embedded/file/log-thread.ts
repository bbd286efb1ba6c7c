import { messageOf, OrderError } from '../../../domain/errors.ts'
import { isDiskFull } from '../../../disk/no-room.ts'
import { createFileThread, type FileThread, type FileThreadOptions } from '../../../threads/file-thread.ts'
import { unpackError } from '../../../threads/sent-error.ts'
import type { LogFile } from './log-file.ts'

/** The log's file as seen from the main thread. Calls reject with `log-unavailable` or `log-full` (both retriable). */
export type LogThread = FileThread<Omit<LogFile, 'undo'>>

export interface LogThreadOptions extends Pick<FileThreadOptions, 'onDiskInDoubt' | 'onDown' | 'onRestart'> {
  readonly path: string
  /** The code that the thread runs: the product's own, unless a test needs one that fails. */
  readonly worker?: URL | undefined
}

/** The source runs as it is or compiled; the compiler rewrites the endings of imports, but not of a URL in a string. */
const OWN_WORKER = new URL(import.meta.url.endsWith('.ts') ? './log-worker.ts' : './log-worker.js', import.meta.url)

export function createLogThread({ path, worker = OWN_WORKER, ...listeners }: LogThreadOptions): LogThread {
  return createFileThread({
    ...listeners,
    name: 'embedded-log',
    worker,
    workerData: { path },
    unavailable: (cause) => embeddedLogUnavailable(path, cause),
    received: (sent) => embeddedLogUnavailable(path, unpackError(sent)),
  })
}

/** `log-full` for a full disk. */
export function embeddedLogUnavailable(path: string, cause: unknown): OrderError {
  if (isDiskFull(cause)) {
    const message = `The disk of the log ${path} is full: make room on it, and it goes on by itself`
    return new OrderError('log-full', message, { cause, retriable: true })
  }
  return new OrderError('log-unavailable', `The log ${path} can't be used: ${messageOf(cause)}`, {
    cause,
    retriable: true,
  })
}

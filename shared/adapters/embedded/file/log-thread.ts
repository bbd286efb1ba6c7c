import { messageOf, OrderError } from '../../../domain/errors.ts'
import { isDiskFull } from '../../../disk/no-room.ts'
import { createFileThread, type FileThread, type FileThreadOptions } from '../../../threads/file-thread.ts'
import { unpackError } from '../../../threads/sent-error.ts'
import type { LogFile } from './log-file.ts'

/** The log's file as seen from the main thread. Calls reject with `log-unavailable` or `log-full` (both retriable). */
export type LogThread = FileThread<Omit<LogFile, 'undo'>>

export interface LogThreadOptions extends Pick<FileThreadOptions, 'onDiskInDoubt' | 'onDown' | 'onRestart'> {
  readonly path: string
  /** The code of the log's thread. A test may provide code that fails on purpose. */
  readonly worker?: URL | undefined
}

/** The compiler changes `.ts` to `.js` in imports, but not in strings, so the right name is chosen here. */
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

/** The error is `log-full` if the disk is full, otherwise `log-unavailable`. */
export function embeddedLogUnavailable(path: string, cause: unknown): OrderError {
  if (isDiskFull(cause)) {
    const message = `The disk that holds the log ${path} is full: make room on it, and the log will continue on its own`
    return new OrderError('log-full', message, { cause, retriable: true })
  }
  return new OrderError('log-unavailable', `The log ${path} can't be used: ${messageOf(cause)}`, {
    cause,
    retriable: true,
  })
}

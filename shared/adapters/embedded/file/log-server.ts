import { workerData } from 'node:worker_threads'
import { serveFile } from '../../../threads/serve-file.ts'
import type { LogFile, openLogFile } from './log-file.ts'

/** What the main thread asks the log's thread for: every method of `LogFile` is a message. */
export type LogMethod = Exclude<keyof LogFile, 'close' | 'tidy' | 'undo'>

/** A structured clone of an error lacks the number by which it is recognised. */
export interface SentError {
  readonly error: unknown
  readonly errcode: unknown
}

/** The thread that waits for the disk, with the file that `open` opens. */
export function serveLog(open: typeof openLogFile): void {
  const { path } = workerData as { path: string }
  serveFile<LogFile>({
    open: () => open(path),
    // Without closing, where that can be. It throws if the file is damaged, or another one by now: recovery says then.
    areSound(file) {
      file.undo()
      return true
    },
    pack: (error) => ({ error, errcode: error instanceof Error && 'errcode' in error ? error.errcode : undefined }),
  })
}

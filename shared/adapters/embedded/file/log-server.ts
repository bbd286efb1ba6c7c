import { workerData } from 'node:worker_threads'
import { serveFile } from '../../../threads/serve-file.ts'
import type { LogFile, openLogFile } from './log-file.ts'

/** Serves the log's file in the log's own thread. */
export function serveLog(open: typeof openLogFile): void {
  const { path } = workerData as { path: string }
  serveFile<LogFile>({
    open: () => open(path),
    // `undo` throws if the file is damaged or was replaced. In that case, the file is reopened.
    areSound(file) {
      file.undo()
      return true
    },
  })
}

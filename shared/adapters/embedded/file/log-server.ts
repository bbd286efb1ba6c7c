import { workerData } from 'node:worker_threads'
import { serveFile } from '../../../threads/serve-file.ts'
import type { LogFile, openLogFile } from './log-file.ts'

/** Serves the log's file in its thread. `open` opens the file. */
export function serveLog(open: typeof openLogFile): void {
  const { path } = workerData as { path: string }
  serveFile<LogFile>({
    open: () => open(path),
    // `undo` throws if the file is damaged or was replaced. The file is then opened again.
    areSound(file) {
      file.undo()
      return true
    },
  })
}

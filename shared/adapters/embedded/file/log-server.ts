import { workerData } from 'node:worker_threads'
import { serveFile } from '../../../threads/serve-file.ts'
import type { LogFile, openLogFile } from './log-file.ts'

/** The thread that waits for the disk, with the file that `open` opens. */
export function serveLog(open: typeof openLogFile): void {
  const { path } = workerData as { path: string }
  serveFile<LogFile>({
    open: () => open(path),
    // Keeps the file open if it can. `undo` throws if the file is damaged or was replaced: then it is opened again.
    areSound(file) {
      file.undo()
      return true
    },
  })
}

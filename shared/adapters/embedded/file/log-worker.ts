import { openLogFile } from './log-file.ts'
import { serveLog } from './log-server.ts'

/** The entry point of the log's thread. */
serveLog(openLogFile)

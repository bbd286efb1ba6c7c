import { openLogFile } from './log-file.ts'
import { serveLog } from './log-server.ts'

/** The log's thread as the product starts it. */
serveLog(openLogFile)

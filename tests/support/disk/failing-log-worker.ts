import { openLogFile } from '../../../shared/adapters/embedded/file/log-file.ts'
import { serveLog } from '../../../shared/adapters/embedded/file/log-server.ts'

const IOERR_FSYNC = 10 | (4 << 8)

/** A log thread that behaves as if the flush failed after every write that contains `fail`. */
serveLog((path) => {
  const file = openLogFile(path)
  return {
    ...file,
    append(frames) {
      const ends = file.append(frames)
      if (!Buffer.from(frames).includes('fail')) return ends
      throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: IOERR_FSYNC })
    },
  }
})

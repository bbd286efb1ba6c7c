const IO_ERROR = 10
/** FULL, and IOERR_SHMSIZE: no room for the shared-memory file (https://www.sqlite.org/rescode.html). */
const FULL: ReadonlySet<unknown> = new Set([13, IO_ERROR | (19 << 8)])
/** IOERR_WRITE and IOERR_SHMOPEN, with which SQLite reports that a quota or a file size limit was reached. */
const LIMITED: ReadonlySet<unknown> = new Set([3, 18].map((kind) => IO_ERROR | (kind << 8)))
const OF_FILES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Whether SQLite found the disk full. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && FULL.has(error.errcode)
}

/** Whether writing fails because of a full disk, a quota or a limit. Reading still works then. */
export function isNoRoom(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('errcode' in error) return isDiskFull(error) || LIMITED.has(error.errcode)
  return 'code' in error && OF_FILES.has(error.code)
}

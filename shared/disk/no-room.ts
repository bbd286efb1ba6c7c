const IO_ERROR = 10
/** FULL, and IOERR_SHMSIZE: the file that connections share finds no room (https://www.sqlite.org/rescode.html). */
const FULL: ReadonlySet<unknown> = new Set([13, IO_ERROR | (19 << 8)])
/** IOERR_WRITE and IOERR_SHMOPEN: what a quota or a limit on the size of files makes of the same. */
const LIMITED: ReadonlySet<unknown> = new Set([3, 18].map((kind) => IO_ERROR | (kind << 8)))
const OF_FILES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Whether SQLite found the disk full. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && FULL.has(error.errcode)
}

/** Whether a disk, a quota or a limit lets nothing more be written, so that what is there can still be read. */
export function isNoRoom(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('errcode' in error) return isDiskFull(error) || LIMITED.has(error.errcode)
  return 'code' in error && OF_FILES.has(error.code)
}

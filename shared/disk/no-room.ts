/**
 * SQLite's FULL, IOERR_SHMSIZE (the index of a WAL finds no room) and IOERR_WRITE (a quota, or a limit on the size of
 * files; https://www.sqlite.org/rescode.html).
 */
const OF_SQLITE: ReadonlySet<number> = new Set([13, 10 | (19 << 8), 10 | (3 << 8)])
const OF_FILES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Whether nothing more can be written, though what is there can be read. */
export function isNoRoom(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('errcode' in error && typeof error.errcode === 'number') return OF_SQLITE.has(error.errcode)
  return 'code' in error && typeof error.code === 'string' && OF_FILES.has(error.code)
}

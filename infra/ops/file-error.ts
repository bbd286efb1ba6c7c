const OF_NETWORK = /^E(?:CONN|PIPE|TIMEDOUT|HOST|NET|AI_|NOTFOUND)/

/** Whether the system refused to read or write a file, such as with EACCES, EISDIR or ENOSPC. */
export function isFileError(error: unknown): error is NodeJS.ErrnoException {
  if (!(error instanceof Error && 'code' in error && 'syscall' in error)) return false
  return !OF_NETWORK.test(String(error.code))
}

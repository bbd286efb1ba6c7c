/** Whether the system refused to read or write a file, such as with EACCES, EISDIR or ENOSPC. */
export function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error
}

import { closeSync, openSync } from 'node:fs'

/** The minimum number of files that the product needs to open. */
const NEEDED = 32

/**
 * Explains a startup that failed because no more files could be opened. Undefined for other failures. Some libraries
 * hide the error code (SQLite reports "unable to open database file"), so this function also tries to open files.
 */
export function outOfFiles(error: unknown): string | undefined {
  const words = textOf(error)
  if (/\bENFILE\b/.test(words)) {
    return 'The whole system has too many files open (ENFILE): raise the limit with sysctl fs.file-max, or stop the process that has them open.'
  }
  const isTold = /\bEMFILE\b|too many open files/i.test(words)
  if (!isTold && (!/unable to open database file/.test(words) || canOpen(NEEDED))) return undefined
  return `This process may have at most ${limit()} files open, which is too few (EMFILE): raise the limit with ulimit -n 4096, LimitNOFILE= in systemd, or --ulimit nofile= in Docker.`
}

/** Codes and messages of the error and its causes. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  return `${'code' in error ? String(error.code) : ''} ${error.message} ${textOf(error.cause)}`
}

function canOpen(files: number): boolean {
  const opened: number[] = []
  try {
    while (opened.length < files) opened.push(openSync(process.execPath, 'r'))
    return true
  } catch {
    return false
  } finally {
    opened.forEach((descriptor) => closeSync(descriptor))
  }
}

function limit(): string {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } }
  return String(report.userLimits?.open_files?.soft ?? 'a few')
}

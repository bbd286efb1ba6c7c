/**
 * An error on its way between threads: a structured clone keeps an error's message, stack and causes, but not the
 * properties by which it is recognised.
 */
export interface SentError {
  readonly error: unknown
  /** SQLite's extended result code. */
  readonly errcode?: number
}

export function packError(error: unknown): SentError {
  return error instanceof Error && 'errcode' in error ? { error, errcode: Number(error.errcode) } : { error }
}

export function unpackError({ error, errcode }: SentError): unknown {
  if (errcode === undefined || !(error instanceof Error)) return error
  return Object.assign(error, { code: 'ERR_SQLITE_ERROR', errcode })
}

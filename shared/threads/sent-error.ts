/**
 * An error that is sent between threads. A structured clone keeps an error's message, stack and causes, but not its
 * other properties, so the result code is sent separately.
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

/** What a promise gives, or a rejection after `ms`: a client that hangs must not make its caller hang. */
export async function within<T>(ms: number, doing: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`${doing} took longer than ${ms / 1000} s`)), ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

const PARENT_CHECK_MS = 250

/**
 * Calls back for each request to end this process: SIGINT, SIGTERM, and the end of the npm that started it, once, as
 * SIGTERM. npm 10 and 11 pass no SIGTERM on: npm and its shell end, and the process that they started runs on with
 * another parent.
 */
export function onStopRequest(stop: (signal: 'SIGINT' | 'SIGTERM') => void): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal))
  if (process.env['npm_lifecycle_event'] === undefined) return

  const parent = process.ppid
  const check = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(check)
    stop('SIGTERM')
  }, PARENT_CHECK_MS).unref()
}

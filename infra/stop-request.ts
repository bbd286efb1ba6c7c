const PARENT_CHECK_MS = 250

/**
 * Calls `stop` for each request to end this process: SIGINT, SIGTERM, and the exit of the npm process that started this
 * one, which counts as SIGTERM. npm 10 and 11 do not forward SIGTERM: npm and its shell exit, and the process that they
 * started gets a new parent. After a signal, the exit of npm is ignored, because a signal to the process group also
 * terminates npm.
 */
export function onStopRequest(stop: (signal: 'SIGINT' | 'SIGTERM') => void): void {
  const parent = process.ppid
  const check = setInterval(() => {
    if (process.ppid !== parent) ask('SIGTERM')
  }, PARENT_CHECK_MS).unref()
  if (process.env['npm_lifecycle_event'] === undefined) clearInterval(check)

  function ask(signal: 'SIGINT' | 'SIGTERM'): void {
    clearInterval(check)
    stop(signal)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ask(signal))
}

import { Worker } from 'node:worker_threads'

const WATCH = `
  const { workerData } = require('node:worker_threads')
  setTimeout(() => {
    require('node:fs').writeSync(2, workerData.line)
    process.kill(process.pid, 'SIGKILL')
  }, workerData.limitMs)`

/**
 * Prints this line to standard error and kills the process, unless the result is disposed of within `limitMs`. The
 * timer runs in its own thread, because a call into a hanging file system blocks the calling thread along with its
 * timers and signal handlers.
 */
export function endIfHung(limitMs: number, line: string): Disposable {
  const workerData = { limitMs, line: `${line}\n` }
  const worker = new Worker(WATCH, { eval: true, name: 'end-if-hung', workerData, execArgv: [] })
  worker.unref()
  // This error is ignored. If there are no free file descriptors, no thread can start. In that case, opening the file
  // does not hang, but fails at once.
  worker.on('error', () => undefined)
  return { [Symbol.dispose]: () => void worker.terminate() }
}

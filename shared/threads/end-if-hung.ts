import { Worker } from 'node:worker_threads'

const WATCH = `
  const { workerData } = require('node:worker_threads')
  setTimeout(() => {
    require('node:fs').writeSync(2, workerData.line)
    process.kill(process.pid, 'SIGKILL')
  }, workerData.limitMs)`

/**
 * Ends the process with this line on standard error unless it is disposed of within `limitMs`. It runs in its own thread,
 * because a call into a file system that does not answer blocks the calling thread, its timers and signals included.
 */
export function endIfHung(limitMs: number, line: string): Disposable {
  const workerData = { limitMs, line: `${line}\n` }
  const worker = new Worker(WATCH, { eval: true, name: 'end-if-hung', workerData, execArgv: [] })
  worker.unref()
  // A process without free descriptors cannot start a thread, but then opening a file fails at once anyway.
  worker.on('error', () => undefined)
  return { [Symbol.dispose]: () => void worker.terminate() }
}

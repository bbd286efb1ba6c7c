import { Worker } from 'node:worker_threads'

const WATCH = `
  const { workerData } = require('node:worker_threads')
  setTimeout(() => {
    require('node:fs').writeSync(2, workerData.line)
    process.kill(process.pid, 'SIGKILL')
  }, workerData.limitMs)`

/**
 * Ends the process with this line unless it is disposed of in time. In a thread of its own, because a call into a file
 * system that does not answer holds up the thread that makes it, signals and timers included.
 */
export function endIfHung(limitMs: number, line: string): Disposable {
  const workerData = { limitMs, line: `${line}\n` }
  const worker = new Worker(WATCH, { eval: true, name: 'end-if-hung', workerData, execArgv: [] })
  worker.unref()
  // Without descriptors there is no thread either, and then opening a file fails at once.
  worker.on('error', () => undefined)
  return { [Symbol.dispose]: () => void worker.terminate() }
}

import { parentPort, workerData } from 'node:worker_threads'
import { openLogFile, type LogFile } from './log-file.ts'

/**
 * The thread that waits for the disk. It does what it is asked in the order in which it was asked, one thing at a
 * time; every method of `LogFile` is a message, and an error is answered, not thrown.
 */
export type LogMethod = Exclude<keyof LogFile, 'close'>

export interface LogRequest {
  readonly id: number
  readonly method: LogMethod
  readonly args: readonly unknown[]
}

export type LogReply = { readonly id: number } & ({ readonly result: unknown } | { readonly error: unknown })

const port = parentPort
if (port === null) throw new Error('log-worker.ts runs in a worker thread.')
const { path } = workerData as { path: string }
let file: LogFile | undefined

function perform({ method, args }: LogRequest): unknown {
  try {
    file ??= openLogFile(path)
    const operation = file[method] as (...args: readonly unknown[]) => unknown
    return operation(...args)
  } catch (error) {
    // Half a transaction or a failed flush may be behind it: open anew, and let recovery say what is there.
    const broken = file
    file = undefined
    broken?.close()
    throw error
  }
}

port.on('message', (request: LogRequest | 'close') => {
  if (request === 'close') {
    try {
      file?.close()
    } finally {
      port.close()
    }
    return
  }
  const { id } = request
  try {
    const result = perform(request)
    const reply: LogReply = { id, result }
    port.postMessage(reply, result instanceof Uint8Array ? [result.buffer as ArrayBuffer] : [])
  } catch (error) {
    const reply: LogReply = { id, error }
    port.postMessage(reply)
  }
})

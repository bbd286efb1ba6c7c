import { Worker } from 'node:worker_threads'
import type { Operations, Reply, Request } from '../../../threads/serve-file.ts'
import { storeUnavailable, unpackError, type SentError } from '../database/errors.ts'
import type { StoreLocation } from './write-worker.ts'

type Call = (...args: never[]) => unknown
type Method<T> = Exclude<{ [K in keyof T]: T[K] extends Call ? K : never }[keyof T], keyof Operations> & string
type Args<T> = T extends (...args: infer A) => unknown ? A : never
type Result<T> = T extends (...args: never[]) => infer R ? R : never

/** A thread with a connection of its own, as seen from the main thread: its methods, answered later and in order. */
export interface StoreThread<T extends Operations> extends AsyncDisposable {
  /**
   * Rejects with what the method throws; with `store-unavailable` (retriable) when the thread is dead or dies, and
   * whether the method did its work is not known then. A thread that died is replaced, ever more slowly when it keeps
   * dying.
   */
  call<M extends Method<T>>(method: M, ...args: Args<T[M]>): Promise<Result<T[M]>>
}

export interface StoreThreadOptions extends StoreLocation {
  readonly name: string
  readonly worker: URL
  /** Told, before whoever asked is, when an error leaves in doubt what is on the disk: nothing is taken from then on. */
  readonly onDiskInDoubt?: (error: unknown) => void
}

const FIRST_RESTART_DELAY_MS = 50
const MAX_RESTART_DELAY_MS = 5000

interface Pending {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

export function createStoreThread<T extends Operations>(options: StoreThreadOptions): StoreThread<T> {
  const { file, migrations, name, worker: url, onDiskInDoubt } = options
  const pending = new Map<number, Pending>()
  let worker: Worker | undefined
  let restarting: NodeJS.Timeout | undefined
  let restartDelayMs = FIRST_RESTART_DELAY_MS
  let lastCause: unknown
  let closed: Promise<void> | undefined
  let nextId = 0

  function start(): void {
    const location: StoreLocation = { file, migrations }
    const started = new Worker(url, {
      name,
      workerData: location,
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    let cause: unknown
    worker = started
    started.on('message', (reply: Reply<SentError>) => {
      restartDelayMs = FIRST_RESTART_DELAY_MS
      settle(reply)
    })
    // Its exit follows, and does what is to be done.
    started.on('error', (error) => (cause = error))
    started.on('exit', (code) => ended(cause ?? new Error(`Its thread ended with code ${code}.`)))
  }

  function settle(reply: Reply<SentError>): void {
    const call = pending.get(reply.id)
    pending.delete(reply.id)
    if ('error' in reply) {
      const error = unpackError(reply.error)
      if (reply.inDoubt === true) onDiskInDoubt?.(error)
      call?.reject(error)
    } else call?.resolve(reply.result)
  }

  function ended(cause: unknown): void {
    worker = undefined
    lastCause = cause
    for (const { reject } of pending.values()) reject(storeUnavailable(file, cause))
    pending.clear()
    if (closed !== undefined) return
    restarting = setTimeout(start, restartDelayMs)
    restartDelayMs = Math.min(restartDelayMs * 2, MAX_RESTART_DELAY_MS)
  }

  start()
  return {
    call<M extends Method<T>>(method: M, ...args: Args<T[M]>) {
      return new Promise<Result<T[M]>>((resolve, reject) => {
        if (worker === undefined || closed !== undefined) {
          reject(storeUnavailable(file, lastCause ?? new Error('It is closed.')))
          return
        }
        const id = nextId++
        const request: Request = { id, method, args }
        // A structured clone of 500 orders takes the main thread a millisecond or two; JSON would take longer.
        worker.postMessage(request, [])
        pending.set(id, { resolve: (result) => resolve(result as Result<T[M]>), reject })
      })
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(restarting)
      // The thread answers all that it was asked before, then closes its connection and ends.
      closed ??= new Promise((resolve) => {
        if (worker === undefined) return resolve()
        worker.once('exit', () => resolve())
        worker.postMessage('close', [])
      })
      await closed
    },
  }
}

import { Worker } from 'node:worker_threads'
import type { SentError } from './sent-error.ts'
import type { Operations, Reply, Request } from './serve-file.ts'

type Call = (...args: never[]) => unknown
type Method<T> = Exclude<{ [K in keyof T]: T[K] extends Call ? K : never }[keyof T], keyof Operations> & string
type Args<T> = T extends (...args: infer A) => unknown ? A : never
type Result<T> = T extends (...args: never[]) => infer R ? R : never

/** The main thread's side of a thread that serves a file (`serveFile`). Calls are handled in order. */
export interface FileThread<T extends Operations> extends AsyncDisposable {
  /**
   * Rejects with the method's error, or with an error that `unavailable` creates if the thread is dead, dies or is
   * closed. After an error from `unavailable`, the method may or may not have done its work. A thread that died is
   * restarted, with a growing delay if it keeps dying.
   */
  call<M extends Method<T>>(method: M, ...args: Args<T[M]>): Promise<Result<T[M]>>
}

export interface FileThreadOptions<E = SentError> {
  readonly name: string
  readonly worker: URL
  readonly workerData: unknown
  /** Creates the error that callers get when the thread is dead or has been closed. */
  readonly unavailable: (cause: unknown) => unknown
  /** Converts an error from the thread into the error that callers get. */
  readonly received: (sent: E) => unknown
  /** Called if the disk's content is in doubt, before the failed call rejects. The thread then refuses all calls. */
  readonly onDiskInDoubt?: ((error: unknown) => void) | undefined
  /** Called when the thread has died, after all calls in flight have been rejected. */
  readonly onDown?: (error: unknown) => void
  /** Called when the thread has been restarted. */
  readonly onRestart?: () => void
}

const FIRST_RESTART_DELAY_MS = 50
const MAX_RESTART_DELAY_MS = 5000

interface Pending {
  readonly id: number
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

export function createFileThread<T extends Operations, E = SentError>(options: FileThreadOptions<E>): FileThread<T> {
  const { name, worker: url, workerData, unavailable, received, onDiskInDoubt, onDown, onRestart } = options
  /**
   * The calls in flight, oldest first, so the next reply is usually for the first one. An array, because a Map would
   * keep finished calls in memory until V8 collects the old generation (docs/performance.md).
   */
  const pending: Pending[] = []
  let worker: Worker | undefined
  let restarting: NodeJS.Timeout | undefined
  let restartDelayMs = FIRST_RESTART_DELAY_MS
  let lastCause: unknown
  let closed: Promise<void> | undefined
  let nextId = 0

  function start(): void {
    const started = new Worker(url, { name, workerData, execArgv: ['--disable-warning=ExperimentalWarning'] })
    let cause: unknown
    worker = started
    started.on('message', (reply: Reply<E>) => {
      restartDelayMs = FIRST_RESTART_DELAY_MS
      settle(reply)
    })
    // Node emits `exit` after `error`.
    started.on('error', (error) => (cause = error))
    started.on('exit', (code) => ended(cause ?? new Error(`The thread ended with code ${code}.`)))
  }

  function settle(reply: Reply<E>): void {
    const at = pending.findIndex(({ id }) => id === reply.id)
    const [call] = at === -1 ? [] : pending.splice(at, 1)
    if ('error' in reply) {
      const error = received(reply.error)
      if (reply.inDoubt === true) onDiskInDoubt?.(error)
      call?.reject(error)
    } else call?.resolve(reply.result)
  }

  function ended(cause: unknown): void {
    worker = undefined
    lastCause = cause
    const error = unavailable(cause)
    for (const { reject } of pending.splice(0)) reject(error)
    if (closed !== undefined) return
    onDown?.(error)
    restarting = setTimeout(() => {
      start()
      onRestart?.()
    }, restartDelayMs)
    restartDelayMs = Math.min(restartDelayMs * 2, MAX_RESTART_DELAY_MS)
  }

  start()
  return {
    call<M extends Method<T>>(method: M, ...args: Args<T[M]>) {
      return new Promise<Result<T[M]>>((resolve, reject) => {
        if (worker === undefined || closed !== undefined) {
          reject(unavailable(lastCause ?? new Error('The file is closed.')))
          return
        }
        const id = nextId++
        const request: Request = { id, method, args }
        worker.postMessage(request, [])
        pending.push({ id, resolve: (result) => resolve(result as Result<T[M]>), reject })
      })
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(restarting)
      // The thread replies to all earlier calls first, then closes its file and ends.
      closed ??= new Promise((resolve) => {
        if (worker === undefined) return resolve()
        worker.once('exit', () => resolve())
        worker.postMessage('close', [])
      })
      await closed
    },
  }
}

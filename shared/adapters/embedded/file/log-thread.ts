import { Worker } from 'node:worker_threads'
import { messageOf, OrderError } from '../../../domain/errors.ts'
import { isDiskFull } from '../../../disk/no-room.ts'
import type { Reply, Request } from '../../../threads/serve-file.ts'
import type { LogFile } from './log-file.ts'
import type { LogMethod, SentError } from './log-server.ts'

/** The log's file as seen from the main thread: the same methods, answered later, in the order of the calls. */
export interface LogThread extends AsyncDisposable {
  /** Rejects with `log-unavailable` or `log-full` (retriable) whatever went wrong, the cause kept. */
  call<M extends LogMethod>(method: M, ...args: Parameters<LogFile[M]>): Promise<ReturnType<LogFile[M]>>
}

export interface LogThreadOptions {
  readonly path: string
  /** What runs in the thread: the product's own, unless a test's has to fail. */
  readonly worker?: URL
  /** Told, before whoever asked is, when an error leaves in doubt what is on the disk: nothing is taken from then on. */
  readonly onDiskInDoubt?: (error: unknown) => void
  /** Told when the thread has died: what was in flight is rejected, and may or may not be in the log. */
  readonly onDown: (error: OrderError) => void
  /** Told when another has taken its place. */
  readonly onRestart: () => void
}

const FIRST_RESTART_DELAY_MS = 50
const MAX_RESTART_DELAY_MS = 5000

/** The source runs as it is or compiled; a URL in a string is not rewritten by the compiler, its ending is. */
const OWN_WORKER = new URL(import.meta.url.endsWith('.ts') ? './log-worker.ts' : './log-worker.js', import.meta.url)

interface Pending {
  readonly resolve: (result: never) => void
  readonly reject: (error: OrderError) => void
}

export function createLogThread(options: LogThreadOptions): LogThread {
  const { path, worker: url = OWN_WORKER, onDiskInDoubt, onDown, onRestart } = options
  let worker: Worker | undefined
  let restarting: NodeJS.Timeout | undefined
  let restartDelayMs = FIRST_RESTART_DELAY_MS
  let unavailable: OrderError | undefined
  let closed: Promise<void> | undefined
  let nextId = 0
  const pending = new Map<number, Pending>()

  function start(): void {
    const started = new Worker(url, {
      name: 'embedded-log',
      workerData: { path },
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
    started.on('exit', (code) => ended(cause ?? new Error(`The log's thread ended with code ${code}.`)))
  }

  function settle(reply: Reply<SentError>): void {
    const call = pending.get(reply.id)
    pending.delete(reply.id)
    if ('error' in reply) {
      const error = unpackError(reply.error)
      if (reply.inDoubt === true) onDiskInDoubt?.(error)
      call?.reject(logUnavailable(path, error))
    } else call?.resolve(reply.result as never)
  }

  function ended(cause: unknown): void {
    worker = undefined
    unavailable = logUnavailable(path, cause)
    for (const { reject } of pending.values()) reject(unavailable)
    pending.clear()
    if (closed !== undefined) return
    onDown(unavailable)
    restarting = setTimeout(() => {
      start()
      onRestart()
    }, restartDelayMs)
    restartDelayMs = Math.min(restartDelayMs * 2, MAX_RESTART_DELAY_MS)
  }

  start()
  return {
    call<M extends LogMethod>(method: M, ...args: Parameters<LogFile[M]>) {
      const target = worker
      return new Promise<ReturnType<LogFile[M]>>((resolve, reject) => {
        if (target === undefined || closed !== undefined) {
          reject(unavailable ?? logUnavailable(path, new Error('The log is closed.')))
          return
        }
        const id = nextId++
        pending.set(id, { resolve, reject })
        const request: Request = { id, method, args }
        target.postMessage(request, [])
      })
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(restarting)
      // The thread answers all that it was asked before, then closes the file and ends.
      closed ??= new Promise((resolve) => {
        if (worker === undefined) return resolve()
        worker.once('exit', () => resolve())
        worker.postMessage('close', [])
      })
      await closed
    },
  }
}

function unpackError({ error, errcode }: SentError): unknown {
  return errcode === undefined ? error : Object.assign(error as Error, { errcode })
}

/** `log-full` for a full disk. */
export function logUnavailable(path: string, cause: unknown): OrderError {
  if (isDiskFull(cause)) {
    const message = `The disk of the log ${path} is full: make room on it, and it goes on by itself`
    return new OrderError('log-full', message, { cause, retriable: true })
  }
  return new OrderError('log-unavailable', `The log ${path} can't be used: ${messageOf(cause)}`, {
    cause,
    retriable: true,
  })
}

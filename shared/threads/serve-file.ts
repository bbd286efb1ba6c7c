import { parentPort } from 'node:worker_threads'
import { leavesDiskInDoubt } from '../disk/checkpoint.ts'
import { packError } from './sent-error.ts'

export interface Request {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}

export type Reply<E = unknown> = { readonly id: number } & (
  | { readonly result: unknown }
  /** `inDoubt`: the content of the disk is in doubt, and the thread refuses everything from now on. */
  | { readonly error: E; readonly inDoubt?: true }
)

/** The operations of a thread on its file: methods whose arguments and results a structured clone can carry. */
export interface Operations {
  /** Does work that can wait until after an answer. Returns `close` when the next request must open the file again. */
  tidy?(): 'close' | void
  close(): void
}

export interface ServeFileOptions<T extends Operations> {
  readonly open: () => T
  /** Repairs the operations after an error, and returns whether they can be used. If not, the file is closed and reopened. */
  readonly areSound: (operations: T, error: unknown) => boolean
  /** How an error travels between threads. */
  readonly pack?: (error: unknown) => unknown
}

/** The id of a message that answers no request. */
const UNASKED = -1

/**
 * Answers the main thread's requests one after another, in order, until it says `close`. A request opens the file when it
 * is not open, so that the file is back once its disk works again.
 *
 * After a failed flush it refuses every request, and does not even close the file: closing flushes again, and that flush
 * would seem to succeed, because the kernel reports a failed flush once.
 */
export function serveFile<T extends Operations>(options: ServeFileOptions<T>): void {
  const { open, areSound, pack = packError } = options
  const port = parentPort
  if (port === null) throw new Error('A file is served in a worker thread.')
  let operations: T | undefined
  let doubt: { readonly cause: unknown } | undefined

  function unlessInDoubt<R>(work: () => R): R {
    if (doubt !== undefined) throw doubt.cause
    try {
      return work()
    } catch (error) {
      if (leavesDiskInDoubt(error)) doubt = { cause: error }
      throw error
    }
  }

  function perform({ method, args }: Request): unknown {
    try {
      return unlessInDoubt(() => {
        operations ??= open()
        const methods = operations as unknown as Record<string, (...args: readonly unknown[]) => unknown>
        return methods[method]?.(...args)
      })
    } catch (error) {
      recover(error)
      throw error
    }
  }

  /** Never throws, because callers get the error that it recovers from. */
  function recover(error: unknown): void {
    const broken = operations
    if (broken === undefined || doubt !== undefined) return
    try {
      if (unlessInDoubt(() => areSound(broken, error))) return
    } catch {
      if (doubt !== undefined) return
    }
    operations = undefined
    try {
      unlessInDoubt(() => broken.close())
    } catch {
      // A failed flush has set `doubt`. After any other error the next request opens the file again.
    }
  }

  function closeForNow(open: T): void {
    operations = undefined
    open.close()
  }

  function failed(id: number, error: unknown): Reply {
    return { id, error: pack(error), ...(doubt !== undefined && { inDoubt: true as const }) }
  }

  function answer(request: Request): Reply {
    try {
      return { id: request.id, result: perform(request) }
    } catch (error) {
      return failed(request.id, error)
    }
  }

  /** Runs after the answer. Whatever happens here, what was answered is in the WAL and flushed. */
  function unanswered(work: () => void): void {
    if (doubt !== undefined) return
    try {
      unlessInDoubt(work)
    } catch (error) {
      // Anything but a failed flush is tried again after the next answer; the WAL has everything until then.
      if (doubt !== undefined) port?.postMessage(failed(UNASKED, error))
    }
  }

  port.on('message', (request: Request | 'close') => {
    if (request === 'close') {
      unanswered(() => operations?.close())
      port.close()
      return
    }
    const reply = answer(request)
    const moved = 'result' in reply && reply.result instanceof Uint8Array ? [reply.result.buffer as ArrayBuffer] : []
    port.postMessage(reply, moved)
    unanswered(() => {
      if (operations?.tidy?.() === 'close') closeForNow(operations)
    })
  })
}

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
  /** `inDoubt`: what is on the disk is in doubt since then, and everything is refused from now on. */
  | { readonly error: E; readonly inDoubt?: true }
)

/** The operations of a thread on its file: methods that take and return what a structured clone can carry. */
export interface Operations {
  /** Work that is due after an answer, when nobody waits. Returns `close` when the next request must open the file anew. */
  tidy?(): 'close' | void
  close(): void
}

export interface ServeFileOptions<T extends Operations> {
  readonly open: () => T
  /** Whether they are as good as before this error, once mended. If not, the file is closed and opened anew. */
  readonly areSound: (operations: T, error: unknown) => boolean
  /** How an error travels between threads. */
  readonly pack?: (error: unknown) => unknown
}

/** The id of what nobody asked for. */
const UNASKED = -1

/**
 * Answers the main thread's requests one after another, in the order in which they came, until it says `close`. The file
 * is opened by the first of them, so that it is back with the next request once its disk works again.
 *
 * A flush that failed ends all that: everything is refused from then on, and the file is not even closed, because closing
 * flushes, and would be told that all is well: the kernel tells of a failed flush once.
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

  /** Never throws: the error that it recovers from is the one that callers are told. */
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
      // A flush that failed is in doubt by now. After anything else the next request opens the file anew.
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

  /** After the answer. What was answered is in the WAL, flushed, whatever becomes of this. */
  function unanswered(work: () => void): void {
    if (doubt !== undefined) return
    try {
      unlessInDoubt(work)
    } catch (error) {
      // Anything but a failed flush is tried again after the next answer: the WAL has everything until then.
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

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
  /** If `inDoubt` is set, the contents of the disk are in doubt, and the thread refuses all later calls. */
  | { readonly error: E; readonly inDoubt?: true }
)

/** The methods that a thread offers for its file. Their arguments and results must be structured-cloneable. */
export interface Operations {
  /** Does work that can wait until a reply has been sent. Returns `close` if the next request must reopen the file. */
  tidy?(): 'close' | void
  close(): void
}

export interface ServeFileOptions<T extends Operations> {
  readonly open: () => T
  /** Recovers after an error. Returns false if the file can no longer be used; it is then closed and reopened. */
  readonly areSound: (operations: T, error: unknown) => boolean
  /** Converts an error so that it can be sent to the main thread. */
  readonly pack?: (error: unknown) => unknown
}

/** The id of a message that is not a reply to a request. */
const UNASKED = -1

/**
 * Handles the main thread's requests one after another, in order, until the main thread sends `close`. A request opens
 * the file if it is not open, so that the file becomes available again once the disk works again.
 *
 * After a failed flush, this thread refuses every request and does not even close the file. Closing would flush again
 * and seem to succeed, because the kernel reports a failed flush only once.
 */
export function serveFile<T extends Operations>(options: ServeFileOptions<T>): void {
  const { open, areSound, pack = packError } = options
  const port = parentPort
  if (port === null) throw new Error('`serveFile` must run in a worker thread.')
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

  /** Never throws, so that the caller gets the original error. */
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
      // Ignored: a failed flush has set `doubt`, and after any other error the next request reopens the file.
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

  /**
   * Runs `work` after the reply. An error in `work` does not affect finished requests, whose data is already flushed to
   * the WAL.
   */
  function afterReply(work: () => void): void {
    if (doubt !== undefined) return
    try {
      unlessInDoubt(work)
    } catch (error) {
      // Other errors are ignored: the WAL keeps the data, and the work is retried after the next reply.
      if (doubt !== undefined) port?.postMessage(failed(UNASKED, error))
    }
  }

  port.on('message', (request: Request | 'close') => {
    if (request === 'close') {
      afterReply(() => operations?.close())
      port.close()
      return
    }
    const reply = answer(request)
    const moved = 'result' in reply && reply.result instanceof Uint8Array ? [reply.result.buffer as ArrayBuffer] : []
    port.postMessage(reply, moved)
    afterReply(() => {
      if (operations?.tidy?.() === 'close') closeForNow(operations)
    })
  })
}

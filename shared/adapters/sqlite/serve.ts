import { parentPort } from 'node:worker_threads'
import { leavesDiskInDoubt } from '../../disk/checkpoint.ts'
import { leavesConnectionSound, packError, toStoreError, type SentError } from './sqlite-errors.ts'

export interface Request {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}

export type Reply = { readonly id: number } & (
  | { readonly result: unknown }
  /** `inDoubt`: what is on the disk is in doubt since then, and everything is refused from now on. */
  | { readonly error: SentError; readonly inDoubt?: true }
)

/** What a thread does: methods that take and return what a structured clone can carry, on a connection of its own. */
export interface Operations {
  /** What is due after an answer, when nobody waits for it. */
  tidy?(): void
  close(): void
}

/** The id of what nobody asked for. */
const UNASKED = -1

/**
 * Answers the requests of the main thread one after another, in the order in which they came. The connection is opened
 * by the first of them, and again after an error that may have left it unsound: a store whose disk works again is back
 * with the next request.
 */
export function serve(file: string, open: () => Operations): void {
  const port = parentPort
  if (port === null) throw new Error('A store thread is started by createStoreThread.')
  let operations: Operations | undefined
  let doubt: { readonly cause: unknown } | undefined

  function perform({ method, args }: Request): unknown {
    if (doubt !== undefined) throw doubt.cause
    try {
      operations ??= open()
      const methods = operations as unknown as Record<string, (...args: readonly unknown[]) => unknown>
      return methods[method]?.(...args)
    } catch (error) {
      // Closing could flush, and be told that all is well: the kernel tells of a failed flush once.
      if (leavesDiskInDoubt(error)) doubt = { cause: error }
      else if (!leavesConnectionSound(error)) {
        const broken = operations
        operations = undefined
        closeBroken(broken)
      }
      throw error
    }
  }

  /** What broke it is what callers are told, unless the flush of closing it fails: that concerns all that comes later. */
  function closeBroken(broken: Operations | undefined): void {
    try {
      broken?.close()
    } catch (error) {
      if (leavesDiskInDoubt(error)) doubt = { cause: error }
    }
  }

  function failed(id: number, error: unknown): Reply {
    return { id, error: packError(toStoreError(error, file)), ...(doubt !== undefined && { inDoubt: true as const }) }
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
      work()
    } catch (error) {
      // Anything else is tried again after the next answer: the WAL has everything until then.
      if (!leavesDiskInDoubt(error)) return
      doubt = { cause: error }
      port?.postMessage(failed(UNASKED, error))
    }
  }

  port.on('message', (request: Request | 'close') => {
    if (request === 'close') {
      unanswered(() => operations?.close())
      port.close()
      return
    }
    port.postMessage(answer(request))
    unanswered(() => operations?.tidy?.())
  })
}

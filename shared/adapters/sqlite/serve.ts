import { parentPort } from 'node:worker_threads'
import { leavesConnectionSound, packError, toStoreError, type SentError } from './sqlite-errors.ts'

export interface Request {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}

export type Reply = { readonly id: number } & ({ readonly result: unknown } | { readonly error: SentError })

/** What a thread does: methods that take and return what a structured clone can carry, on a connection of its own. */
export interface Operations {
  close(): void
}

/**
 * Answers the requests of the main thread one after another, in the order in which they came. The connection is opened
 * by the first of them, and again after an error that may have left it unsound: a store whose disk works again is back
 * with the next request.
 */
export function serve(file: string, open: () => Operations): void {
  const port = parentPort
  if (port === null) throw new Error('A store thread is started by createStoreThread.')
  let operations: Operations | undefined

  function perform({ method, args }: Request): unknown {
    try {
      operations ??= open()
      const methods = operations as unknown as Record<string, (...args: readonly unknown[]) => unknown>
      return methods[method]?.(...args)
    } catch (error) {
      if (!leavesConnectionSound(error)) {
        const broken = operations
        operations = undefined
        broken?.close()
      }
      throw toStoreError(error, file)
    }
  }

  function answer(request: Request): Reply {
    try {
      return { id: request.id, result: perform(request) }
    } catch (error) {
      return { id: request.id, error: packError(error) }
    }
  }

  port.on('message', (request: Request | 'close') => {
    if (request !== 'close') return port.postMessage(answer(request))
    try {
      operations?.close()
    } finally {
      port.close()
    }
  })
}

import { parentPort, workerData } from 'node:worker_threads'
import { leavesDiskInDoubt } from '../../disk/checkpoint.ts'
import type { LogFile, openLogFile } from './log-file.ts'

/**
 * The thread that waits for the disk. It does what it is asked in the order in which it was asked, one thing at a
 * time; every method of `LogFile` is a message, and an error is answered, not thrown.
 */
export type LogMethod = Exclude<keyof LogFile, 'close' | 'tidy' | 'undo'>

export interface LogRequest {
  readonly id: number
  readonly method: LogMethod
  readonly args: readonly unknown[]
}

export type LogReply = { readonly id: number } & (
  | { readonly result: unknown }
  /** `inDoubt`: what is on the disk is in doubt since then, and everything is refused from now on. */
  | { readonly error: unknown; readonly inDoubt?: true }
)

/** Answers the main thread, until it says `close`, with the file that `open` opens. */
export function serveLog(open: typeof openLogFile): void {
  const port = parentPort
  if (port === null) throw new Error('The log is served in a worker thread.')
  const { path } = workerData as { path: string }
  let file: LogFile | undefined
  let doubt: { readonly cause: unknown } | undefined

  function perform({ method, args }: LogRequest): unknown {
    if (doubt !== undefined) throw doubt.cause
    try {
      file ??= open(path)
      const operation = file[method] as (...args: readonly unknown[]) => unknown
      return operation(...args)
    } catch (error) {
      // Closing would flush, and be told that all is well: the kernel tells of a failed flush once.
      if (leavesDiskInDoubt(error)) doubt = { cause: error }
      else undo()
      throw error
    }
  }

  /** Without closing, where that can be: SQLite flushes when it closes, and tells nobody how that went. */
  function undo(): void {
    const broken = file
    try {
      broken?.undo()
    } catch {
      // It may be damaged, or another file by now: open anew, and let recovery say what is there.
      file = undefined
      closeBroken(broken)
    }
  }

  /** What broke it is what callers are told, unless the flush of closing it fails: that concerns all that comes later. */
  function closeBroken(broken: LogFile | undefined): void {
    try {
      broken?.close()
    } catch (error) {
      if (leavesDiskInDoubt(error)) doubt = { cause: error }
    }
  }

  function answer(request: LogRequest): LogReply {
    const { id } = request
    try {
      return { id, result: perform(request) }
    } catch (error) {
      return { id, error, ...(doubt !== undefined && { inDoubt: true as const }) }
    }
  }

  /** After the answer. What was acknowledged is in the WAL, flushed, whatever becomes of this. */
  function unanswered(work: () => void): void {
    if (doubt !== undefined) return
    try {
      work()
    } catch (error) {
      // Anything else is tried again after the next answer: the WAL has everything until then.
      if (!leavesDiskInDoubt(error)) return
      doubt = { cause: error }
      const told: LogReply = { id: UNASKED, error, inDoubt: true }
      port?.postMessage(told)
    }
  }

  port.on('message', (request: LogRequest | 'close') => {
    if (request === 'close') {
      unanswered(() => file?.close())
      port.close()
      return
    }
    const reply = answer(request)
    const moved = 'result' in reply && reply.result instanceof Uint8Array ? [reply.result.buffer as ArrayBuffer] : []
    port.postMessage(reply, moved)
    unanswered(() => file?.tidy())
  })
}

/** The id of what nobody asked for. */
const UNASKED = -1

import { within } from '../../../threads/waiting.ts'

/** A connection that is opened on first use and reopened after a failure. Once disposed of, it is not reopened. */
export interface Lazy<T> extends AsyncDisposable {
  /**
   * After an error, the connection is kept only if `keeps` returns true. Otherwise the next call opens a new
   * connection, and the old connection is closed once no call uses it any more.
   */
  use<R>(work: (connection: T) => Promise<R>, keeps?: (error: unknown) => boolean): Promise<R>
  /** Closes a connection that hangs, even if calls are still waiting for it. */
  drop(): void
}

const CLOSE_TIMEOUT_MS = 5000

interface Held<T> {
  readonly opening: Promise<T>
  users: number
  closing?: Promise<void>
}

export function createLazy<T>(
  open: () => Promise<T>,
  close: (connection: T) => Promise<void>,
  onError: (error: unknown) => void,
): Lazy<T> {
  let current: Held<T> | undefined
  let isClosed = false

  async function end({ opening }: Held<T>): Promise<void> {
    const [opened] = await Promise.allSettled([opening])
    if (opened.status === 'rejected') return
    await within(CLOSE_TIMEOUT_MS, 'Closing a connection to Kafka', close(opened.value)).catch(onError)
  }

  return {
    async use(work, keeps = () => false) {
      if (isClosed) throw new Error('The connection to Kafka is closed.')
      const held = (current ??= { opening: open(), users: 0 })
      held.users += 1
      let opened = false
      try {
        const connection = await held.opening
        opened = true
        return await work(connection)
      } catch (error) {
        if (current === held && !(opened && keeps(error))) current = undefined
        throw error
      } finally {
        held.users -= 1
        if (current !== held && held.users === 0) held.closing ??= end(held)
      }
    },
    drop() {
      const dropped = current
      current = undefined
      if (dropped !== undefined) dropped.closing ??= end(dropped)
    },
    async [Symbol.asyncDispose]() {
      isClosed = true
      const last = current
      current = undefined
      if (last !== undefined) await (last.closing ??= end(last))
    },
  }
}

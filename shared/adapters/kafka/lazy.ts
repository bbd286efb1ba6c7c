import { within } from './within.ts'

/** A connection that is made when it is first needed, and anew after it was dropped. */
export interface Lazy<T> extends AsyncDisposable {
  get(): Promise<T>
  /** Forgets the connection: whoever comes next gets a new one, and this one is closed meanwhile. */
  drop(): void
}

const CLOSE_TIMEOUT_MS = 5000

export function createLazy<T>(
  open: () => Promise<T>,
  close: (connection: T) => Promise<void>,
  onError: (error: unknown) => void,
): Lazy<T> {
  let current: Promise<T> | undefined

  async function end(connecting: Promise<T> | undefined): Promise<void> {
    const [opened] = await Promise.allSettled([connecting])
    if (opened.status === 'rejected' || opened.value === undefined) return
    await within(CLOSE_TIMEOUT_MS, 'Closing a connection to Kafka', close(opened.value)).catch(onError)
  }

  return {
    async get() {
      const connecting = (current ??= open())
      try {
        return await connecting
      } catch (error) {
        if (current === connecting) current = undefined
        throw error
      }
    },
    drop() {
      const dropped = current
      current = undefined
      void end(dropped)
    },
    async [Symbol.asyncDispose]() {
      const last = current
      current = undefined
      await end(last)
    },
  }
}

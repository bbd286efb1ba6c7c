import { messageOf } from '../../shared/domain/errors.ts'
import { onStopRequest } from '../stop-request.ts'

/** How this process ends when it is asked to. */
export interface StopOptions {
  /** Ends everything in order; resolves when nothing is left. */
  readonly stop: () => Promise<void>
  /** What `stop` is still waiting for. */
  readonly unfinished: () => readonly string[]
  readonly limitMs: number
  readonly say: (line: string) => void
}

const EXIT_CODE = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * The first request stops in order and exits with 0; exits with 1, saying what did not finish, when that fails or takes
 * longer than the limit. A second one ends the process at once, with the code that a shell expects.
 */
export function stopOnSignal({ stop, unfinished, limitMs, say }: StopOptions): void {
  let stopping = false

  async function stopInOrder(): Promise<void> {
    setTimeout(() => {
      const rest = unfinished().join(', ') || 'closing what was open'
      say(`Stopped after ${limitMs / 1000} s; not finished: ${rest}.`)
      process.exit(1)
    }, limitMs).unref()
    try {
      await stop()
      process.exit(0)
    } catch (error) {
      say(`Stopping failed: ${messageOf(error)}`)
      process.exit(1)
    }
  }

  onStopRequest((signal) => {
    if (stopping) process.exit(EXIT_CODE[signal])
    stopping = true
    void stopInOrder()
  })
}

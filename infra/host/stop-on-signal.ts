import { messageOf } from '../../shared/domain/errors.ts'
import { onStopRequest } from '../stop-request.ts'

export interface StopOptions {
  /** Stops everything in an orderly way. */
  readonly stop: () => Promise<void>
  /** Descriptions of the work that `stop` is still waiting for. */
  readonly unfinished: () => readonly string[]
  readonly limitMs: number
  readonly say: (line: string) => void
}

const EXIT_CODE = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * On the first stop request, everything is stopped in an orderly way, and the process exits with 0. If that fails or
 * exceeds the limit, a message names the unfinished work, and the exit code is 1. A second request ends the process at
 * once with the exit code that shells expect.
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

import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_MS = 20
/**
 * How long the runtime's worker may take to convert and send a response after the function has returned. The worker
 * does not report when the response has been sent.
 */
const SENDING_MS = 100

let running = 0

export async function countInvocation<T>(work: () => Promise<T>): Promise<T> {
  running += 1
  try {
    return await work()
  } finally {
    running -= 1
  }
}

/** Resolves when no invocation is running and the last response has had time to be sent, or after `limitMs`. */
export async function invocationsEnded(limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs
  let idleSince = Number.POSITIVE_INFINITY
  while (performance.now() < deadline && !(performance.now() - idleSince >= SENDING_MS)) {
    await sleep(LOOK_MS)
    idleSince = running === 0 ? Math.min(idleSince, performance.now()) : Number.POSITIVE_INFINITY
  }
}

import { setTimeout as sleep } from 'node:timers/promises'

/** The invocations that this process is carrying out, so that its end can wait for them. */
const LOOK_MS = 20
/** The runtime's worker converts and sends an answer after its function has returned, and tells nobody. */
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

/** Resolves when none is running any more and the last answer had time to leave, at the latest after `limitMs`. */
export async function invocationsEnded(limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs
  let idleSince = Number.POSITIVE_INFINITY
  while (performance.now() < deadline && !(performance.now() - idleSince >= SENDING_MS)) {
    await sleep(LOOK_MS)
    idleSince = running === 0 ? Math.min(idleSince, performance.now()) : Number.POSITIVE_INFINITY
  }
}

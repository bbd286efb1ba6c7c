import { laneOf } from '../scenarios.ts'
import { withConnections, type RequestToSend } from '../sending/connections.ts'
import { fire } from '../sending/fire.ts'
import { cpuMicroseconds, maxResidentMiB } from '../machine.ts'
import type { VersusTask } from '../options.ts'
import { createRequests } from '../requests.ts'
import { Tally } from '../sending/tally.ts'
import type { Target } from '../target.ts'
import type { Storing } from './programs.ts'

type Load = Pick<VersusTask, 'seconds' | 'connections'> &
  Partial<Pick<VersusTask, 'rate' | 'burst'>> & { readonly next?: () => RequestToSend; readonly signal: AbortSignal }

const WARM_UP_SECONDS = 2

/** Places orders in a closed loop, or at a rate that all connections share. */
export async function load(target: Target, { seconds, connections, signal, rate, burst = false, next }: Load) {
  const requests = createRequests(1)
  const tally = new Tally('place-order')
  const began = performance.now()
  return withConnections(target.url, async (free) => {
    await fire({
      target,
      lane: laneOf('place-order', { connections, rate, burst }),
      seconds,
      next: next ?? (() => requests.next('place-order')),
      onAnswer: () => undefined,
      tally,
      connections: free,
      now: () => performance.now() - began,
      signal,
    })
    return { tally, elapsedSeconds: (performance.now() - began) / 1000 }
  })
}

/**
 * Warms the target up, puts it under load, and waits until all orders are stored, if the target stores orders. CPU is
 * in microseconds per accepted order, and includes the work until the last order is stored. CPU and memory are
 * undefined without /proc.
 */
export async function measureLoad(target: Target, options: Load, storing?: Storing) {
  const { signal } = options
  const warm = await load(target, { ...options, seconds: WARM_UP_SECONDS, rate: undefined, burst: false })
  await storing?.settle(target, warm.tally.succeeded, signal)
  const storedBefore = await storing?.stored(target)
  const cpuBefore = cpuMicroseconds(target.pid)
  const { tally, elapsedSeconds } = await load(target, options)
  const settling = performance.now()
  const storedMeanwhile = await storing?.stored(target)
  const storedWithin = elapsedSeconds + (performance.now() - settling) / 1000
  await storing?.settle(target, warm.tally.succeeded + tally.succeeded, signal)
  const settleSeconds = (performance.now() - settling) / 1000
  return {
    tally,
    elapsedSeconds,
    settleSeconds,
    storedPerSecond: per(storedWithin, storedBefore, storedMeanwhile),
    cpuMicroseconds: per(tally.succeeded, cpuBefore, cpuMicroseconds(target.pid)),
    maxResidentMiB: maxResidentMiB(target.pid),
  }
}

function per(divisor: number, before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : (after - before) / divisor
}

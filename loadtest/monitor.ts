import type { PipelineStatus } from '../shared/application/operations/status.ts'
import { pause } from '../shared/threads/waiting.ts'
import { residentMiB } from './machine.ts'
import type { PipelineSecond } from './outcome/result.ts'
import { ask, TargetError, type Target } from './target.ts'

const EVERY_MS = 1000

/** Samples the product once a second while it is under load. */
export function startMonitor(target: Target, now: () => number, onSecond: (lag: number | undefined) => void) {
  const seconds: PipelineSecond[] = []
  let maxResidentMiB = 0
  const stopping = new AbortController()
  const running = run()

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const resident = residentMiB(target.pid)
      maxResidentMiB = Math.max(maxResidentMiB, resident ?? 0)
      const second = now() / 1000
      const orders = target.key === undefined ? undefined : await readOrders(target)
      if (orders !== undefined) {
        const { lag, records, stored } = orders
        seconds.push({ second, lag, records, stored, residentMiB: resident ?? null })
      }
      onSecond(orders?.lag)
      await pause(EVERY_MS, stopping.signal)
    }
  }

  return {
    seconds,
    get maxResidentMiB() {
      return maxResidentMiB
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** Undefined if the product is unavailable, as in an outage; the charts then omit that second. */
async function readOrders(target: Target): Promise<PipelineStatus['orders'] | undefined> {
  try {
    const { status, body } = await ask(target, '/api/ops/status')
    return status === 200 ? (body as PipelineStatus).orders : undefined
  } catch (error) {
    if (error instanceof TargetError) return undefined
    throw error
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { LedgerVerdict } from '../../../shared/application/ledger/ledger.ts'
import type { OrderTraffic } from '../orders/order-traffic.ts'

/** The time from each fault until orders were accepted again and all records in the log were stored. */
export interface RecoveryTimes {
  /** Starts measuring in the background. */
  after(fault: string): void
  /** Resolves when the product has recovered from every fault so far. */
  done(): Promise<void>
  /** A printable table with a row for each kind of fault. */
  table(): string
}

export interface RecoveryOptions {
  readonly traffic: Pick<OrderTraffic, 'accepted'>
  /** Rejects while no host answers. */
  readonly ledger: () => Promise<LedgerVerdict>
}

interface Recovery {
  readonly acceptedMs: number
  readonly storedMs: number
}

const LOOK_EVERY_MS = 50

export function createRecoveryTimes({ traffic, ledger }: RecoveryOptions): RecoveryTimes {
  const found = new Map<string, Recovery[]>()
  const measuring: Promise<void>[] = []

  async function measure(fault: string): Promise<void> {
    const begun = performance.now()
    const since = () => performance.now() - begun
    const before = traffic.accepted.size
    while (traffic.accepted.size === before) await sleep(LOOK_EVERY_MS)
    const acceptedMs = since()
    const ends = (await asked()).partitions.map(({ end }) => end)
    while (!(await asked()).partitions.every(({ next }, partition) => next >= (ends[partition] ?? 0))) {
      await sleep(LOOK_EVERY_MS)
    }
    found.set(fault, [...(found.get(fault) ?? []), { acceptedMs, storedMs: since() }])
  }

  /** Asks again until a host answers, because the host that was asked may have been killed. */
  async function asked(): Promise<LedgerVerdict> {
    for (;;) {
      const [answer] = await Promise.allSettled([ledger()])
      if (answer.status === 'fulfilled') return answer.value
      await sleep(LOOK_EVERY_MS)
    }
  }

  return {
    after: (fault) => void measuring.push(measure(fault)),
    async done() {
      await Promise.all(measuring)
    },
    table() {
      const lines = [...found].map(([fault, times]) => {
        const accepted = spread(times.map(({ acceptedMs }) => acceptedMs))
        const stored = spread(times.map(({ storedMs }) => storedMs))
        return `${fault.padEnd(28)} ${String(times.length).padStart(4)}  ${accepted}  ${stored}`
      })
      const head = `${'fault'.padEnd(28)} times  accepting again: median, worst  all stored: median, worst`
      return [head, ...lines].join('\n')
    },
  }
}

function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const seconds = (ms = 0) => `${(ms / 1000).toFixed(1)} s`.padStart(8)
  return `${seconds(sorted[Math.floor(sorted.length / 2)])} ${seconds(sorted.at(-1))}`
}

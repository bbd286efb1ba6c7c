import type { OrderView } from '../shared/domain/order-view.ts'
import type { ProcessCost } from './machine.ts'
import type { RequestFigures, StoredFigures } from './result.ts'
import type { Plan, RequestKind } from './scenarios.ts'
import { distributionOf, round, Samples, summarize } from './statistics.ts'
import type { Tally } from './tally.ts'

/** How the figures came about; part of every result, so that nobody has to guess. */
export const METHOD: readonly string[] = [
  'autocannon sends the requests from one thread of this machine. It holds a rate by sending, at the start of each second, as many requests on each connection as the rate asks for, one after the other; in "spread" phases ten groups of connections start a tenth of a second apart.',
  'Where a rate is held, latencies are corrected for coordinated omission: while a connection waited longer than its interval, the requests that were due are counted with the time that they would have taken (HdrHistogram’s way, with the connection’s real interval). Without a rate nothing is corrected: each connection waits for its answer.',
  'Latency is of answers with 2xx, and of requests that timed out, which count with the limit of 10 s. Refusals and broken connections are counted apart.',
  'Percentiles are exact (nearest rank). The warm-up counts in the verdict, which the ledger gives for everything, and in no other figure.',
  'From accepted to stored is storedAt − acceptedAt of a sample spread over the run, by the clocks of the product.',
  'CPU is that of the product’s process until the last order was stored, divided by the answered requests.',
]

export function requestFigures(
  tallies: ReadonlyMap<RequestKind, Tally>,
  { phases }: Plan,
  elapsedSeconds: number,
): RequestFigures[] {
  // Where a rate is held, the last answers come after its time: the plan says for how long it was held.
  const isRated = phases.every(({ lanes }) => lanes.every(({ rate }) => rate !== undefined))
  const seconds = isRated ? phases.reduce((sum, phase) => sum + phase.seconds, 0) : elapsedSeconds
  return [...tallies].map(([kind, tally]) => {
    const { sent, succeeded, refused, timeouts, errors, statuses, latencies } = tally
    return {
      kind,
      sent,
      succeeded,
      refused,
      timeouts,
      errors,
      unanswered: Math.max(0, sent - succeeded - refused - timeouts - errors),
      statuses: Object.fromEntries(statuses),
      perSecond: round(succeeded / seconds),
      latency: latencies.corrected(),
      observed: latencies.observed().summary,
      omitted: latencies.omitted,
    }
  })
}

/** Undefined when none was stored. */
export function storedFigures(orders: readonly OrderView[], startedAt: Date): StoredFigures | undefined {
  const all = new Samples()
  const bySecond = new Map<number, Samples>()
  for (const { acceptedAt, storedAt } of orders) {
    if (acceptedAt === undefined || storedAt === undefined) continue
    const accepted = Date.parse(acceptedAt)
    const second = Math.floor((accepted - startedAt.getTime()) / 1000)
    // Of the warm-up.
    if (second < 0) continue
    const took = Date.parse(storedAt) - accepted
    all.add(took)
    const those = bySecond.get(second) ?? new Samples()
    bySecond.set(second, those)
    those.add(took)
  }
  const sorted = all.toSorted()
  const summary = summarize(sorted)
  if (summary === undefined) return undefined
  const timeline = [...bySecond]
    .toSorted(([one], [other]) => one - other)
    .map(([second, samples]) => {
      const of = summarize(samples.toSorted())
      return { second, p50: of?.p50 ?? 0, max: of?.max ?? 0 }
    })
  return { summary, distribution: distributionOf(sorted), timeline }
}

/** Undefined when the product's process could not be watched. */
export function costFigures(
  cpuBefore: number | undefined,
  cpuAfter: number | undefined,
  maxResidentMiB: number,
  tallies: ReadonlyMap<RequestKind, Tally>,
): ProcessCost | undefined {
  if (cpuBefore === undefined || cpuAfter === undefined) return undefined
  const succeeded = [...tallies.values()].reduce((sum, tally) => sum + tally.succeeded, 0)
  if (succeeded === 0) return undefined
  const cpu = cpuAfter - cpuBefore
  return {
    cpuSeconds: round(cpu / 1e6),
    cpuMicrosecondsPerRequest: Math.round(cpu / succeeded),
    maxResidentMiB,
  }
}

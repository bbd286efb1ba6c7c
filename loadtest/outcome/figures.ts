import type { OrderView } from '../../shared/domain/order-view.ts'
import type { ProcessCost } from '../machine.ts'
import type { RequestFigures, StoredFigures } from './result.ts'
import { type Plan } from '../scenarios.ts'
import { arrivalsOf, type Arrivals, type RequestKind } from '../plan.ts'
import { round, summarize } from '../statistics.ts'
import { figuresOf } from '../sending/latencies.ts'
import type { Tally } from '../sending/tally.ts'

/** How requests were sent, and the moment from which their latency was measured. */
const SENDING: Readonly<Record<Arrivals, string>> = {
  even: 'Requests are due at even intervals, whatever the outcome of earlier ones (an open model), and are sent by undici from one thread of this machine. Latency is measured from when a request was due, or from when it was sent if that was up to a millisecond earlier. A request that is due while every connection is waiting for an answer is sent as soon as a connection is free, so no request is left out of the figures because the server was slow (coordinated omission).',
  burst:
    'autocannon sends the requests from one thread of this machine: at the start of each second, each connection sends as many as the rate requires, one after the other. Latency is measured from when a request was sent. If a connection waited longer than its interval, the requests that were due meanwhile are counted with the latency that they would have had if they had been sent on time (HdrHistogram’s correction for coordinated omission, with the connection’s real interval). A stall of the server between two bursts does not show.',
  'closed-loop':
    'autocannon sends the requests from one thread of this machine: each connection sends the next one when it has its answer. Latency is measured from when a request was sent, and nothing is corrected.',
}

/** Describes how the figures were measured. Every result includes it. */
export const methodOf = (plan: Pick<Plan, 'phases'>): readonly string[] => [
  SENDING[arrivalsOf(plan)],
  'Latency is measured for 2xx responses, for 409 responses to changes to cancelled orders, and for requests that timed out, which count as 10 s. Other refusals and broken connections are counted separately.',
  'Percentiles are exact (nearest rank). The warm-up counts only towards the verdict, because the ledger cannot leave it out.',
  'The time from accepted to stored is storedAt − acceptedAt, by the product’s clocks, for a sample of orders spread over the run.',
  'CPU is the CPU time of the product’s process until the last order was stored, divided by the answered requests.',
]

export function requestFigures(
  tallies: ReadonlyMap<RequestKind, Tally>,
  phases: Plan['phases'],
  elapsedSeconds: number,
): RequestFigures[] {
  // At a fixed rate, the last responses arrive after the planned time, so the duration is taken from the plan.
  const isRated = phases.every(({ lanes }) => lanes.every(({ rate }) => rate !== undefined))
  const seconds = isRated ? phases.reduce((sum, phase) => sum + phase.seconds, 0) : elapsedSeconds
  return [...tallies].map(([kind, tally]) => {
    const { sent, succeeded, refused, timeouts, unsent, errors, statuses, latencies, sentLate } = tally
    return {
      kind,
      sent,
      succeeded,
      refused,
      timeouts,
      unsent,
      errors,
      unanswered: Math.max(0, sent + unsent - succeeded - refused - timeouts - errors),
      statuses: Object.fromEntries(statuses),
      perSecond: round(succeeded / seconds),
      latency: latencies.corrected(),
      observed: latencies.observed().summary,
      omitted: latencies.omitted,
      sentLate: summarize(sentLate.toSorted()) ?? null,
    }
  })
}

/** Excludes the orders that were accepted during the warm-up. Null if no order from the run was stored. */
export function storedFigures(orders: readonly OrderView[], startedAt: Date): StoredFigures | null {
  const timings = orders.flatMap(({ acceptedAt, storedAt }) => {
    if (acceptedAt === undefined || storedAt === undefined) return []
    const accepted = Date.parse(acceptedAt)
    const from = accepted - startedAt.getTime()
    return from < 0 ? [] : [[from, Date.parse(storedAt) - accepted] as const]
  })
  const { summary, ...figures } = figuresOf(timings)
  return summary && { summary, ...figures }
}

/** Null if the product's process could not be observed. */
export function costFigures(
  cpuBefore: number | undefined,
  cpuAfter: number | undefined,
  maxResidentMiB: number,
  tallies: ReadonlyMap<RequestKind, Tally>,
): ProcessCost | null {
  if (cpuBefore === undefined || cpuAfter === undefined) return null
  const succeeded = [...tallies.values()].reduce((sum, tally) => sum + tally.succeeded, 0)
  if (succeeded === 0) return null
  const cpu = cpuAfter - cpuBefore
  return {
    cpuSeconds: round(cpu / 1e6),
    cpuMicrosecondsPerRequest: Math.round(cpu / succeeded),
    maxResidentMiB,
  }
}

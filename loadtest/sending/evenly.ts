import type { Connection, Outcome } from './connections.ts'
import { type Volley } from './volley.ts'
import { PATIENCE_MS } from '../plan.ts'

/**
 * Timers have a resolution of 1 ms, so a request may be sent up to this long before it is due. Its latency is then
 * measured from the time of sending.
 */
const EARLY_MS = 1
const LOOK_FOR_LATE_EVERY_MS = 100

/**
 * Sends requests at even intervals, whatever the outcome of earlier ones (an open model). Latency is measured from the
 * due time, so it includes any delay that a stall of the server causes. A request that is due while all connections are
 * busy is sent as soon as one is free, or abandoned once it has waited for `patienceMs`.
 */
export async function sendEvenly(volley: Volley): Promise<void> {
  const { lane, seconds, tally, now, signal, patienceMs = PATIENCE_MS } = volley
  const { rate } = lane
  if (rate === undefined) throw new TypeError('A rate is needed to send requests evenly.')
  const begun = now()
  const total = Math.floor(rate * seconds)
  const dueAt = (index: number) => begun + ((index + 0.5) * 1000) / rate
  const all = volley.connections.take(lane.connections)
  const idle = [...all]
  const givenUpAt = new Map<Connection, number>()
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  let nextToSend = 0
  let over = false
  let timer: NodeJS.Timeout | undefined

  /** An error in a callback ends the volley, not the process. */
  const guarded = (act: () => void) => () => {
    try {
      act()
    } catch (error) {
      reject(error)
    }
  }

  const sendDue = guarded(() => {
    clearTimeout(timer)
    while (nextToSend < total && dueAt(nextToSend) - EARLY_MS <= now()) {
      const due = dueAt(nextToSend)
      if (due + patienceMs <= now()) {
        tally.neverSent({ atMs: due + patienceMs, tookMs: patienceMs, waitedMs: patienceMs })
        nextToSend += 1
        continue
      }
      const connection = idle.shift()
      if (connection === undefined) return
      nextToSend += 1
      send(connection, due)
    }
    if (nextToSend < total) timer = setTimeout(sendDue, Math.max(0, dueAt(nextToSend) - EARLY_MS - now()))
    else if (idle.length === all.length) resolve()
  })

  /** The connections take turns, so that all of them are in use. */
  function send(connection: Connection, due: number): void {
    const sentAt = now()
    const from = Math.min(due, sentAt)
    const waitedMs = sentAt - from
    tally.sent += 1
    tally.sentLate.add(waitedMs)
    givenUpAt.set(connection, due + patienceMs)
    connection.send(volley.next(), (outcome) => {
      givenUpAt.delete(connection)
      idle.push(connection)
      if (over) return
      guarded(() => count(outcome, from, waitedMs))()
      sendDue()
    })
  }

  function count(outcome: Outcome, from: number, waitedMs: number): void {
    const atMs = now()
    if ('status' in outcome) {
      tally.answered(outcome.status, { atMs, tookMs: atMs - from, waitedMs })
      volley.onAnswer(outcome.status, outcome.body)
    } else if (outcome.error instanceof LostPatience) {
      tally.timedOut({ atMs: from + patienceMs, tookMs: patienceMs, waitedMs })
    } else {
      tally.errors += 1
    }
  }

  const giveUpLate = guarded(() => {
    for (const [connection, at] of givenUpAt) if (at <= now()) connection.abort(new LostPatience())
    sendDue()
  })

  const looking = setInterval(giveUpLate, LOOK_FOR_LATE_EVERY_MS)
  const stop = () => resolve()
  signal.addEventListener('abort', stop)
  try {
    if (signal.aborted) return
    sendDue()
    await ended
  } finally {
    over = true
    clearTimeout(timer)
    clearInterval(looking)
    signal.removeEventListener('abort', stop)
    for (const connection of givenUpAt.keys()) connection.abort(new Error('The run is over.'))
    volley.connections.giveBack(all)
  }
}

class LostPatience extends Error {
  override readonly name = 'LostPatience'
}

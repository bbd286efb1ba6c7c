import autocannon from 'autocannon'
import type { Lane } from '../plan.ts'
import { type Volley } from './volley.ts'
import { PATIENCE_MS } from '../plan.ts'
import { pause } from '../../shared/threads/waiting.ts'

/**
 * autocannon sends at the start of each second and checks only once a second whether to stop, so it would start another
 * burst and then cut it off. It is therefore stopped shortly before the end of the last second, and configured to check
 * more often.
 */
const STOP_EARLY_MS = 100
const LOOK_EVERY_MS = 50

/** Connections of a lane that all send at the same rate. */
export interface Group {
  readonly connections: number
  /**
   * Requests per second on each connection. Undefined if each request is sent as soon as the previous one has been
   * answered.
   */
  readonly rate: number | undefined
}

/** Sends in a closed loop or, if there is a rate, in bursts at the start of each second. */
export async function fireAutocannon(volley: Volley): Promise<void> {
  await Promise.all(groupsOf(volley.lane).map((group) => fireGroup(volley, group)))
}

/**
 * autocannon's rates are integers per connection, so the connections that send one more request form a second group.
 */
export function groupsOf({ connections, rate }: Pick<Lane, 'connections' | 'rate'>): Group[] {
  if (rate === undefined) return [{ connections, rate }]
  // A connection sends at least one request a second, so at a low rate some connections stay unused.
  const sending = Math.min(connections, rate)
  const [own, more] = [Math.floor(rate / sending), rate % sending]
  const groups = [
    { connections: more, rate: own + 1 },
    { connections: sending - more, rate: own },
  ]
  return groups.filter((group) => group.connections > 0)
}

async function fireGroup(volley: Volley, { connections, rate }: Group): Promise<void> {
  const { target, seconds, tally, now, signal, patienceMs = PATIENCE_MS } = volley
  if (signal.aborted) return

  const intervalMs = rate === undefined ? 0 : 1000 / rate
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  const options: autocannon.Options = {
    url: target.url,
    connections,
    // Never reached, because `stop` ends the run.
    duration: seconds + 3600,
    sampleInt: LOOK_EVERY_MS,
    timeout: patienceMs / 1000,
    // autocannon's own correction assumes an interval of 1 ms at every rate. Our correction uses the real interval.
    ...(rate !== undefined && { connectionRate: rate, ignoreCoordinatedOmission: true }),
    requests: [
      {
        setupRequest: (request) => {
          tally.sent += 1
          const { headers, ...next } = volley.next()
          // The headers are copied, because autocannon writes the body's length into them.
          return { ...request, ...next, headers: { ...headers } }
        },
        onResponse: (status, body) => volley.onAnswer(status, body),
      },
    ],
  }
  const instance = autocannon(options, (error: unknown) => (error ? reject(error) : resolve()))
  instance.on('response', (_client, status, _bytes, tookMs) => {
    tally.answered(status, { atMs: now(), tookMs, intervalMs })
  })
  instance.on('reqError', (error: Error) => {
    if (error.message === 'request timed out') tally.timedOut({ atMs: now(), tookMs: patienceMs, intervalMs })
    else tally.errors += 1
  })

  await pause(seconds * 1000 - (rate === undefined ? 0 : STOP_EARLY_MS), signal)
  instance.stop()
  await ended
}

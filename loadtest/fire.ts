import autocannon from 'autocannon'
import { pause } from './pause.ts'
import type { Lane } from './scenarios.ts'
import type { Tally } from './tally.ts'

/** A request as it is sent, made at the moment of sending. */
export interface RequestToSend {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Volley {
  readonly url: string
  readonly lane: Lane
  readonly seconds: number
  readonly next: () => RequestToSend
  /** Told of every answer. */
  readonly onAnswer: (status: number, body: string) => void
  readonly tally: Tally
  /** Milliseconds since the run began. */
  readonly now: () => number
  readonly signal: AbortSignal
}

const TIMEOUT_SECONDS = 10
const SPREAD_OVER = 10
/**
 * autocannon sends at the start of each second and looks only once a second whether it is time to stop: it would send
 * one burst more and cut it off. So it is told to stop before the last second is over, and looks often.
 */
const STOP_EARLY_MS = 100
const LOOK_EVERY_MS = 50

/** Connections of one lane that send at the same pace, at the same time of the second. */
export interface Group {
  readonly connections: number
  /** Requests a second of each connection. */
  readonly rate: number | undefined
  readonly delayMs: number
}

/** Resolves when the lane's time is over. Rejects for a request that autocannon refuses to send. */
export async function fire(volley: Volley): Promise<void> {
  await Promise.all(groupsOf(volley.lane).map((group) => fireGroup(volley, group)))
}

/** autocannon's rates are whole numbers for each connection: whoever has one request more a second is a group. */
export function groupsOf({ connections, rate, arrivals }: Lane): Group[] {
  if (rate === undefined) return [{ connections, rate, delayMs: 0 }]
  const groups = new Map<string, Group>()
  // A connection cannot send less than once a second.
  const sending = Math.min(connections, rate)
  const moments = arrivals === 'spread' ? SPREAD_OVER : 1
  for (let index = 0; index < sending; index += 1) {
    const own = Math.floor(rate / sending) + (index < rate % sending ? 1 : 0)
    const delayMs = (index % moments) * (1000 / SPREAD_OVER)
    const name = `${own} ${delayMs}`
    groups.set(name, { connections: (groups.get(name)?.connections ?? 0) + 1, rate: own, delayMs })
  }
  return [...groups.values()]
}

async function fireGroup(volley: Volley, { connections, rate, delayMs }: Group): Promise<void> {
  const { url, seconds, tally, now, signal } = volley
  await pause(delayMs, signal)
  if (signal.aborted) return

  const intervalMs = rate === undefined ? 0 : 1000 / rate
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  const options: autocannon.Options = {
    url,
    connections,
    // Never reached: `stop` ends it.
    duration: seconds + 3600,
    sampleInt: LOOK_EVERY_MS,
    timeout: TIMEOUT_SECONDS,
    // Its own correction takes 1 ms for the interval of every rate; ours takes the real one.
    ...(rate !== undefined && { connectionRate: rate, ignoreCoordinatedOmission: true }),
    requests: [
      {
        setupRequest: (request) => {
          tally.sent += 1
          return { ...request, ...volley.next() }
        },
        onResponse: (status, body) => volley.onAnswer(status, body),
      },
    ],
  }
  const instance = autocannon(options, (error: unknown) => (error ? reject(error) : resolve()))
  instance.on('response', (_client, status, _bytes, tookMs) => tally.answered(status, now(), tookMs, intervalMs))
  instance.on('reqError', (error: Error) => {
    if (error.message === 'request timed out') tally.timedOut(now(), TIMEOUT_SECONDS * 1000, intervalMs)
    else tally.errors += 1
  })

  await pause(seconds * 1000 - (rate === undefined ? 0 : STOP_EARLY_MS), signal)
  instance.stop()
  await ended
}

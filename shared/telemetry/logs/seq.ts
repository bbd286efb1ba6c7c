import { hostname } from 'node:os'
import { jitteredMs } from '../../threads/waiting.ts'

export type SeqStream = ReturnType<typeof createSeqStream>

export interface SeqOptions {
  /** Seq's address, optionally with an API key as `?apiKey=`. */
  readonly url: string
  /** Called once when Seq stops accepting lines, which then wait. */
  readonly onAway: (error: unknown) => void
  /** Called once, with the status, when Seq rejects lines for good. Rejected lines are lost. */
  readonly onRejected: (status: number) => void
  /** Called with the number of lost lines when Seq accepts lines again. */
  readonly onBack: (lost: number) => void
}

/** Lines beyond these limits are dropped and counted, so that a Seq outage does not exhaust memory. */
const MAX_LINES = 10_000
const MAX_BYTES = 8 * 1024 * 1024
const BATCH_LINES = 500
const GATHER_MS = 500
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 30_000
const REQUEST_MS = 10_000
const CLOSE_MS = 2000

/**
 * Creates a stream for pino that sends log lines to Seq's ingestion API (CLEF over HTTP), in batches, in order. The
 * official client is not used, because it keeps unsent lines without a limit and gives up as soon as a connection is
 * refused.
 */
export function createSeqStream({ url, onAway, onRejected, onBack }: SeqOptions) {
  const { endpoint, headers } = target(url)
  const waiting: string[] = []
  let bytes = 0
  let lost = 0
  let failures = 0
  let isAway = false
  let isRejecting = false
  let timer: NodeJS.Timeout | undefined
  let sending: Promise<void> | undefined
  let closed = false
  const ending = new AbortController()

  /** Accepts one JSON line. Never blocks and never throws. */
  function write(line: string): void {
    if (closed || waiting.length >= MAX_LINES || bytes + line.length > MAX_BYTES) {
      lost += 1
      return
    }
    const event = toClef(line)
    waiting.push(event)
    bytes += event.length
    if (sending === undefined) schedule(GATHER_MS)
  }

  function schedule(delayMs: number): void {
    // `unref`, so that the timer does not keep the process alive.
    timer ??= setTimeout(() => {
      timer = undefined
      sending = send().finally(() => {
        sending = undefined
        if (waiting.length > 0 && !closed) schedule(pauseMs())
      })
    }, delayMs).unref()
  }

  function pauseMs(): number {
    if (failures === 0) return waiting.length >= BATCH_LINES ? 0 : GATHER_MS
    return jitteredMs(failures, FIRST_PAUSE_MS, LONGEST_PAUSE_MS)
  }

  /** Sends one batch. Lines that could not be sent stay in the queue. Lines that Seq rejects for good are lost. */
  async function send(): Promise<void> {
    const batch = waiting.slice(0, BATCH_LINES)
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(REQUEST_MS)])
    let status: number
    try {
      const response = await fetch(endpoint, { method: 'POST', headers, body: batch.join('\n'), signal })
      await response.arrayBuffer()
      if (isTemporary(response.status)) throw new Error(`Seq answered ${response.status}.`)
      status = response.status
    } catch (error) {
      failures += 1
      if (!isAway) onAway(error)
      isAway = true
      return
    }
    failures = 0
    waiting.splice(0, batch.length)
    for (const event of batch) bytes -= event.length
    if (status >= 200 && status < 300) accepted()
    else rejected(status, batch.length)
  }

  function accepted(): void {
    const count = lost
    const isNews = isAway || isRejecting || count > 0
    isAway = false
    isRejecting = false
    lost = 0
    if (isNews) onBack(count)
  }

  /** The caller may log a line about this, which Seq rejects too. Without `isRejecting`, that would go on for ever. */
  function rejected(status: number, lines: number): void {
    lost += lines
    const isNews = !isRejecting
    isRejecting = true
    if (isNews) onRejected(status)
  }

  return {
    write,
    /** Flushes the remaining lines, for at most two seconds. */
    async close(): Promise<void> {
      closed = true
      clearTimeout(timer)
      const limit = setTimeout(() => ending.abort(), CLOSE_MS)
      await sending
      failures = 0
      while (waiting.length > 0 && failures === 0) await send()
      clearTimeout(limit)
    },
  }
}

/** The ingestion endpoint that all Seq versions have. The API key goes into a header, because proxies log URLs. */
function target(url: string): { endpoint: URL; headers: Record<string, string> } {
  const given = new URL(url)
  const apiKey = given.searchParams.get('apiKey')
  const endpoint = new URL(`${given.pathname.replace(/\/$/, '')}/api/events/raw?clef`, given)
  const type = { 'content-type': 'application/vnd.serilog.clef' }
  return { endpoint, headers: apiKey === null ? type : { ...type, 'x-seq-apikey': apiKey } }
}

function isTemporary(status: number): boolean {
  return status >= 500 || status === 408 || status === 429
}

const LEVELS: Readonly<Record<string, string>> = {
  trace: 'Verbose',
  debug: 'Debug',
  info: 'Information',
  warn: 'Warning',
  error: 'Error',
  fatal: 'Fatal',
}

interface Line extends Record<string, unknown> {
  readonly time: string
  readonly level: string
  readonly msg?: string
  readonly traceId?: string
  readonly err?: { readonly stack?: string }
}

/** Converts a line to Compact Log Event Format (clef-json.org), in which predefined field names begin with @. */
function toClef(line: string): string {
  const { time, level, msg, traceId, err, ...properties } = JSON.parse(line) as Line
  return JSON.stringify({
    '@t': time,
    '@l': LEVELS[level] ?? level,
    '@m': msg ?? '',
    '@x': err?.stack,
    '@tr': traceId,
    service: 'order-event-processing',
    instance: INSTANCE,
    err: err === undefined ? undefined : { ...err, stack: undefined },
    ...properties,
  })
}

const INSTANCE = `${hostname()}:${process.pid}`

import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Connections } from '../../../loadtest/sending/connections.ts'
import { fire } from '../../../loadtest/sending/fire.ts'
import { Tally } from '../../../loadtest/sending/tally.ts'

async function serverOf(answer: RequestListener): Promise<{ url: string; sockets: Set<Socket> }> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets }
}

async function stoppingServer(stopAtRequest: number, stopMs: number): Promise<string> {
  const worker = new Worker(new URL('../../support/product/stopping-server.ts', import.meta.url), {
    workerData: { stopAtRequest, stopMs },
  })
  onTestFinished(async () => void (await worker.terminate()))
  const [port] = (await once(worker, 'message')) as [number]
  return `http://127.0.0.1:${port}`
}

const HEADERS = { 'content-type': 'application/json' }

interface Sending {
  readonly arrivals?: 'even' | 'burst' | 'closed-loop'
  readonly body?: string
  readonly connections: number
  readonly key?: string
  readonly rate: number
  readonly seconds?: number
  readonly patienceMs?: number
  readonly signal?: AbortSignal
  readonly onAnswer?: (status: number, body: string) => void
}

async function send(url: string, sending: Sending): Promise<Tally> {
  const { arrivals = 'even', body = '{}', connections: count, key, rate, seconds = 1, ...others } = sending
  await using connections = new Connections(url)
  const tally = new Tally('place-order')
  const began = performance.now()
  await fire({
    target: { url, key },
    lane: { kind: 'place-order', connections: count, rate, arrivals },
    seconds,
    next: () => ({ method: 'POST', path: '/api/orders', headers: HEADERS, body }),
    onAnswer: () => undefined,
    tally,
    connections,
    now: () => performance.now() - began,
    signal: new AbortController().signal,
    ...others,
  })
  return tally
}

const accepted: RequestListener = (request, response) => {
  request.resume()
  response.writeHead(202).end('{}')
}

describe.each(['even', 'burst'] as const)('requests sent with arrivals %s', (arrivals) => {
  it.each(['plain-key', 'clé'])('carry the key %s in UTF-8', async (key) => {
    const keys: unknown[] = []
    const { url } = await serverOf((request, response) => {
      keys.push(Buffer.from(String(request.headers['x-functions-key']), 'latin1').toString())
      accepted(request, response)
    })
    expect(await send(url, { connections: 2, rate: 2, arrivals, key })).toMatchObject({ succeeded: 2 })
    expect(keys).toEqual([key, key])
  })

  it('carry no key if there is none', async () => {
    const keys: unknown[] = []
    const { url } = await serverOf((request, response) => {
      keys.push(request.headers['x-functions-key'])
      accepted(request, response)
    })
    await send(url, { connections: 2, rate: 2, arrivals })
    expect(keys).toEqual([undefined, undefined])
  })
})

describe('requests that are sent evenly', () => {
  it('show a stop of 0.6 s in every request that was due meanwhile, even with only two connections', async () => {
    const tally = await send(await stoppingServer(40, 600), { connections: 2, rate: 50, seconds: 2 })
    expect(tally).toMatchObject({ sent: 100, succeeded: 100, timeouts: 0, errors: 0 })
    const { summary } = tally.latencies.corrected()
    // Request 40 was being answered; the next one was due 20 ms later at the earliest.
    expect(summary?.max).toBeGreaterThanOrEqual(599)
    expect(summary?.p99).toBeGreaterThanOrEqual(575)
    // Thirty requests were due during the server's pause, half of them in its first half.
    const late = tally.latencies.latest(100).filter((tookMs) => tookMs >= 290)
    expect(late.length).toBeGreaterThanOrEqual(14)
    // All but the two in flight waited for a connection.
    expect(tally.sentLate.toSorted().filter((waitedMs) => waitedMs >= 290).length).toBeGreaterThanOrEqual(12)
  })

  it('match the rate, on all connections in turn', async () => {
    const { url, sockets } = await serverOf(accepted)
    const tally = await send(url, { connections: 10, rate: 40, seconds: 2 })
    expect(tally).toMatchObject({ sent: 80, succeeded: 80 })
    // There are more if the machine paused for so long that connections were closed.
    expect(sockets.size).toBeGreaterThanOrEqual(10)
  })

  it('are given up when no answer comes, including those without a connection', async () => {
    const { url } = await serverOf((request) => void request.resume())
    const tally = await send(url, { connections: 1, rate: 200, patienceMs: 300 })
    expect(tally).toMatchObject({ succeeded: 0, timeouts: 200, errors: 0 })
    expect(tally.unsent).toBeGreaterThan(0)
    expect(tally.sent + tally.unsent).toBe(200)
    expect(tally.latencies.corrected().summary).toMatchObject({ count: 200, min: 300, max: 300 })
  })

  it('count a broken connection as an error, and continue with another', async () => {
    let requests = 0
    const { url } = await serverOf((request, response) => {
      requests += 1
      if (requests % 4 === 0) request.socket.destroy()
      else accepted(request, response)
    })
    const tally = await send(url, { connections: 3, rate: 20 })
    expect(tally).toMatchObject({ sent: 20, succeeded: 15, errors: 5, timeouts: 0 })
  })

  it('stay intact after a burst, whose sender leaves the headers as they were', async () => {
    const { url } = await serverOf(accepted)
    await send(url, { connections: 2, rate: 2, arrivals: 'burst', body: '{"longer":true}' })
    expect(HEADERS).toEqual({ 'content-type': 'application/json' })
    expect(await send(url, { connections: 2, rate: 4 })).toMatchObject({ succeeded: 4, errors: 0 })
  })

  it('stop at once on request', async () => {
    const { url } = await serverOf((request) => void request.resume())
    const stopping = new AbortController()
    const sending = send(url, { connections: 2, rate: 20, seconds: 3600, signal: stopping.signal })
    setTimeout(() => stopping.abort(), 200)
    const tally = await sending
    expect(tally).toMatchObject({ succeeded: 0, timeouts: 0, errors: 0 })
  })

  it('fail when an answer cannot be parsed, instead of counting it', async () => {
    const { url } = await serverOf(accepted)
    const onAnswer = () => {
      throw new SyntaxError('no JSON')
    }
    await expect(send(url, { connections: 2, rate: 20, onAnswer })).rejects.toThrow('no JSON')
  })
})

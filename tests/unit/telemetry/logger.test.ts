import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { HttpRequest, InvocationContext } from '@azure/functions'
import { afterEach, describe, expect, test } from 'vitest'
import { OrderError } from '../../../shared/domain/errors.ts'
import { FORGOTTEN } from '../../../shared/domain/forgetting/forgotten-data.ts'
import { createLogger, openLogging } from '../../../shared/telemetry/logs/logger.ts'
import { createPipelineEmitter } from '../../../shared/messaging/pipeline-events.ts'
import { functionsLog } from '../../../shared/telemetry/logs/functions-log.ts'
import { withinInvocation } from '../../../shared/telemetry/logs/invocation-scope.ts'
import { logPipeline } from '../../../shared/telemetry/logs/pipeline-log.ts'
import { createSeqStream, type SeqStream } from '../../../shared/telemetry/logs/seq.ts'
import { storeIsBusy } from '../../support/fakes.ts'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'

type Line = Record<string, unknown>

function recordingLogger(level: 'debug' | 'info' = 'debug') {
  const written: string[] = []
  const logger = createLogger(level, { write: (line) => void written.push(line) })
  return { logger, written, lines: () => written.map((line) => JSON.parse(line) as Line) }
}

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const FACT = {
  orderId: '01900000-0000-7000-8000-000000000000',
  traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01`,
  origin: { topic: 'orders', partition: 1, offset: 7 },
  attempt: 1,
  cause: { code: 'store-busy', detail: 'The store was busy.' },
}

describe('the log', () => {
  test('has a line for a retried order, and one for a dead-lettered order, with its ids', () => {
    const { logger, lines } = recordingLogger('info')
    const events = createPipelineEmitter()
    logPipeline(events, logger)
    const error = storeIsBusy()
    events.emit('delivery:retried', { ...FACT, tier: 1, notBefore: Date.UTC(2026, 0, 1), error })
    events.emit('delivery:dead-lettered', { ...FACT, error })
    const whose = { orderId: FACT.orderId, traceId: TRACE_ID, origin: FACT.origin, cause: FACT.cause }
    expect(lines()).toMatchObject([
      { event: 'delivery:retried', level: 'warn', notBefore: '2026-01-01T00:00:00.000Z', tier: 1, ...whose },
      { event: 'delivery:dead-lettered', level: 'error', err: { code: 'store-busy' }, ...whose },
    ])
  })

  test('has the stack of a failure once for each delivery, and the positions of the others', () => {
    const fail = (level: 'debug' | 'info') => {
      const { logger, lines } = recordingLogger(level)
      const events = createPipelineEmitter()
      logPipeline(events, logger)
      const error = new TypeError('a bug', { cause: storeIsBusy() })
      for (const attempt of [1, 2, 3])
        events.emit('attempt:failed', { ...FACT, topic: 'orders', records: 1, attempt, error })
      events.emit('delivery:retried', { ...FACT, tier: 1, notBefore: 0, error })
      return lines().map(({ err }) => err as Record<string, string>)
    }
    const [first, ...others] = fail('info')
    expect(first).toMatchObject({ type: 'TypeError', at: expect.stringMatching(/logger\.test\.ts:\d+:\d+/) })
    expect(first?.['message']).toMatch(/^a bug: /)
    expect([first, ...others].map((err) => 'stack' in (err ?? {}))).toEqual([false, false, false, true])
    expect(fail('debug').every((err) => 'stack' in err)).toBe(true)
  })

  test('states how lost offsets were lost', () => {
    const { logger, lines } = recordingLogger('info')
    const events = createPipelineEmitter()
    logPipeline(events, logger)
    const range = { topic: 'orders', partition: 0, from: 4, to: 7 }
    events.emit('ledger:lost', { ...range, lostBy: 'log-start' })
    events.emit('ledger:lost', { ...range, lostBy: 'hole' })
    expect(lines()).toMatchObject([
      { ...range, lostBy: 'log-start', msg: expect.stringContaining('left the log before they were counted') },
      { ...range, lostBy: 'hole', msg: expect.stringContaining('are missing from the log') },
    ])
  })

  test('has every accepted order at debug, without a listener at higher levels', () => {
    const accepted = { orderId: FACT.orderId, traceparent: FACT.traceparent, durationMs: 3 }
    for (const [level, expected] of [
      ['debug', [{ event: 'order:accepted', orderId: FACT.orderId, traceId: TRACE_ID, durationMs: 3 }]],
      ['info', []],
    ] as const) {
      const { logger, lines } = recordingLogger(level)
      const events = createPipelineEmitter()
      logPipeline(events, logger)
      events.emit('order:accepted', accepted)
      expect(lines()).toMatchObject(expected)
    }
  })

  test('redacts personal data, should an object contain it', () => {
    const { logger, written } = recordingLogger()
    logger.info({ ...ORIGINAL_BODY }, 'the order itself')
    logger.info({ order: ORIGINAL_BODY }, 'an order inside')
    const { customerName, customerEmail, shippingAddress } = ORIGINAL_BODY
    expect(written).toHaveLength(2)
    for (const line of written) {
      for (const value of [customerName, customerEmail, shippingAddress]) expect(line).not.toContain(value)
      expect(line).toContain('[personal]')
    }
  })

  test.each([...Object.keys(FORGOTTEN), 'customerFullName', 'reference', 'metadata'])(
    'redacts %s, which a customer who is forgotten leaves nowhere',
    (member) => {
      const { logger, written } = recordingLogger()
      const order = { [member]: member === 'metadata' ? { note: 'Zelda' } : 'Zelda' }
      logger.info(order, 'the order itself')
      logger.info({ order }, 'an order inside')
      logger.info({ a: { order } }, 'an order further inside')
      expect(written).toHaveLength(3)
      for (const line of written) expect(line).not.toContain('Zelda')
    },
  )

  const NAME = 'Rosalind Sample'
  function parseError(): unknown {
    try {
      return JSON.parse(`${NAME} and so on`)
    } catch (error) {
      return error
    }
  }
  const truncated = Object.assign(
    new Error(`String or binary data would be truncated in table 'orders', column 'name'. Truncated value: '${NAME}'.`),
    { number: 2628, name: 'RequestError', code: 'EREQUEST' },
  )
  const leaks: [string, unknown, string][] = [
    ['a parser that quotes the payload', parseError(), 'SyntaxError'],
    ['a cause that quotes it', new OrderError('undecodable-record', 'No JSON.', { cause: parseError() }), 'No JSON.'],
    ['a database that quotes a value', truncated, '2628'],
    [
      'a message of ours that ends with the database’s',
      new OrderError('store-busy', `The store db can't be used: ${truncated.message}`, { cause: truncated }),
      'The store db can',
    ],
    [
      'an error that carries an order',
      Object.assign(new Error('a fault'), { order: ORIGINAL_BODY, who: NAME }),
      'a fault',
    ],
    [
      'a value in several quotes',
      new TypeError(`Cannot create property 'x' on string 'it is "${NAME}" (she)'`),
      'TypeError',
    ],
    ['what is no error', `order of ${NAME}`, 'not an error'],
    ['several errors in one', new AggregateError([truncated], `for '${NAME}'`), 'AggregateError'],
  ]
  test.each(leaks)('reports the failure without data about the customer: %s', (_, error, told) => {
    const { logger, written } = recordingLogger()
    logger.error({ err: error }, 'it failed')
    expect(written[0]).toContain(told)
    for (const value of ['Rosalind', 'Sample', ORIGINAL_BODY.customerEmail]) expect(written[0]).not.toContain(value)
  })

  test('keeps the useful parts of an error: our own text, frames, causes, the system’s messages', () => {
    const { logger, lines } = recordingLogger()
    const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:1433'), { code: 'ECONNREFUSED' })
    const missing = Object.assign(new Error("ENOENT: no such file, open '/data/log.db'"), { syscall: 'open' })
    logger.error({
      err: new OrderError('store-unavailable', "It can't be reached.", { cause: refused, retriable: true }),
    })
    logger.error({ err: missing })
    logger.error({ err: new TypeError("Cannot read properties of undefined (reading 'orderId')") })
    const [first, second, third] = lines().map(({ err }) => err as Record<string, string>)
    expect(first).toMatchObject({ type: 'OrderError', code: 'store-unavailable', retriable: true })
    expect(first?.['message']).toBe("It can't be reached.: connect ECONNREFUSED 10.0.0.1:1433")
    expect(first?.['stack']).toMatch(
      /^OrderError: It can't be reached\.\n {4}at .*\ncaused by Error: connect ECONNREFUSED/s,
    )
    expect(second?.['message']).toContain('/data/log.db')
    expect(third?.['message']).toContain('orderId')
  })

  test('has the invocation, trace and order in every line of an invocation', async () => {
    const { logger, lines } = recordingLogger()
    const context = new InvocationContext({ functionName: 'getOrder', invocationId: 'one' })
    const headers = { traceparent: FACT.traceparent }
    const request = new HttpRequest({
      url: 'http://localhost/',
      method: 'GET',
      headers,
      params: { orderId: FACT.orderId },
    })
    await withinInvocation(context, request, async () => logger.warn({ event: 'http:failed' }, 'a request failed'))
    logger.info({ event: 'outage:ended' }, 'of nobody')
    const whose = { function: 'getOrder', invocation: 'one', orderId: FACT.orderId, traceId: TRACE_ID }
    expect(lines()).toMatchObject([whose, { event: 'outage:ended' }])
    expect(lines()[1]).not.toHaveProperty('function')
  })

  test('ignores a malformed traceparent and a malformed order id', async () => {
    const { logger, lines } = recordingLogger()
    const context = new InvocationContext({ functionName: 'getOrder', invocationId: 'one' })
    const headers = { traceparent: `00-${NAME}` }
    const request = new HttpRequest({ url: 'http://localhost/', method: 'GET', headers, params: { orderId: NAME } })
    await withinInvocation(context, request, async () => logger.warn({}, 'a request failed'))
    expect(Object.keys(lines()[0] ?? {})).toEqual(['level', 'time', 'function', 'invocation', 'msg'])
  })

  test('goes to the log of the Functions runtime, at its level, within an invocation; otherwise to standard error', async () => {
    const inRuntime: [string, unknown][] = []
    const otherwise: string[] = []
    const context = new InvocationContext({
      functionName: 'consumeOrders',
      invocationId: 'two',
      logHandler: (level, line) => void inRuntime.push([level, line]),
    })
    const logger = createLogger('info', functionsLog({ write: (line) => void otherwise.push(line) }))
    const over = Promise.withResolvers<void>()
    let later: Promise<void> | undefined
    await withinInvocation(context, undefined, async () => {
      logger.warn({ event: 'delivery:retried' }, 'later')
      logger.fatal({ event: 'outage:began' }, 'away')
      // This work begins during the invocation but outlives it, so the invocation's log is closed when the line is
      // written.
      later = over.promise.then(() => logger.info({ event: 'outage:ended' }, 'back'))
    })
    over.resolve()
    await later
    expect(inRuntime.map(([level]) => level)).toEqual(['warning', 'error'])
    expect(JSON.parse(String(inRuntime[0]?.[1]))).toMatchObject({ event: 'delivery:retried', invocation: 'two' })
    expect(otherwise.map((line) => JSON.parse(line) as Line)).toMatchObject([{ event: 'outage:ended' }])
    expect(otherwise[0]).not.toContain('consumeOrders')
  })
})

describe('Seq', () => {
  const streams: SeqStream[] = []
  const ends: (() => void)[] = []
  afterEach(async () => {
    for (const stream of streams.splice(0)) await stream.close()
    for (const end of ends.splice(0)) end()
  })

  /** A small stand-in for Seq that records requests and answers with a given status. */
  async function startSeq(port = 0) {
    const requests: { path: string; headers: IncomingMessage['headers']; events: Line[] }[] = []
    let status = 201
    const server = createServer((request, response) => {
      void answer(request, response)
    })
    async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const body = await text(request)
      const events = body.split('\n').map((line) => JSON.parse(line) as Line)
      requests.push({ path: request.url ?? '', headers: request.headers, events })
      response.writeHead(status).end('{}')
    }
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    ends.push(() => server.close())
    return {
      requests,
      port: (server.address() as AddressInfo).port,
      answerWith(next: number) {
        status = next
      },
    }
  }

  function streamTo(url: string) {
    const told: unknown[] = []
    const stream = createSeqStream({
      url,
      onAway: () => told.push('away'),
      onRejected: (rejected) => told.push({ rejected }),
      onBack: (lost) => told.push({ lost }),
    })
    streams.push(stream)
    return { stream, told }
  }

  test('receives the lines in its own format, with the key in a header', async () => {
    const seq = await startSeq()
    const { stream } = streamTo(`http://127.0.0.1:${seq.port}/logs?apiKey=secret`)
    const logger = createLogger('info', stream)
    logger.warn({ event: 'delivery:retried', traceId: TRACE_ID, err: storeIsBusy() }, 'a record will be retried later')
    await stream.close()
    const [request] = seq.requests
    expect(request?.path).toBe('/logs/api/events/raw?clef')
    expect(request?.headers['x-seq-apikey']).toBe('secret')
    expect(request?.events).toMatchObject([
      {
        '@l': 'Warning',
        '@m': 'a record will be retried later',
        '@tr': TRACE_ID,
        '@x': expect.stringMatching(/^(?:OrderError|Error): The store is busy/) as string,
        event: 'delivery:retried',
        err: { code: 'store-busy' },
      },
    ])
    expect(Date.parse(String(request?.events[0]?.['@t']))).not.toBeNaN()
  })

  test('that is unavailable loses nothing that fits; it is reported once, and the lines arrive when it is back', async () => {
    const seq = await startSeq()
    seq.answerWith(503)
    const { stream, told } = streamTo(`http://127.0.0.1:${seq.port}`)
    const logger = createLogger('info', stream)
    logger.info('one')
    await expect.poll(() => seq.requests.length, { timeout: 10_000 }).toBe(2)
    expect(told).toEqual(['away'])
    seq.answerWith(201)
    await expect.poll(() => told, { timeout: 10_000 }).toEqual(['away', { lost: 0 }])
    expect(seq.requests.at(-1)?.events).toMatchObject([{ '@m': 'one' }])
  }, 20_000)

  test('that never answers costs bounded memory: lines beyond the limit are dropped and counted', async () => {
    const seq = await startSeq()
    const { stream, told } = streamTo(`http://127.0.0.1:${seq.port}`)
    const logger = createLogger('info', stream)
    for (let line = 0; line < 10_250; line += 1) logger.info('a line')
    await stream.close()
    expect(seq.requests.flatMap(({ events }) => events)).toHaveLength(10_000)
    expect(told).toEqual([{ lost: 250 }])
  })

  test('that refuses a batch for good does not delay the next one, and is reported with the number of lost lines', async () => {
    const seq = await startSeq()
    seq.answerWith(400)
    const { stream, told } = streamTo(`http://127.0.0.1:${seq.port}`)
    const logger = createLogger('info', stream)
    logger.info('a line that it cannot take')
    await expect.poll(() => told, { timeout: 10_000 }).toEqual([{ rejected: 400 }])
    seq.answerWith(201)
    logger.info('the next')
    await stream.close()
    expect(seq.requests.at(-1)?.events).toMatchObject([{ '@m': 'the next' }])
    expect(told).toEqual([{ rejected: 400 }, { lost: 1 }])
  })

  test('that rejects every line is reported once, and as back only when it accepts one', async () => {
    const seq = await startSeq()
    seq.answerWith(401)
    const { stream, told } = streamTo(`http://127.0.0.1:${seq.port}`)
    const logger = createLogger('info', stream)
    const send = async (line: string, status: number) => {
      const before = seq.requests.length
      seq.answerWith(status)
      logger.info(line)
      await expect.poll(() => seq.requests.length, { timeout: 10_000 }).toBe(before + 1)
    }
    await send('one', 401)
    await send('two', 401)
    await send('three', 503)
    // The third line is sent again, together with the fourth.
    await send('four', 401)
    await expect.poll(() => told, { timeout: 10_000 }).toEqual([{ rejected: 401 }, 'away'])
    seq.answerWith(201)
    logger.info('five')
    await stream.close()
    expect(told).toEqual([{ rejected: 401 }, 'away', { lost: 4 }])
  }, 20_000)

  test('that rejects every line does not keep the log busy with lines about that', async () => {
    const seq = await startSeq()
    seq.answerWith(401)
    const seqUrl = `http://127.0.0.1:${seq.port}/?apiKey=wrong`
    await using logging = await openLogging({ logLevel: 'info', seqUrl, runtime: 'embedded' }, false)
    logging.logger.info({ event: 'outage:ended' }, 'the store is available')
    await expect.poll(() => seq.requests.length, { timeout: 10_000 }).toBe(2)
    // Another line would have been sent after half a second.
    await sleep(1200)
    expect(seq.requests.map(({ events }) => events.map(({ event }) => event))).toEqual([
      ['outage:ended'],
      ['seq:rejected'],
    ])
    expect(seq.requests[1]?.events[0]).toMatchObject({ status: 401, '@m': expect.stringContaining('SEQ_URL') })
  }, 20_000)

  test('that does not exist delays nothing at shutdown', async () => {
    const seq = await startSeq()
    for (const end of ends.splice(0)) end()
    const { stream, told } = streamTo(`http://127.0.0.1:${seq.port}`)
    createLogger('info', stream).info('lost')
    await stream.close()
    expect(told).toEqual(['away'])
  })
})

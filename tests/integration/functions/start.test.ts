import { createServer, type AddressInfo } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { skipsKafka, startTestBroker } from '../../support/kafka/kafka-broker.ts'
import { startFunctionsWorker, type FunctionsWorker } from '../../support/functions/functions-worker.ts'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'
import { withProduct } from '../../support/product/product.ts'
import { startTdsServer } from '../../support/mssql/tds-server.ts'

/** Dependencies may come up after the worker: it starts without them, reports that, and uses them once they are up. */
const WITHIN = { timeout: 60_000, interval: 100 }
const started: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of started.splice(0).toReversed()) await each[Symbol.asyncDispose]()
})

async function worker(settings: Record<string, string>): Promise<FunctionsWorker> {
  const running = await startFunctionsWorker({ settings })
  started.push(running)
  return running
}

const bodyOf = async (response: Response) => (await response.json()) as Record<string, unknown>
const linesOf = ({ process: { errors } }: FunctionsWorker) =>
  errors
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe.skipIf(skipsKafka)('a worker that starts before Kafka', () => {
  test('is live at once, refuses orders with a problem, and serves orders and triggers once Kafka is up', async () => {
    const broker = await startTestBroker()
    started.push(broker)
    await broker.stop()
    const running = await worker({ KAFKA_BROKERS: broker.address, RETRY_DELAYS: '1s' })

    expect((await running.get('/api/health/live')).status).toBe(200)
    const ready = await running.get('/api/health/ready')
    expect(ready.status).toBe(503)
    expect(await bodyOf(ready)).toMatchObject({ ready: false, why: expect.stringContaining('The log is unavailable') })
    const refused = await running.place(ORIGINAL_BODY)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(await bodyOf(refused)).toMatchObject({ type: '/docs/errors#log-unavailable' })
    expect(linesOf(running).map(({ event }) => event)).toEqual(['log:away'])

    await broker.start()
    const accepted = await vi.waitFor(async () => {
      const answer = await running.place(ORIGINAL_BODY)
      expect(answer.status).toBe(202)
      return answer
    }, WITHIN)
    const location = accepted.headers.get('location') ?? ''
    await vi.waitFor(
      async () => expect(await bodyOf(await running.get(location))).toMatchObject({ status: 'stored' }),
      WITHIN,
    )
    expect((await running.get('/api/health/ready')).status).toBe(200)
    expect(linesOf(running).filter(({ event }) => /^log:(?:away|back)$/.test(String(event)))).toMatchObject([
      { event: 'log:away' },
      { event: 'log:back' },
    ])
    expect(await running.stop()).toBe(0)
  })
})

describe.skipIf(skipsKafka)('a worker that the runtime ends', () => {
  test('answers every order in flight, and the callers that wait for one', async () => {
    const broker = await startTestBroker()
    started.push(broker)
    const running = await worker({ KAFKA_BROKERS: broker.address, RETRY_DELAYS: '1s' })
    await vi.waitFor(async () => expect((await running.place(ORIGINAL_BODY)).status).toBe(202), WITHIN)
    const body = { ...ORIGINAL_BODY, orderItems: Array.from({ length: 400 }, () => ORIGINAL_BODY.orderItems[0]) }
    const answers = Promise.allSettled(Array.from({ length: 200 }, async () => (await running.place(body)).status))
    await vi.waitFor(() => expect(running.answered).toBeGreaterThan(20), { ...WITHIN, interval: 2 })
    expect(await running.terminate()).toBe(0)
    const lost = (await answers).filter(({ status }) => status === 'rejected')
    expect(lost).toEqual([])
  })
})

describe.skipIf(skipsKafka)('npm start before Kafka', () => {
  test('serves at once, and accepts orders once Kafka is up', async () => {
    const broker = await startTestBroker()
    started.push(broker)
    await broker.stop()
    const settings = { KAFKA_BROKERS: broker.address, RETRY_DELAYS: '1s', LOG_LEVEL: 'warn' }
    await withProduct(settings, async (product) => {
      expect((await product.ask('/api/health/live')).status).toBe(200)
      expect((await product.ask('/api/orders', { method: 'POST', body: ORIGINAL_BODY })).status).toBe(503)
      await broker.start()
      await vi.waitFor(async () => {
        expect((await product.ask('/api/orders', { method: 'POST', body: ORIGINAL_BODY })).status).toBe(202)
      }, WITHIN)
    })
  })
})

describe('a worker without any of its dependencies', () => {
  test.each([
    ['order-api', ['consumeOrders', 'consumeDeadLetters', 'getOrder']],
    ['order-processor', ['placeOrder', 'getOrder']],
    ['order-query', ['placeOrder', 'consumeOrders', 'consumeDeadLetters']],
    ['all roles', []],
  ])('is live as %s, and says what is unavailable', async (_, disabled) => {
    const running = await worker({
      KAFKA_BROKERS: '127.0.0.1:1',
      SEQ_URL: 'http://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      ...Object.fromEntries(disabled.map((name) => [`AzureWebJobs_${name}_Disabled`, 'true'])),
    })
    expect((await running.get('/api/health/live')).status).toBe(200)
    expect(await bodyOf(await running.get('/api/health/ready'))).toMatchObject({
      why: expect.stringContaining('The log is unavailable'),
    })
    expect(await running.stop()).toBe(0)
  })

  test('waits no longer than a start may take for a Kafka and a SQL Server that accept connections and never answer', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    const tds = await startTdsServer(() => 'silence')
    started.push(tds, { [Symbol.asyncDispose]: async () => void silent.close() })
    const { port } = silent.address() as AddressInfo
    const running = await worker({
      KAFKA_BROKERS: `127.0.0.1:${port}`,
      TEST_STORE: '',
      ...sqlServerAt(tds.port),
    })
    expect((await running.get('/api/health/live')).status).toBe(200)
  })
})

function sqlServerAt(port: number): Record<string, string> {
  return {
    SQL_CONNECTION_STRING: `Server=127.0.0.1,${port};Database=orders;User Id=orders;Password=of-nothing-1A;Encrypt=false`,
  }
}

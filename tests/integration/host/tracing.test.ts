import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'
import { PRODUCT_KEY, startProduct } from '../../support/product/product.ts'
import { startTraceReceiver, type ReceivedSpan } from '../../support/trace-receiver.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const SERVER = 2
const PRODUCER = 4
const CONSUMER = 5
const UNLUCKY = 4711
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const CALLER = '00f067aa0ba902b7'

let receiver: Awaited<ReturnType<typeof startTraceReceiver>>
const products: AsyncDisposable[] = []
beforeEach(async () => {
  receiver = await startTraceReceiver()
})
afterEach(async () => {
  for (const product of products.splice(0)) await product[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
})

async function startTraced(settings: Record<string, string>) {
  const product = await startProduct({
    FAULTS: 'on',
    RETRY_DELAYS: '50ms,50ms',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    ...settings,
  })
  products.push(product)
  const send = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${product.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-functions-key': PRODUCT_KEY, ...headers },
      body: JSON.stringify(body),
    })
  return {
    send,
    /** Stops the product, and returns the events in its log. */
    async eventsAtEnd(): Promise<Record<string, unknown>[]> {
      await products.splice(products.indexOf(product), 1)[0]?.[Symbol.asyncDispose]()
      const lines = product.log.split('\n').filter((line) => line !== '')
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    },
    async get(path: string): Promise<unknown> {
      const response = await fetch(`${product.url}${path}`, { headers: { 'x-functions-key': PRODUCT_KEY } })
      return response.json()
    },
  }
}

/** Application Insights' own exporter requires TLS, so the test needs openssl to make a certificate. */
function hasOpenssl(): boolean {
  return spawnSync('openssl', ['version']).status === 0
}

/** The names of the spans below the caller's span, from each parent to its child. */
function chain(spans: readonly ReceivedSpan[], from: string): string[] {
  const [child] = spans.filter(({ parentSpanId }) => parentSpanId === from)
  return child === undefined ? [] : [child.name, ...chain(spans, child.spanId)]
}

function attributesOf(span: Pick<ReceivedSpan, 'attributes'> | undefined): Record<string, unknown> {
  return Object.fromEntries(span?.attributes.map(({ key, value }) => [key, Object.values(value)[0]]) ?? [])
}

describe('traces', () => {
  test.each(['lean', 'official'])('follow an order from the caller’s span into the store (%s)', async (invocation) => {
    const product = await startTraced({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, FUNCTIONS_INVOCATION: invocation })
    const traceparent = `00-${TRACE_ID}-${CALLER}-01`
    const response = await product.send('/api/orders', ORIGINAL_BODY, { traceparent })
    const { orderId } = (await response.json()) as { orderId: string }
    const names = ['POST /api/orders', 'send orders', 'process orders']
    await expect.poll(() => chain(receiver.ofTrace(TRACE_ID), CALLER), { timeout: 20_000 }).toEqual(names)

    const [request, sent, processed] = names.map((name) => receiver.ofTrace(TRACE_ID).find((one) => one.name === name))
    expect([request?.kind, sent?.kind, processed?.kind]).toEqual([SERVER, PRODUCER, CONSUMER])
    expect(attributesOf(request)).toMatchObject({ 'http.route': '/api/orders', 'http.response.status_code': 202 })
    expect(attributesOf(sent)).toMatchObject({
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'orders',
      'messaging.message.id': orderId,
    })
    expect(attributesOf(processed)).toMatchObject({
      'messaging.operation.type': 'process',
      'messaging.consumer.group.name': 'order-processor',
      'messaging.message.id': orderId,
    })

    // A batch may contain records from several orders' traces, so it has a trace of its own, with links in both
    // directions.
    await expect.poll(() => receiver.spans.map(({ name }) => name)).toContain('process batch orders')
    const batch = receiver.spans.find(({ name }) => name === 'process batch orders')
    expect(batch?.traceId).not.toBe(TRACE_ID)
    expect(batch?.links).toMatchObject([{ traceId: TRACE_ID, spanId: sent?.spanId }])
    expect(processed?.links).toMatchObject([{ traceId: batch?.traceId, spanId: batch?.spanId }])
  })

  test('continue through every retry, the dead-letter topic and a redrive, in one trace', async () => {
    const product = await startTraced({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })
    await product.send('/api/ops/faults', { throwForCustomers: [UNLUCKY] })
    const traceparent = `00-${TRACE_ID}-${CALLER}-01`
    const body = { ...ORIGINAL_BODY, customerId: UNLUCKY }
    const response = await product.send('/api/orders', body, { traceparent })
    const { orderId } = (await response.json()) as { orderId: string }
    const deadLetters = async () => ((await product.get('/api/dead-letters')) as { items: { id: string }[] }).items
    await expect.poll(deadLetters, { timeout: 30_000 }).toHaveLength(1)

    await product.send('/api/ops/faults', {})
    const [letter] = await deadLetters()
    await product.send(`/api/dead-letters/${letter?.id}/redrive`, { reason: 'mended' })
    const status = async () => ((await product.get(`/api/orders/${orderId}`)) as { status: string }).status
    await expect.poll(status, { timeout: 30_000 }).toBe('stored')

    const journey = [
      'POST /api/orders',
      ...['orders', 'orders-retry-1', 'orders-retry-2', 'orders-dlt', 'orders'].flatMap((topic) => [
        `send ${topic}`,
        `process ${topic}`,
      ]),
    ]
    await expect.poll(() => chain(receiver.ofTrace(TRACE_ID), CALLER), { timeout: 20_000 }).toEqual(journey)
    expect(receiver.ofTrace(TRACE_ID)).toHaveLength(journey.length)

    const processed = receiver.ofTrace(TRACE_ID).filter(({ name }) => name.startsWith('process orders'))
    const outcomes = processed.map(({ name, events = [], status }) => [name, events[0]?.name, status.code])
    expect(outcomes).toEqual([
      ['process orders', 'retried', 2],
      ['process orders-retry-1', 'retried', 2],
      ['process orders-retry-2', 'dead-lettered', 2],
      ['process orders-dlt', undefined, 0],
      ['process orders', undefined, 0],
    ])
  })

  test.each(['00-00000000000000000000000000000000-00f067aa0ba902b7-01', 'ff-nonsense', ''])(
    'begin here when the caller’s traceparent is %j',
    async (traceparent) => {
      const product = await startTraced({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })
      await product.send('/api/orders', ORIGINAL_BODY, { traceparent })
      const names = () => receiver.spans.map(({ name }) => name)
      await expect.poll(names, { timeout: 20_000 }).toContain('process orders')
      const request = receiver.spans.find(({ name }) => name === 'POST /api/orders')
      expect(request?.parentSpanId).toBeUndefined()
      expect(chain(receiver.ofTrace(request?.traceId ?? ''), request?.spanId ?? '')).toEqual([
        'send orders',
        'process orders',
      ])
    },
  )

  test('are lost while the collector is unavailable, without other harm: the log says so once', async () => {
    const product = await startTraced({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })
    receiver.refuse(true)
    expect((await product.send('/api/orders', ORIGINAL_BODY)).status).toBe(202)
    await expect.poll(() => receiver.posted.length, { timeout: 20_000 }).toBeGreaterThan(0)
    receiver.refuse(false)
    const before = receiver.posted.length
    expect((await product.send('/api/orders', ORIGINAL_BODY)).status).toBe(202)
    await expect.poll(() => receiver.posted.length, { timeout: 20_000 }).toBeGreaterThan(before)
    const told = (await product.eventsAtEnd()).filter(({ event }) => String(event).startsWith('traces:'))
    expect(told.map(({ event }) => event)).toEqual(['traces:away', 'traces:back'])
    expect(told[1]?.['lost']).toBeGreaterThan(0)
  })

  test('follow OpenTelemetry’s own variables and the caller, and a partial rejection is logged once', async () => {
    const product = await startTraced({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces?tenant=shop`,
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=shop-orders,deployment.environment.name=staging',
    })
    receiver.answerWith({ status: 200, body: { partialSuccess: { rejectedSpans: '2', errorMessage: 'too old' } } })
    const traceparent = `00-${TRACE_ID}-${CALLER}-01`
    await product.send('/api/orders', ORIGINAL_BODY, { traceparent, tracestate: 'rojo=00f067aa0ba902b7' })
    const ofOrder = () => chain(receiver.ofTrace(TRACE_ID), CALLER)
    await expect.poll(ofOrder, { timeout: 20_000 }).toHaveLength(3)
    const before = receiver.posted.length
    await product.send('/api/orders', ORIGINAL_BODY)
    await expect.poll(() => receiver.posted.length, { timeout: 20_000 }).toBeGreaterThan(before)

    expect(receiver.posted[0]?.path).toBe('/v1/traces?tenant=shop')
    const { resourceSpans } = JSON.parse(receiver.posted[0]?.body ?? '') as {
      resourceSpans: [{ resource: Pick<ReceivedSpan, 'attributes'> }]
    }
    expect(attributesOf(resourceSpans[0].resource)).toMatchObject({
      'service.name': 'shop-orders',
      'deployment.environment.name': 'staging',
      'telemetry.sdk.language': 'nodejs',
      'service.instance.id': expect.any(String) as string,
    })
    expect(receiver.ofTrace(TRACE_ID).map(({ traceState }) => traceState)).toEqual(
      Array(3).fill('rojo=00f067aa0ba902b7'),
    )
    const request = receiver.ofTrace(TRACE_ID).find(({ kind }) => kind === SERVER)
    expect(attributesOf(request)).toMatchObject({ 'url.scheme': 'http', 'url.path': '/api/orders' })
    const told = (await product.eventsAtEnd()).filter(({ event }) => String(event).startsWith('traces:'))
    expect(told).toEqual([expect.objectContaining({ event: 'traces:rejected', rejected: 2 })])
  })

  describe.skipIf(!hasOpenssl())('to Application Insights', () => {
    const directory = mkdtempSync(join(tmpdir(), 'certificate-'))
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
    let insights: Awaited<ReturnType<typeof startTraceReceiver>>
    beforeAll(() => {
      const options = '-x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1'
      execFileSync('openssl', ['req', ...options.split(' '), '-keyout', key, '-out', cert], { stdio: 'ignore' })
    })
    beforeEach(async () => {
      insights = await startTraceReceiver({ key: readFileSync(key), cert: readFileSync(cert) })
    })
    afterEach(() => insights[Symbol.asyncDispose]())
    afterAll(() => rmSync(directory, { recursive: true }))

    const startReporting = () =>
      startTraced({
        APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=00000000-0000-4000-8000-000000000000;IngestionEndpoint=${insights.url}/`,
        APPLICATION_INSIGHTS_NO_STATSBEAT: 'true',
        NODE_EXTRA_CA_CERTS: cert,
      })
    interface Envelope {
      readonly tags: Record<string, string>
      readonly data: { readonly baseData: { readonly id: string; readonly properties: Record<string, string> } }
    }
    const envelopes = () => insights.posted.flatMap(({ body }) => JSON.parse(body) as Envelope[])
    const ofTrace = (traceId: string) => envelopes().filter(({ tags }) => tags['ai.operation.id'] === traceId)

    test('one order is one operation, its batch is linked, and an unsampled caller gets no trace', async () => {
      const product = await startReporting()
      const other = TRACE_ID.replaceAll('4', '5')
      await product.send('/api/orders', ORIGINAL_BODY, { traceparent: `00-${other}-${CALLER}-00` })
      await product.send('/api/orders', ORIGINAL_BODY, { traceparent: `00-${TRACE_ID}-${CALLER}-01` })
      await expect.poll(() => ofTrace(TRACE_ID), { timeout: 20_000 }).toHaveLength(3)
      const parents = ofTrace(TRACE_ID).map(({ tags }) => tags['ai.operation.parentId'])
      expect(parents).toContain(CALLER)
      expect(ofTrace(TRACE_ID).map(({ tags }) => tags['ai.operation.name'])).toEqual(
        expect.arrayContaining(['POST /api/orders', 'process orders']),
      )
      const ids = new Set(ofTrace(TRACE_ID).map(({ data }) => data.baseData.id))
      expect(parents.filter((parent) => ids.has(parent ?? ''))).toHaveLength(2)
      expect(ofTrace(TRACE_ID).map(({ tags }) => tags['ai.cloud.role'])).toEqual(
        Array(3).fill('order-event-processing'),
      )
      const links = () => envelopes().map(({ data }) => data.baseData.properties['_MS.links'] ?? '')
      await expect.poll(links, { timeout: 20_000 }).toContainEqual(expect.stringContaining(TRACE_ID))
      expect(ofTrace(other)).toEqual([])
    })

    test('a refusal costs only traces, and adds no foreign log line', async () => {
      const product = await startReporting()
      insights.refuse(true)
      expect((await product.send('/api/orders', ORIGINAL_BODY)).status).toBe(202)
      await expect.poll(() => insights.posted.length, { timeout: 20_000 }).toBeGreaterThan(0)
      insights.refuse(false)
      const before = insights.posted.length
      expect((await product.send('/api/orders', ORIGINAL_BODY)).status).toBe(202)
      await expect.poll(() => insights.posted.length, { timeout: 20_000 }).toBeGreaterThan(before)
      const events = (await product.eventsAtEnd()).map(({ event }) => event)
      expect(events).toEqual(['traces:away', 'traces:back'])
    })
  })

  test('cost nothing when off: no SDK is loaded', () => {
    const directory = mkdtempSync(join(tmpdir(), 'untraced-'))
    const program = `
      const { readConfig } = await import('./shared/settings/config.ts')
      const { openServices } = await import('./shared/composition-root.ts')
      const services = await openServices(readConfig(process.env, 'embedded'))
      await services[Symbol.asyncDispose]()
      const { createRequire } = await import('node:module')
      const loaded = Object.keys(createRequire('${ROOT}/x.js').cache)
      console.log(JSON.stringify(loaded.filter((file) => /opentelemetry.(?!api)|applicationinsights|pino-pretty/.test(file))))
      console.log(loaded.some((file) => file.includes('prom-client')))`
    try {
      const env = { PATH: process.env['PATH'], DATA_DIR: directory }
      const args = ['--input-type=module', '--eval', program]
      const output = execFileSync(process.execPath, args, { cwd: ROOT, env, encoding: 'utf8' })
      expect(output).toBe('[]\ntrue\n')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

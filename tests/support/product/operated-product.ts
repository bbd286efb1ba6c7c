import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect } from 'vitest'
import type { LedgerVerdict } from '../../../shared/application/ledger/ledger.ts'
import type { RedriveTask } from '../../../shared/ports/redrives.ts'
import { ORIGINAL_BODY } from '../orders/orders.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const KEY = 'only-for-tests-of-redrives'
export const FAILING_CUSTOMER = 13

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: never
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor: string | null
}

interface Document {
  readonly paths: Record<string, Record<string, { responses: Record<string, { content?: object }> }>>
  readonly components: object
}

export async function until<T>(look: () => Promise<T>, isReached: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look()
    if (isReached(seen)) return seen
    await sleep(50)
  }
}

/**
 * What operators do, over HTTP, with the product in a process of its own that can be killed. Every answer is compared
 * with what the product's OpenAPI document says of it.
 */
export function createOperatedProduct() {
  const directory = mkdtempSync(join(tmpdir(), 'operated-'))
  const dataDir = join(directory, 'data')
  const ajv = new Ajv2020({ strict: false, validateFormats: false, multipleOfPrecision: 6 })
  let child: ChildProcess | undefined
  let url = ''
  let document: Document = { paths: {}, components: {} }

  async function start(): Promise<void> {
    const settings = { DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'fatal', FUNCTIONS_KEY: KEY }
    const env = { PATH: process.env['PATH'], ...settings, FAULTS: 'on', RETRY_DELAYS: '100ms' }
    const started = spawn(process.execPath, [join(ROOT, 'infra/host/start.ts')], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child = started
    let output = ''
    for await (const chunk of started.stdout.iterator({ destroyOnReturn: false })) {
      output += String(chunk)
      const found = /at (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1]
      if (found === undefined) continue
      started.stdout.resume()
      url = found
      return
    }
    throw new Error(`The product did not start: ${output}`)
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (child === undefined || child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
    child = undefined
  }

  async function ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(url + path, {
      method,
      headers: {
        'x-functions-key': KEY,
        'x-operator': 'Kim',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const type = response.headers.get('content-type')?.split(';')[0] ?? ''
    const template = (path.split('?')[0] ?? '')
      .replace(/[\w-]+:\d+:\d+/, '{id}')
      .replace(/redrives\/[^/]+/, 'redrives/{id}')
      .replace(/orders\/[^/]+/, 'orders/{orderId}')
    const documented = document.paths[template]?.[method.toLowerCase()]?.responses[String(response.status)]
    const schema = (documented?.content as Record<string, { schema: object }> | undefined)?.[type]?.schema
    expect(schema, `${method} ${template} answers ${response.status} ${type}: ${text}`).toBeDefined()
    ajv.validate(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')) as object, JSON.parse(text))
    expect(ajv.errors, `${method} ${path} answers ${text}`).toBeNull()
    return { status: response.status, headers: response.headers, body: JSON.parse(text) as never }
  }

  /** Answers are compared with the document that the product itself gives. */
  async function open(): Promise<void> {
    await start()
    const openApi: unknown = await (await fetch(`${url}/api/openapi.json`)).json()
    document = openApi as Document
    ajv.addSchema({ $id: 'document', components: document.components })
  }

  const taskOf = async (id: string) => (await ask('GET', `/api/redrives/${id}`)).body as RedriveTask
  const ended = (id: string) =>
    until(
      () => taskOf(id),
      ({ state }) => state !== 'running',
    )
  const orderOf = async (id: string) => {
    return (await ask('GET', `/api/orders/${id}`)).body as {
      status: string
      recovered?: boolean
      customerName?: string
    }
  }
  const kindsOf = async (id: string) => {
    const { items } = (await ask('GET', `/api/orders/${id}/history`)).body as Page<{ kind: string; reason?: string }>
    return items.map(({ kind }) => kind)
  }
  const letters = async (query: string) => {
    return ((await ask('GET', `/api/dead-letters?${query}`)).body as Page<{ id: string; state: string }>).items
  }
  const balanced = async () => {
    const seen = async () => (await ask('GET', '/api/ops/ledger')).body as LedgerVerdict
    return until(seen, ({ totals }) => totals.toCome === 0)
  }
  async function setFaults(plan: object): Promise<void> {
    await ask('POST', '/api/ops/faults', plan)
  }

  /** An order that fails every time it is tried, until it is dead: its id, and that of its letter. */
  async function placeAndLose(changes: object = {}): Promise<{ orderId: string; letterId: string }> {
    await setFaults({ throwForCustomers: [FAILING_CUSTOMER] })
    const order = { ...ORIGINAL_BODY, customerId: FAILING_CUSTOMER, ...changes }
    const { orderId } = (await ask('POST', '/api/orders', order)).body as { orderId: string }
    const [letter] = await until(
      () => letters(`orderId=${orderId}`),
      ({ length }) => length > 0,
    )
    return { orderId, letterId: letter?.id ?? '' }
  }

  /** Whatever the operators did: everything is mended, and the ledger balances without a gap. */
  async function close(): Promise<void> {
    try {
      await setFaults({})
      expect(await balanced()).toMatchObject({ balanced: true, gaps: [] })
    } finally {
      await end('SIGTERM')
      rmSync(directory, { recursive: true })
    }
  }

  return {
    dataDir,
    open,
    start,
    end,
    close,
    ask,
    taskOf,
    ended,
    orderOf,
    kindsOf,
    letters,
    balanced,
    setFaults,
    placeAndLose,
  }
}

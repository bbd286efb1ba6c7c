import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { LedgerVerdict } from '../../../shared/application/ledger/ledger.ts'
import type { PipelineStatus } from '../../../shared/application/operations/status.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } }
const START = scripts.start.replace(/^node /, '').split(' ')
const KEY = 'only-for-tests-of-the-product'
const START_LIMIT_MS = 30_000
/** A pipeline that moves nothing for so long does not settle. */
const STILL_LIMIT_MS = 30_000
const OUTPUT_KEPT = 16_384

export interface Asked {
  readonly method?: string
  readonly headers?: Record<string, string>
  /** Sent as JSON, a string as it is. */
  readonly body?: unknown
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Of JSON. */
  readonly body: Record<string, unknown>
}

/** What POST /api/ops/faults takes; what is not named is mended. */
export interface Faults {
  readonly store?: 'ok' | 'down' | 'busy' | 'hang' | 'slow'
  readonly slowMs?: number
  readonly log?: 'ok' | 'down'
  readonly throwForCustomers?: readonly number[]
  readonly poison?: number
}

/** The product as `npm start` runs it: a process of its own on a DATA_DIR that outlives its lives, and a free port. */
export interface Product {
  /** Another at every start. */
  readonly url: string
  readonly dataDir: string
  /** The operators' key. */
  readonly key: string
  readonly isRunning: boolean
  /** Undefined while it does not run. */
  readonly pid: number | undefined
  /** Resolves once it says where it listens; rejects when it ends before that. */
  start(): Promise<void>
  /** SIGKILL; resolves when the process is gone, with null for an exit code. */
  kill(): Promise<number | null>
  /** SIGTERM; the exit code, null when a signal ended it. */
  stop(): Promise<number | null>
  ask(path: string, asked?: Asked): Promise<Answer>
  /** With the operator's key; rejects unless the answer is a success. */
  operate(path: string, asked?: Asked): Promise<Answer>
  breaks(faults: Faults): Promise<void>
  ledger(): Promise<LedgerVerdict>
  pipeline(): Promise<PipelineStatus>
  /** Resolves when nothing is on its way any more: not in the topic of orders, nor in those of retries and dead letters. */
  settled(): Promise<void>
}

/**
 * Tells a story of the product, from an empty directory on. Whatever happens in it, at its end everything is mended, the
 * pipeline settles, the ledger balances without a gap, and SIGTERM ends the process with 0. Nothing is left behind.
 * Resolves with what the story does.
 */
export async function withProduct<T>(
  settings: Record<string, string>,
  story: (product: Product) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'product-'))
  const { product, output } = createProduct(join(directory, 'data'), settings)
  try {
    await product.start()
    const told = await story(product)
    if (!product.isRunning) await product.start()
    if (settings['FAULTS'] === 'on') await product.breaks({})
    await product.settled()
    expect(await product.ledger()).toMatchObject({ balanced: true, gaps: [], totals: { toCome: 0 } })
    expect(await product.stop()).toBe(0)
    return told
  } catch (error) {
    console.error(`What the product said last:\n${output()}`)
    throw error
  } finally {
    if (product.isRunning) await product.kill()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Everything that a list answers, through all its pages. */
export async function pagesOf<T>(product: Product, path: string): Promise<T[]> {
  const all: T[] = []
  const mark = path.includes('?') ? '&' : '?'
  for (let cursor: string | null = ''; cursor !== null;) {
    const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const { body } = await product.operate(`${path}${mark}limit=200${more}`)
    const { items, nextCursor } = body as unknown as { items: T[]; nextCursor: string | null }
    all.push(...items)
    cursor = nextCursor
  }
  return all
}

/**
 * Not started yet; whoever makes one stops it and removes its directory. `output` is what it said last on standard error.
 * `prefix` is a command that runs the one behind it, such as with a limit.
 */
export function createProduct(
  dataDir: string,
  settings: Record<string, string>,
  prefix: () => readonly string[] = () => [],
): { product: Product; output: () => string } {
  let url = ''
  let said = ''
  let life: { child: ChildProcess; ended: Promise<unknown> } | undefined

  async function start(): Promise<void> {
    if (life !== undefined) throw new Error('It runs already.')
    const env = { DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'error', FUNCTIONS_KEY: KEY, ...settings }
    const [command = '', ...args] = [...prefix(), process.execPath, ...START]
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    life = { child, ended: once(child, 'close') }
    const { promise: listening, resolve, reject } = Promise.withResolvers<string>()
    const timer = setTimeout(() => reject(new Error(`It does not start: ${said}`)), START_LIMIT_MS)
    let banner = ''
    child.stderr?.on('data', (chunk) => (said = (said + String(chunk)).slice(-OUTPUT_KEPT)))
    child.stdout?.on('data', (chunk) => {
      banner += String(chunk)
      const found = /at (http:\/\/127\.0\.0\.1:\d+)/.exec(banner)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.on('close', (code, signal) => {
      life = undefined
      reject(new Error(`It ended with ${code ?? signal} before it listened: ${said}`))
    })
    try {
      url = await listening
    } finally {
      clearTimeout(timer)
    }
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    if (life === undefined) throw new Error('It does not run.')
    const { child, ended } = life
    child.kill(signal)
    await ended
    return child.exitCode
  }

  async function ask(path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answer> {
    const response = await fetch(url + path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = text !== '' && /json/.test(response.headers.get('content-type') ?? '')
    const parsed = (isJson ? JSON.parse(text) : {}) as Record<string, unknown>
    return { status: response.status, headers: response.headers, text, body: parsed }
  }

  async function operate(path: string, { headers, ...asked }: Asked = {}): Promise<Answer> {
    const answer = await ask(path, { ...asked, headers: { ...headers, 'x-functions-key': KEY } })
    if (answer.status >= 400) throw new Error(`${asked.method ?? 'GET'} ${path}: ${answer.status} ${answer.text}`)
    return answer
  }

  const ledger = async () => (await operate('/api/ops/ledger')).body as unknown as LedgerVerdict
  const pipeline = async () => (await operate('/api/ops/status')).body as unknown as PipelineStatus

  /** What is on its way, and whether anything moved. A log that is just coming back does not tell yet. */
  async function look(): Promise<[onItsWay: number[], now: string]> {
    const key = { 'x-functions-key': KEY }
    const answers = await Promise.all(['/api/ops/status', '/api/ops/ledger'].map((path) => ask(path, { headers: key })))
    if (answers.some(({ status }) => status === 503)) return [[Number.NaN], 'no answer']
    const [status, verdict] = answers.map(({ body }) => body)
    const { orders, retries, deadLetters, parked } = status as unknown as PipelineStatus
    const { totals } = verdict as unknown as LedgerVerdict
    const onItsWay = [orders.lag, ...retries.map(({ waiting }) => waiting), deadLetters.waiting, totals.toCome]
    return [onItsWay, JSON.stringify([onItsWay, orders.records, parked])]
  }

  async function settled(): Promise<void> {
    let before = ''
    let stillSince = Date.now()
    // Twice in a row: a record that leaves one topic for the next may be missed by one look at all of them.
    for (let times = 0; times < 2;) {
      const [onItsWay, now] = await look()
      times = onItsWay.every((count) => count === 0) ? times + 1 : 0
      if (now !== before) [before, stillSince] = [now, Date.now()]
      if (times === 0 && Date.now() - stillSince > STILL_LIMIT_MS) throw new Error(`It does not settle: ${now}`)
      await sleep(50)
    }
  }

  const product: Product = {
    get url() {
      return url
    },
    dataDir,
    key: KEY,
    get isRunning() {
      return life !== undefined
    },
    get pid() {
      return life?.child.pid
    },
    start,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    ask,
    operate,
    breaks: async (faults) => void (await operate('/api/ops/faults', { method: 'POST', body: faults })),
    ledger,
    pipeline,
    settled,
  }
  return { product, output: () => said }
}

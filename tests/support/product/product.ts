import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { LedgerVerdict } from '../../../shared/application/ledger/ledger.ts'
import type { PipelineStatus } from '../../../shared/application/operations/status.ts'
import { startProgram, type RunningProgram } from './running-program.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } }
const START = scripts.start.replace(/^node /, '').split(' ')
/** The default for the operators' key. */
export const PRODUCT_KEY = 'only-for-tests-of-the-product'
const LISTENING = /at (http:\/\/127\.0\.0\.\d+:\d+)/
const START_LIMIT_MS = 30_000
/** A pipeline that makes no progress for this long will not settle. */
const STILL_LIMIT_MS = 30_000
const SHOWN = 16_384

export interface Asked {
  readonly method?: string
  readonly headers?: Record<string, string>
  /** A string is sent unchanged, anything else as JSON. */
  readonly body?: unknown
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The parsed JSON. */
  readonly body: Record<string, unknown>
}

/** The body of POST /api/ops/faults; faults that are not named are switched off. */
export interface Faults {
  readonly store?: 'ok' | 'down' | 'busy' | 'hang' | 'slow'
  readonly slowMs?: number
  readonly log?: 'ok' | 'down'
  readonly throwForCustomers?: readonly number[]
  readonly poison?: number
}

/** The product as `npm start` runs it: a process on a free port, with a DATA_DIR that survives restarts. */
export interface Product {
  /** Changes at every startup. */
  readonly url: string
  readonly dataDir: string
  /** The operators' key: FUNCTIONS_KEY or, if that is empty, the key that the product generated. */
  readonly key: string
  /** Everything that it has written to standard error since its first start. */
  readonly log: string
  readonly isRunning: boolean
  /** Undefined while it is stopped. */
  readonly pid: number | undefined
  /** Resolves once the product prints its address; rejects if it exits before that. */
  start(): Promise<void>
  /** Sends SIGKILL; resolves when the process is gone, with null as the exit code. */
  kill(): Promise<number | null>
  /** Sends SIGTERM; resolves with the exit code, or with null if a signal ended the process. */
  stop(): Promise<number | null>
  ask(path: string, asked?: Asked): Promise<Answer>
  /** Uses the operators' key; rejects if the response is an error. */
  operate(path: string, asked?: Asked): Promise<Answer>
  breaks(faults: Faults): Promise<void>
  ledger(): Promise<LedgerVerdict>
  pipeline(): Promise<PipelineStatus>
  /** Resolves when no records are in flight in the orders topic, the retry topics and the dead-letter topic. */
  settled(): Promise<void>
}

/**
 * Runs a scenario against a product that starts with an empty directory. At the end of the scenario, all faults are
 * switched off, and then the pipeline must settle, the ledger must balance and have no gaps, and SIGTERM must end the
 * process with exit code 0. The directory is removed. Resolves with the scenario's result.
 */
export async function withProduct<T>(
  settings: Record<string, string>,
  story: (product: Product) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'product-'))
  const product = createProduct(join(directory, 'data'), settings)
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
    console.error(`The last output of the product:\n${product.log.slice(-SHOWN)}`)
    throw error
  } finally {
    if (product.isRunning) await product.kill()
    rmSync(directory, { recursive: true, force: true })
  }
}

/**
 * Starts the product, with an empty DATA_DIR unless the settings specify one. Disposal stops the product and removes
 * the directory. With FAULTS=on, disposal first switches all faults off and checks that the ledger balances, so every
 * test also checks that nothing was lost.
 */
export async function startProduct(settings: Record<string, string> = {}): Promise<Product & AsyncDisposable> {
  const directory = mkdtempSync(join(tmpdir(), 'product-'))
  const product = createProduct(settings['DATA_DIR'] ?? join(directory, 'data'), { LOG_LEVEL: 'warn', ...settings })
  async function end(): Promise<void> {
    try {
      if (settings['FAULTS'] === 'on' && product.isRunning) await expectBalanced(product)
    } finally {
      if (product.isRunning) await product.stop()
      rmSync(directory, { recursive: true })
    }
  }
  try {
    await product.start()
  } catch (error) {
    rmSync(directory, { recursive: true })
    throw error
  }
  return Object.assign(product, { [Symbol.asyncDispose]: end })
}

/**
 * Switches all faults off, waits until the log has been read, and expects the ledger to balance and to have no gaps.
 */
async function expectBalanced(product: Product): Promise<void> {
  await product.breaks({})
  for (;;) {
    const ledger = await product.ledger()
    if (ledger.totals.toCome === 0) return expect(ledger).toMatchObject({ balanced: true, gaps: [] })
    await sleep(50)
  }
}

/** Undefined if the connection was refused or dropped, as happens when the product is killed. */
export async function unlessCut<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    // The error of `fetch`.
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** All entries of a list, from all its pages. */
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
 * A product that has not been started yet; the caller stops it and removes its directory. `prefix` is the beginning of
 * the command line, for example a shell that sets a limit and then runs the rest.
 */
export function createProduct(
  dataDir: string,
  settings: Record<string, string>,
  prefix: () => readonly string[] = () => [],
): Product {
  const env = { PORT: '0', LOG_LEVEL: 'error', FUNCTIONS_KEY: PRODUCT_KEY, ...settings, DATA_DIR: dataDir }
  let url = ''
  const lives: RunningProgram[] = []
  const life = () => lives.at(-1)

  async function start(): Promise<void> {
    if (life()?.isRunning === true) throw new Error('It runs already.')
    const [command = '', ...args] = [...prefix(), process.execPath, ...START]
    const started = startProgram(command, args, { cwd: ROOT, env: { PATH: process.env['PATH'], ...env } })
    lives.push(started)
    const tooLong = setTimeout(() => void started.kill(), START_LIMIT_MS)
    try {
      url = LISTENING.exec(await started.says(LISTENING))?.[1] ?? ''
    } catch (error) {
      const code = await started.kill()
      throw new Error(`It ended with ${code ?? 'a signal'} before it listened: ${started.errors}`, { cause: error })
    } finally {
      clearTimeout(tooLong)
    }
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const running = life()
    if (running?.isRunning !== true) throw new Error('It does not run.')
    return running.kill(signal)
  }

  const keyNow = () => env.FUNCTIONS_KEY || readFileSync(join(dataDir, 'functions-key'), 'utf8').trim()

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
    const answer = await ask(path, { ...asked, headers: { ...headers, 'x-functions-key': keyNow() } })
    if (answer.status >= 400) throw new Error(`${asked.method ?? 'GET'} ${path}: ${answer.status} ${answer.text}`)
    return answer
  }

  const ledger = async () => (await operate('/api/ops/ledger')).body as unknown as LedgerVerdict
  const pipeline = async () => (await operate('/api/ops/status')).body as unknown as PipelineStatus

  /** The records in flight, and a string that changes when one moves. A log that is recovering has no figures yet. */
  async function look(): Promise<[onItsWay: number[], now: string]> {
    const key = { 'x-functions-key': keyNow() }
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
    // All counts must be zero twice in a row, because a single look may miss a record that moves from one topic to the
    // next.
    for (let times = 0; times < 2;) {
      const [onItsWay, now] = await look()
      times = onItsWay.every((count) => count === 0) ? times + 1 : 0
      if (now !== before) [before, stillSince] = [now, Date.now()]
      if (times === 0 && Date.now() - stillSince > STILL_LIMIT_MS) throw new Error(`It does not settle: ${now}`)
      await sleep(50)
    }
  }

  return {
    get url() {
      return url
    },
    dataDir,
    get key() {
      return keyNow()
    },
    get log() {
      return lives.map(({ errors }) => errors).join('')
    },
    get isRunning() {
      return life()?.isRunning ?? false
    },
    get pid() {
      return life()?.isRunning === true ? life()?.pid : undefined
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
}

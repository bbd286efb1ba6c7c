import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const WORKER_KEY = 'only-for-tests-of-the-worker'

export interface FunctionsWorker extends AsyncDisposable {
  readonly pid: number
  readonly url: string
  readonly isRunning: boolean
  /** What it wrote to standard output and to standard error so far. */
  readonly output: string
  readonly log: string
  get(path: string): Promise<Response>
  place(order: unknown): Promise<Response>
  /** How many of those have been answered. */
  readonly answered: number
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>
  /** Ends it as the runtime does, with what is in flight; the exit code. */
  terminate(): Promise<number | null>
}

export interface FunctionsWorkerOptions {
  readonly settings: Readonly<Record<string, string>>
  /** What runs the process in node's place, with node's path and arguments after it. */
  readonly launcher?: readonly string[]
}

/** functions-host-child.ts as a process of its own, with a SQLite file of its own for a store. */
export async function startFunctionsWorker({
  settings,
  launcher = [],
}: FunctionsWorkerOptions): Promise<FunctionsWorker> {
  const directory = mkdtempSync(join(tmpdir(), 'functions-worker-'))
  const entry = join(import.meta.dirname, '..', '..', 'integration', 'functions', 'host-child.ts')
  const [program = process.execPath, ...launchArgs] = launcher
  const args = launcher.length === 0 ? [entry] : [...launchArgs, process.execPath, entry]
  const child = spawn(program, args, {
    env: {
      PATH: process.env['PATH'],
      FUNCTIONS_KEY: WORKER_KEY,
      ORDER_ID_SECRET: 'a-secret-of-this-test-alone',
      SQL_CONNECTION_STRING: 'Server=127.0.0.1,1;Database=orders;User Id=orders;Password=of-nothing-1A',
      TEST_STORE: join(directory, 'orders.db'),
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const closed = once(child, 'close')
  let answered = 0
  let output = ''
  let log = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  child.stderr.on('data', (chunk) => (log += String(chunk)))
  const isRunning = () => child.exitCode === null && child.signalCode === null

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    child.kill(signal)
    await closed
    return child.exitCode
  }

  const said = once(child.stdout, 'data') as Promise<[Buffer]>
  const url = await Promise.race([said.then(([line]) => String(line).trim()), closed.then(() => undefined)])
  if (url === undefined) {
    rmSync(directory, { recursive: true })
    throw new Error(`The worker ended with ${child.exitCode ?? child.signalCode} before it listened: ${log}`)
  }
  const headers = { 'x-functions-key': WORKER_KEY }
  return {
    pid: child.pid ?? 0,
    url,
    get isRunning() {
      return isRunning()
    },
    get output() {
      return output
    },
    get log() {
      return log
    },
    get: (path) => fetch(url + path, { headers }),
    async place(order) {
      const response = await fetch(`${url}/api/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(order),
      })
      answered += 1
      return response
    },
    get answered() {
      return answered
    },
    stop: () => end('SIGTERM'),
    terminate: () => end('SIGUSR2'),
    async [Symbol.asyncDispose]() {
      if (isRunning()) await end('SIGKILL')
      rmSync(directory, { recursive: true })
    },
  }
}

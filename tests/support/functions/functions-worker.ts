import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProgram, type RunningProgram } from '../product/running-program.ts'

export const WORKER_KEY = 'only-for-tests-of-the-worker'

export interface FunctionsWorker extends AsyncDisposable {
  readonly process: RunningProgram
  readonly url: string
  get(path: string): Promise<Response>
  place(order: unknown): Promise<Response>
  /** How many requests to place an order have been answered. */
  readonly answered: number
  /** Sends SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  /** Ends the worker as the runtime does, even while requests are in flight; resolves with the exit code. */
  terminate(): Promise<number | null>
}

export interface FunctionsWorkerOptions {
  readonly settings: Readonly<Record<string, string>>
  /** The part of the command line that precedes node's path and arguments. */
  readonly launcher?: readonly string[]
}

/** Starts host-child.ts in its own process, with its own SQLite file as the store. */
export async function startFunctionsWorker({
  settings,
  launcher = [],
}: FunctionsWorkerOptions): Promise<FunctionsWorker> {
  const directory = mkdtempSync(join(tmpdir(), 'functions-worker-'))
  const entry = join(import.meta.dirname, '..', '..', 'integration', 'functions', 'host-child.ts')
  const [command, ...args] = [...launcher, process.execPath, entry]
  const program = startProgram(command, args, {
    env: {
      PATH: process.env['PATH'],
      FUNCTIONS_KEY: WORKER_KEY,
      ORDER_ID_SECRET: 'a-secret-of-this-test-alone',
      SQL_CONNECTION_STRING: 'Server=127.0.0.1,1;Database=orders;User Id=orders;Password=of-nothing-1A',
      TEST_STORE: join(directory, 'orders.db'),
      ...settings,
    },
  })
  let answered = 0
  async function end(): Promise<void> {
    await program.kill()
    rmSync(directory, { recursive: true })
  }
  const url = await program.says(/^http:/).catch(async (error) => {
    await end()
    throw error
  })
  const headers = { 'x-functions-key': WORKER_KEY }
  return {
    process: program,
    url,
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
    stop: () => program.kill('SIGTERM'),
    terminate: () => program.kill('SIGUSR2'),
    [Symbol.asyncDispose]: end,
  }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { LedgerVerdict } from '../../../shared/application/ledger/ledger.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
export const PRODUCT_KEY = 'only-for-tests-of-the-product'

export interface ProductProcess extends AsyncDisposable {
  readonly url: string
  readonly dataDir: string
  /** What it wrote to standard error, once it has ended. */
  readonly log: Promise<string>
  /** As a power cut would; the data stays until it is disposed of. */
  kill(): Promise<void>
}

/**
 * The product as `npm start` runs it, on a free port and an empty DATA_DIR of its own; disposing of it removes both. One
 * with FAULTS=on that still runs is mended first, and its ledger must balance: whatever was broken, nothing was lost.
 */
export async function startProductProcess(settings: Record<string, string> = {}): Promise<ProductProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'product-'))
  const env = {
    DATA_DIR: join(directory, 'data'),
    PORT: '0',
    LOG_LEVEL: 'warn',
    FUNCTIONS_KEY: PRODUCT_KEY,
    ...settings,
  }
  const child = spawn(process.execPath, [join(ROOT, 'infra/host/start.ts')], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const closed = once(child, 'close')
  const errors = text(child.stderr)
  async function end(): Promise<void> {
    child.stdout.resume()
    child.kill('SIGTERM')
    await closed
    rmSync(directory, { recursive: true })
  }
  async function endBalanced(url: string): Promise<void> {
    try {
      const isRunning = child.exitCode === null && child.signalCode === null
      if (settings['FAULTS'] === 'on' && isRunning) await expectBalanced(url, keyOf(env))
    } finally {
      await end()
    }
  }
  let output = ''
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    output += String(chunk)
    const url = /at (http:\/\/127\.0\.0\.\d+:\d+)/.exec(output)?.[1]
    if (url === undefined) continue
    child.stdout.resume()
    const kill = async () => {
      child.kill('SIGKILL')
      await closed
    }
    return { url, dataDir: env.DATA_DIR, log: errors, kill, [Symbol.asyncDispose]: () => endBalanced(url) }
  }
  await end()
  throw new Error(`The product did not start: ${output}${await errors}`)
}

function keyOf({ FUNCTIONS_KEY: key, DATA_DIR: dataDir }: { FUNCTIONS_KEY: string; DATA_DIR: string }): string {
  return key === '' ? readFileSync(join(dataDir, 'functions-key'), 'utf8').trim() : key
}

async function expectBalanced(url: string, key: string): Promise<void> {
  const headers = { 'x-functions-key': key, 'content-type': 'application/json' }
  await fetch(`${url}/api/ops/faults`, { method: 'POST', headers, body: '{}' })
  for (;;) {
    const ledger = (await (await fetch(`${url}/api/ops/ledger`, { headers })).json()) as LedgerVerdict
    if (ledger.totals.toCome === 0) return expect(ledger).toMatchObject({ balanced: true, gaps: [] })
    await sleep(50)
  }
}

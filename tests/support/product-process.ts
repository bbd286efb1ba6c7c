import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const ROOT = join(import.meta.dirname, '..', '..')
export const PRODUCT_KEY = 'only-for-tests-of-the-product'

export interface ProductProcess extends AsyncDisposable {
  readonly url: string
  readonly dataDir: string
  /** What it wrote to standard error, once it has ended. */
  readonly log: Promise<string>
  /** As a power cut would; the data stays until it is disposed of. */
  kill(): Promise<void>
}

/** The product as `npm start` runs it, on a free port and an empty DATA_DIR of its own; disposing of it removes both. */
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
  let output = ''
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    output += String(chunk)
    const url = /at (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1]
    if (url === undefined) continue
    child.stdout.resume()
    const kill = async () => {
      child.kill('SIGKILL')
      await closed
    }
    return { url, dataDir: env.DATA_DIR, log: errors, kill, [Symbol.asyncDispose]: end }
  }
  await end()
  throw new Error(`The product did not start: ${output}${await errors}`)
}

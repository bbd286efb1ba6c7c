import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { headerText } from '../infra/ops/header-text.ts'
import type { Environment } from '../shared/settings/environment.ts'

/** The server under test. */
export interface Target {
  readonly url: string
  /** The function key, which is needed to read the lag and the ledger. */
  readonly key: string | undefined
  /** The process id, for reading CPU and memory; undefined if this process did not start the server. */
  readonly pid: number | undefined
  stop(): Promise<void>
}

/** The target did not respond, or its response was not as expected, so the run cannot start or has no outcome. */
export class TargetError extends Error {
  override readonly name = 'TargetError'
}

/** The checkout that this file belongs to. */
export const ROOT = join(import.meta.dirname, '..')
const START_TIMEOUT_MS = 30_000
const ASK_TIMEOUT_MS = 40_000
export const KEY_HINT = 'the key is wrong or missing (--key, FUNCTIONS_KEY)'

export function runningTarget(url: string, key: string | undefined): Target {
  return { url: url.replace(/\/+$/, ''), key, pid: undefined, stop: async () => undefined }
}

/**
 * Starts the product from a checkout, in the same way as `npm start`, on a free port. The environment may name a Kafka
 * broker and a SQL Server. Without a `DATA_DIR` in `settings`, the product gets an empty temporary directory, which
 * `stop` removes.
 */
export async function startProduct(settings: Readonly<Record<string, string>> = {}, root = ROOT): Promise<Target> {
  const directory = mkdtempSync(join(tmpdir(), 'loadtest-'))
  const key = randomBytes(24).toString('base64url')
  // The store is empty, so leftover records in an old topic would be stored first.
  const topic = `loadtest-${Date.now().toString(36)}`
  const own = { DATA_DIR: directory, PORT: '0', HOST: '127.0.0.1', FUNCTIONS_KEY: key, ORDERS_TOPIC: topic }
  const environment = { LOG_LEVEL: 'error', ...process.env, FAULTS: 'off', ...own, ...settings }
  const remove = () => rmSync(directory, { recursive: true, force: true })
  process.once('exit', remove)
  const server = await startServer('The product', startCommand(root), environment, root)
  return {
    ...server,
    key,
    async stop() {
      await server.stop()
      process.off('exit', remove)
      remove()
    },
  }
}

/** The command that `npm start` runs, using this process's Node. */
function startCommand(root: string): [string, ...string[]] {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } }
  const [, ...words] = scripts.start.split(' ')
  return [process.execPath, ...words]
}

/**
 * Starts a program that prints the address on which it listens. Rejects with the program's standard error if the
 * program exits before that.
 */
export async function startServer(
  name: string,
  [command, ...words]: readonly [string, ...string[]],
  environment: Environment,
  directory = ROOT,
): Promise<Omit<Target, 'key'>> {
  const child = spawn(command, words, { cwd: directory, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  const killAtExit = () => void child.kill('SIGKILL')
  process.once('exit', killAtExit)
  const errors = text(child.stderr)
  async function stop(): Promise<void> {
    process.off('exit', killAtExit)
    child.kill('SIGTERM')
    await closed
  }

  const tooLong = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS)
  let output = ''
  try {
    for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
      output += String(chunk)
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0]
      if (url === undefined) continue
      child.stdout.resume()
      return { url, pid: child.pid, stop }
    }
  } finally {
    clearTimeout(tooLong)
  }
  await stop()
  throw new TargetError(`${name} did not start. ${(await errors).trim()}`)
}

/**
 * Gets JSON, or posts `body`. Throws `TargetError` if there is no response, the response is not JSON, or the key is
 * refused.
 */
export async function ask(target: Target, path: string, body?: unknown) {
  const headers = {
    ...(target.key !== undefined && { 'x-functions-key': headerText(target.key) }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
  const content = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  try {
    const answer = await fetch(target.url + path, { headers, ...content, signal: AbortSignal.timeout(ASK_TIMEOUT_MS) })
    return { status: answer.status, body: parse(target, path, answer.status, await answer.text()) }
  } catch (error) {
    if (error instanceof TargetError) throw error
    throw new TargetError(`${target.url}${path} does not answer as expected.`, { cause: error })
  }
}

/** The Functions runtime refuses a key without a body, so the status has to say why there is no JSON. */
function parse({ url }: Target, path: string, status: number, text: string): unknown {
  if (status === 401) throw new TargetError(`${url}${path} answered 401: ${KEY_HINT}.`)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new TargetError(`${url}${path} answered ${status}, but not in JSON.`, { cause: error })
  }
}

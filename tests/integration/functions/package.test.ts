import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fillPackageDirectory } from '../../support/functions/package-directory.ts'

/** Loads the package as the Functions runtime's worker does, from a directory that contains nothing else. */
const WORKER = fileURLToPath(new URL('worker-child.ts', import.meta.url))
const SETTINGS = {
  KAFKA_BROKERS: '127.0.0.1:1',
  SQL_CONNECTION_STRING:
    'Server=127.0.0.1,1;Database=orders;User Id=orders;Password=of-nothing-1A;TrustServerCertificate=true',
  ORDER_ID_SECRET: 'a-secret-of-this-test-alone',
  LOG_LEVEL: 'silent',
}

interface Loaded {
  readonly functions: { readonly name: string; readonly bindings: Record<string, Record<string, unknown>> }[]
  readonly files: string[]
}

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'package-'))
  fillPackageDirectory(directory)
})
afterAll(() => rmSync(directory, { recursive: true }))

function run(settings: Record<string, string>) {
  const { PATH = '' } = process.env
  return spawnSync(process.execPath, [WORKER, directory], {
    cwd: directory,
    env: { PATH, FUNCTIONS_WORKER_RUNTIME: 'node', ...settings },
    encoding: 'utf8',
    // A process that hangs fails its own test without blocking the others.
    timeout: 30_000,
    killSignal: 'SIGKILL',
  })
}

function load(settings: Record<string, string> = SETTINGS): Loaded {
  const { status, stdout, stderr } = run(settings)
  if (status !== 0) throw new Error(`The package could not be loaded: ${stderr}`)
  return JSON.parse(stdout) as Loaded
}

function kafkaTriggers({ functions }: Loaded) {
  return functions.flatMap(({ name, bindings }) =>
    Object.values(bindings).flatMap((binding) => (binding['type'] === 'kafkaTrigger' ? [{ ...binding, name }] : [])),
  )
}

describe('the package', () => {
  test('registers the recorded functions, routes, bindings and retry policies', async () => {
    // In the order in which the runtime tries the functions: by name, ignoring case.
    const index = load().functions.sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1))
    const lines = index.map((each) => `${JSON.stringify(each)}\n`).join('')
    await expect(lines).toMatchFileSnapshot('functions-index.jsonl')
  })

  test('registers the catch-all last, by name and by order, because the runtime prefers no route', () => {
    const { functions } = load()
    const byName = functions.map(({ name }) => name.toLowerCase()).toSorted()
    expect(byName.at(-1)).toBe('zzcatchall')
    expect(functions.at(-1)?.name).toBe('zzCatchAll')
  })

  test('imports no external code of the embedded log and store, or of the embedded host', () => {
    const { files } = load()
    const inside = pathToFileURL(`${directory}/`).href
    expect(files.filter((file) => !file.startsWith(inside))).toEqual([])
    const loaded = files.map((file) => file.slice(inside.length))
    expect(loaded).toContain('dist/shared/adapters/kafka/kafka-log.js')
    expect(loaded.filter((file) => /adapters\/(?:embedded|sqlite|faults)\/|^dist\/infra\//.test(file))).toEqual([])
  })

  test('subscribes to one retry topic for each delay', () => {
    const triggers = kafkaTriggers(load({ ...SETTINGS, RETRY_DELAYS: '5s' }))
    expect(triggers.map(({ name }) => name).sort()).toEqual(['consumeDeadLetters', 'consumeOrders', 'consumeRetry1'])
  })

  test('gives the trigger its credentials as names of settings, never as values', () => {
    const triggers = kafkaTriggers(
      load({
        ...SETTINGS,
        KAFKA_SECURITY_PROTOCOL: 'sasl_ssl',
        KAFKA_SASL_MECHANISM: 'plain',
        KAFKA_USERNAME: '$ConnectionString',
        KAFKA_PASSWORD: 'Endpoint=sb://example.invalid/',
      }),
    )
    expect(triggers.length).toBeGreaterThan(0)
    for (const trigger of triggers) {
      expect(trigger).toMatchObject({
        brokerList: '%KAFKA_BROKERS%',
        protocol: 'saslSsl',
        authenticationMode: 'plain',
        username: '%KAFKA_USERNAME%',
        password: '%KAFKA_PASSWORD%',
      })
    }
  })

  test('refuses to load on an outdated Node, in one line', () => {
    const old = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })"
    const { status, stderr } = run({ ...SETTINGS, NODE_OPTIONS: `--import=data:text/javascript,${encodeURI(old)}` })
    expect(status).not.toBe(0)
    expect(stderr).toContain('OrderError: Node 20.20.2 is too old: this needs Node 22.18 or later.\n')
  })

  test('refuses to load when a setting is missing, and names it', () => {
    const { KAFKA_BROKERS: _, ...others } = SETTINGS
    const { status, stderr } = run(others)
    expect(status).not.toBe(0)
    expect(stderr).toContain('KAFKA_BROKERS and SQL_CONNECTION_STRING must be set')
  })
})

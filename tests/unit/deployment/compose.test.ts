import { spawnSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { fillEnv } from '../../../infra/docker/env-file.ts'
import { readConfig, SETTING_NAMES } from '../../../shared/settings/config.ts'
import { settingsWithoutEffect } from '../../../shared/settings/settings-without-effect.ts'
import { MAX_BODY_BYTES } from '../../../shared/http/protocol/json-body.ts'
import { createTopics } from '../../../shared/messaging/topics.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

interface Service {
  readonly image?: string
  readonly build?: { readonly dockerfile: string }
  readonly environment?: Record<string, string>
  readonly env_file?: string[]
  readonly ports?: string[]
  readonly networks?: string[]
  readonly depends_on?: Record<string, { condition: string }>
  readonly deploy?: { resources: { limits: { cpus: string; memory: string } } }
  readonly restart?: string
  readonly stop_signal?: string
  readonly volumes?: string[]
  readonly read_only?: boolean
  readonly tmpfs?: string[]
}
interface Compose {
  readonly services: Record<string, Service>
  readonly networks: Record<string, { internal?: boolean } | null>
  readonly volumes: Record<string, unknown>
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose
const services = Object.entries(compose.services)
const ROLES = ['order-api', 'order-processor', 'order-query'] as const

describe('the roles', () => {
  /** The names of the functions in the package, as package.test.ts recorded them. */
  const functions = read('tests/integration/functions/functions-index.jsonl')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { name: string }).name)
  /** The functions that every instance serves: health, metrics and the catch-all route. */
  const OF_ALL = ['liveness', 'metrics', 'readiness', 'zzCatchAll']

  function disabledBy(role: string): string[] {
    const lines = read(`infra/kubernetes/base/${role}.env`).split('\n')
    return lines.flatMap((line) => /^AzureWebJobs_([^_]+)_Disabled=true$/.exec(line)?.[1] ?? [])
  }

  test('together serve every function once, except those of every instance', () => {
    const servedBy = (name: string) => ROLES.filter((role) => !disabledBy(role).includes(name))
    const served = Object.fromEntries(functions.map((name) => [name, servedBy(name).length]))
    const expected = functions.map((name) => [name, OF_ALL.includes(name) ? ROLES.length : 1])
    expect(served).toEqual(Object.fromEntries(expected))
  })

  test('name no unknown function, except those that only FAULTS=on adds', () => {
    const unknown = ROLES.flatMap(disabledBy).filter((name) => !functions.includes(name))
    expect([...new Set(unknown)].sort()).toEqual(['getFaults', 'setFaults'])
  })

  test('divide the functions by purpose', () => {
    const served = (role: string) =>
      functions.filter((name) => !disabledBy(role).includes(name) && !OF_ALL.includes(name))
    expect(served('order-api')).toEqual(['amendOrder', 'cancelOrder', 'placeOrder', 'placeOrderOriginal'])
    expect(served('order-processor')).toEqual([
      'consumeDeadLetters',
      'consumeOrders',
      'consumeRetry1',
      'consumeRetry2',
      'consumeRetry3',
    ])
  })

  test.each(ROLES)('%s runs in compose with its own list and the common settings', (role) => {
    const service = compose.services[role]
    expect(service?.env_file).toEqual([`infra/kubernetes/base/${role}.env`])
    expect(service?.environment).toEqual(compose.services['order-api']?.environment)
  })
})

describe('the image of the functions', () => {
  const dockerfile = read('infra/docker/functions/Dockerfile')

  test('is stopped by the signal that the runtime handles on every .NET, in compose too', () => {
    expect(dockerfile).toMatch(/^STOPSIGNAL SIGINT$/m)
    for (const role of ROLES) expect(compose.services[role]?.stop_signal, `of ${role}`).toBe('SIGINT')
  })

  test('refuses bodies a little above the limit of the functions, so that they still answer 413', () => {
    const limit = Number(/FUNCTIONS_REQUEST_BODY_SIZE_LIMIT=(\d+)/.exec(dockerfile)?.[1])
    expect(limit).toBeGreaterThan(MAX_BODY_BYTES)
    expect(limit).toBeLessThan(1.1 * MAX_BODY_BYTES)
  })

  test('gives Node the flags of npm start, and order-processor, which replaces them, does too', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: { start: string } }
    const flags = scripts.start.split(' ').filter((word) => /^--(?!import)/.test(word))
    expect(flags).not.toEqual([])
    const ofImage = /NODE_OPTIONS="(.+)"/.exec(dockerfile)?.[1]
    const ofProcessor = /^NODE_OPTIONS=(.+)$/m.exec(read('infra/kubernetes/base/order-processor.env'))?.[1]
    for (const options of [ofImage, ofProcessor]) expect(options?.split(' ')).toEqual(expect.arrayContaining(flags))
  })

  test('has programs at the paths where it calls them: the entrypoint, the health check and the settings check', () => {
    expect(dockerfile).toMatch(/^ENTRYPOINT \["functions-entrypoint"\]$/m)
    expect(dockerfile).toMatch(/^HEALTHCHECK .* CMD \["functions-healthy"\]$/m)
    for (const [, from, to] of dockerfile.matchAll(/^COPY --chmod=0755 (\S+) (\S+)$/gm)) {
      expect(statSync(join(ROOT, from ?? '')).isFile(), to).toBe(true)
    }
    const built = parse(read('tsconfig.build.json')) as { include: string[] }
    expect(built.include).toContain('infra/functions/check-settings.ts')
    expect(read('infra/docker/functions/entrypoint.sh')).toContain('dist/infra/functions/check-settings.js')
  })
})

describe('Dockerfiles', () => {
  const files = ['infra/docker/embedded', 'infra/docker/functions', 'infra/docker/mssql', 'loadtest'].map(
    (directory) => `${directory}/Dockerfile`,
  )

  test.each(files)('%s builds on Docker Engine 20.10, and downloads no Dockerfile syntax', (file) => {
    expect(read(file)).not.toMatch(/^# syntax=|--start-interval/m)
  })

  test('the one-container image runs the command of npm start, and fills its compile cache with the same one', () => {
    const dockerfile = read('infra/docker/embedded/Dockerfile')
    const { scripts } = JSON.parse(read('package.json')) as { scripts: { start: string } }
    expect(/^ENTRYPOINT (.+)$/m.exec(dockerfile)?.[1]).toBe(`["${scripts.start.split(' ').join('", "')}"]`)
    expect(/fill-compile-cache\.sh \S+ \\\n +(.+)$/m.exec(dockerfile)?.[1]).toBe(scripts.start)
  })
})

describe('docker-compose.yml', () => {
  test('gives the functions settings that they accept', () => {
    const environment = Object.entries(compose.services['order-api']?.environment ?? {})
    const filled = environment.map(([name, value]) => [name, interpolate(value)])
    const config = readConfig(Object.fromEntries(filled) as Record<string, string>, 'functions')
    expect(config.kafka?.brokers).toEqual(['kafka:9092'])
    expect(config.retryDelaysMs).toEqual([10_000, 60_000, 600_000])
  })

  test('gives the functions no setting that only the embedded host reads', () => {
    const names = Object.keys(compose.services['order-api']?.environment ?? {})
    const environment = Object.fromEntries(names.map((name) => [name, 'a value']))
    expect(settingsWithoutEffect(environment, SETTING_NAMES, 'functions')).toEqual([])
  })

  test('has no setting whose name the trigger would take for a topic or consumer group', () => {
    const { orders, group, retries, deadLetters, deadLetterGroup } = createTopics(
      'orders',
      'order-processor',
      [1, 2, 3],
    )
    const names = [orders, group, deadLetters, deadLetterGroup, ...retries.flatMap((tier) => [tier.topic, tier.group])]
    const settings = Object.keys(compose.services['order-api']?.environment ?? {}).map((name) => name.toLowerCase())
    expect(names.filter((name) => settings.includes(name.toLowerCase()))).toEqual([])
  })

  test('contains no secret, and refuses to start without one', () => {
    for (const [name, { environment = {} }] of services) {
      for (const [setting, value] of Object.entries(environment)) {
        if (!/PASSWORD|SECRET|_KEY$|SQL_CONNECTION_STRING/.test(setting)) continue
        expect(value, `${name} ${setting}`).toMatch(/\$\{[A-Z_]+:\?run `node infra\/docker\/make-env\.ts`\}/)
        expect(value.replaceAll(/\$\{[^}]*\}/g, ''), `${name} ${setting}`).not.toMatch(/Password=\w/)
      }
    }
  })

  test('publishes on loopback only, and nothing of broker or database', () => {
    const published = services.flatMap(([name, { ports = [] }]) => ports.map((port) => [name, interpolate(port)]))
    for (const [name, port] of published) expect(port, `of ${name}`).toMatch(/^127\.0\.0\.1:/)
    const names = published.map(([name]) => name)
    expect(names).toContain('gateway')
    expect(names).not.toContain('kafka')
    expect(names).not.toContain('sqlserver')
    expect(compose.networks['backend']?.internal).toBe(true)
    for (const name of ['kafka', 'sqlserver'])
      expect(compose.services[name]?.networks, `of ${name}`).toEqual(['backend'])
    for (const name of ['gateway', 'seq', 'loadtest'])
      expect(compose.services[name]?.networks, `of ${name}`).toEqual(['edge'])
  })

  test.each(services)('%s has a policy for restarts, limits and networks by name', (_name, service) => {
    expect(service.restart).toBeDefined()
    expect(service.networks?.length).toBeGreaterThan(0)
    expect(service.deploy?.resources.limits).toMatchObject({ cpus: expect.any(String), memory: expect.any(String) })
  })

  test('pins the version of every image that is not built here', () => {
    const pulled = services.flatMap(([, { build, image }]) => (build === undefined ? [image] : []))
    expect(pulled.length).toBeGreaterThan(0)
    for (const image of pulled) expect(image).toMatch(/:v?\d+\.\d+(?:\.\d+)?(?:-\w+)?(?:@sha256:[0-9a-f]{64})?$/)
    // These two digests still have to be looked up in the images' registries.
    const undigested = pulled.filter((image) => !image?.includes('@')).map((image) => image?.split(':')[0])
    expect(undigested).toEqual(['caddy', 'datalust/seq'])
    const built = services.flatMap(([, { build }]) => (build === undefined ? [] : [build.dockerfile]))
    for (const dockerfile of built) expect(statSync(join(ROOT, dockerfile)).isFile(), `of ${dockerfile}`).toBe(true)
  })

  test('keeps durable data in volumes', () => {
    for (const name of ['kafka', 'sqlserver', 'seq']) {
      expect(compose.services[name]?.volumes?.[0], `of ${name}`).toMatch(new RegExp(`^${name}-data:/`))
    }
  })

  test('starts the functions when their dependencies are healthy, and the gateway when they are', () => {
    const healthy = { condition: 'service_healthy' }
    expect(compose.services['order-api']?.depends_on).toEqual({ kafka: healthy })
    for (const role of ['order-processor', 'order-query']) {
      expect(compose.services[role]?.depends_on, `of ${role}`).toEqual({ kafka: healthy, sqlserver: healthy })
    }
    expect(compose.services['gateway']?.depends_on).toEqual({ 'order-api': healthy, 'order-query': healthy })
  })

  test('lets the roles write only to /tmp', () => {
    for (const role of ROLES) {
      expect(compose.services[role], `of ${role}`).toMatchObject({ read_only: true, tmpfs: ['/tmp:exec'] })
      expect(compose.services[role]?.volumes, `of ${role}`).toBeUndefined()
    }
  })

  test('needs only features of Docker Engine 20.10', () => {
    expect(read('docker-compose.yml')).not.toContain('start_interval')
  })
})

describe('.env', () => {
  const example = read('.env.example')

  test('requires only the settings that the example names', () => {
    const named = new Set(example.split('\n').flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []))
    const demanded = [...read('docker-compose.yml').matchAll(/\$\{([A-Z_]+):\?/g)].map(([, name]) => name)
    expect(demanded.length).toBeGreaterThan(0)
    expect([...new Set(demanded)].filter((name) => !named.has(name ?? ''))).toEqual([])
  })

  test('has no secret in the example', () => {
    expect(example).not.toMatch(/^\w+_(?:SECRET|KEY|PASSWORD)=./m)
  })

  test('is filled with distinct secrets that SQL Server and the entrypoint accept', () => {
    const filled = [...fillEnv(example, '').matchAll(/^\w+_(?:SECRET|KEY|PASSWORD)=(.*)$/gm)].map(([, value]) => value)
    expect(filled.length).toBeGreaterThanOrEqual(7)
    expect(new Set(filled).size).toBe(filled.length)
    for (const secret of filled) expect(secret).toMatch(/^(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[A-Za-z0-9]{40}$/)
  })

  test('keeps existing values, unknown names too, and gains new ones', () => {
    const present = 'OLD_KEY=kept=as it is\nOWN=mine\n'
    expect(fillEnv('# About it.\nOLD_KEY=\nNEW_KEY=\nPORT=1\n', present, () => 'random')).toBe(
      '# About it.\nOLD_KEY=kept=as it is\nNEW_KEY=random\nPORT=1\n\nOWN=mine\n',
    )
    const once = fillEnv(example, '')
    expect(fillEnv(example, once)).toBe(once)
  })

  test.each([
    'export ORDER_ID_SECRET=kept-as-it-is',
    'ORDER_ID_SECRET: kept-as-it-is',
    "kept-as-it-is'",
    '-----END-----',
  ])('refuses a line that it cannot read, by its number, and changes nothing: %s', (line) => {
    const file = join(temporaryDirectory(), '.env')
    const present = `# Ours.\r\n\r\n  OWN = mine\n${line}\n`
    writeFileSync(file, present)
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'infra/docker/make-env.ts'), file], {
      encoding: 'utf8',
    })
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/: Line 4 is neither NAME=value nor a comment\. .*\n$/)
    expect(stderr).not.toContain('kept-as')
    expect(readFileSync(file, 'utf8')).toBe(present)
  })
})

/** Resolves variables as compose does, with the same value for every secret. */
function interpolate(text: string): string {
  return text
    .replaceAll(/\$\{[A-Z_]+:\?[^}]*\}/g, 'a-secret-of-this-test-alone')
    .replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1')
}

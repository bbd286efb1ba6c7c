import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { freePort } from '../../support/free-port.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const ENTRYPOINT = join(ROOT, 'infra/docker/functions/entrypoint.sh')
const HEALTHY = join(ROOT, 'infra/docker/functions/healthy.sh')
const EMBEDDED_HEALTHY = join(ROOT, 'infra/docker/embedded/healthy.js')
const RUNTIME = join(ROOT, 'tests/support/functions/functions-runtime.js')
const KEYS = { FUNCTIONS_KEY: 'an-operators-key', FUNCTIONS_MASTER_KEY: 'a-master-key-of-all==' }
const SETTINGS = {
  KAFKA_BROKERS: 'kafka:9092',
  SQL_CONNECTION_STRING: 'Server=sqlserver,1433;Database=orders;User Id=orders;Password=only-for-tests-1A',
  ORDER_ID_SECRET: 'a-secret-of-this-test-alone',
}
const GOOD = { ...KEYS, ...SETTINGS }
/** HEALTHCHECK's timeout in both Dockerfiles. */
const CHECK_TIMEOUT_MS = 5000
/** The image's sh is dash; the entrypoint must also run in another shell. */
const SHELLS = ['dash', 'bash'].filter((shell) => spawnSync(shell, ['-c', 'true']).status === 0)

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
  const program = join(directory, 'dist', 'infra', 'functions')
  mkdirSync(program, { recursive: true })
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}')
  const source = pathToFileURL(join(ROOT, 'infra/functions/check-settings.ts')).href
  writeFileSync(join(program, 'check-settings.js'), `import ${JSON.stringify(source)}\n`)
})

function environment(settings: Record<string, string>) {
  const { PATH = '' } = process.env
  return {
    PATH,
    FUNCTIONS_SECRETS_PATH: join(directory, 'keys'),
    AzureWebJobsScriptRoot: directory,
    HEALTH_STATE: join(directory, 'health'),
    ...settings,
  }
}

function enter(settings: Record<string, string>, command: readonly string[] = ['true'], shell = 'sh') {
  return spawnSync(shell, [ENTRYPOINT, ...command], { env: environment(settings), encoding: 'utf8' })
}

/** The entrypoint, run as the container's first process, with a stand-in for the runtime. */
async function start(state: 'serving' | 'empty' | 'hanging' | 'dead', shell = 'sh') {
  const port = String(await freePort())
  const settings = environment({ ...GOOD, HEALTH_URL: `http://127.0.0.1:${port}/api/health/live` })
  const child = spawn(shell, [ENTRYPOINT, process.execPath, RUNTIME, state, port], { env: settings })
  const closed = once(child, 'close')
  const errors = text(child.stderr)
  let said = ''
  child.stdout.on('data', (chunk) => (said += String(chunk)))
  await vi.waitFor(() => expect(said).toContain('listening'), { timeout: 30_000 })
  return {
    child,
    said: () => said,
    /** The exit code; null if Docker would have ended the check. */
    healthy: (limitSeconds: number) =>
      spawnSync(shell, [HEALTHY], {
        env: { ...settings, HEALTH_LIMIT_S: String(limitSeconds) },
        timeout: CHECK_TIMEOUT_MS,
      }).status,
    async ended() {
      await closed
      return { code: child.exitCode, signal: child.signalCode, errors: await errors }
    },
    async [Symbol.asyncDispose]() {
      const host = join(directory, 'health', 'host')
      if (child.exitCode === null && existsSync(host)) process.kill(Number(readFileSync(host, 'utf8')), 'SIGKILL')
      await closed
    },
  }
}

describe.skipIf(process.platform !== 'linux')('the entrypoint of the image', () => {
  test('writes the keys in the form the runtime reads, for its own user only', () => {
    const file = join(directory, 'keys', 'host.json')
    const { status, stdout } = enter(GOOD, ['cat', file])
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      masterKey: { name: 'master', value: KEYS.FUNCTIONS_MASTER_KEY, encrypted: false },
      functionKeys: [{ name: 'default', value: KEYS.FUNCTIONS_KEY, encrypted: false }],
      systemKeys: [],
    })
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  test('removes them from the environment', () => {
    const { stdout } = enter(GOOD, ['env'])
    expect(stdout).toContain('FUNCTIONS_SECRETS_PATH=')
    expect(stdout).not.toContain(KEYS.FUNCTIONS_KEY)
    expect(stdout).not.toContain(KEYS.FUNCTIONS_MASTER_KEY)
  })

  test('reads them from mounted secret files too', () => {
    const secret = join(directory, 'secret')
    writeFileSync(secret, 'a-key-from-a-file\n')
    const { FUNCTIONS_KEY: _, ...others } = GOOD
    const { stdout } = enter({ ...others, FUNCTIONS_KEY_FILE: secret }, ['cat', join(directory, 'keys', 'host.json')])
    expect(JSON.parse(stdout)).toMatchObject({ functionKeys: [{ value: 'a-key-from-a-file' }] })
  })

  test('accepts a file with Windows line endings', () => {
    const secret = join(directory, 'secret')
    writeFileSync(secret, 'a-key-from-a-file\r\n')
    const settings = { ...GOOD, FUNCTIONS_KEY: '', FUNCTIONS_KEY_FILE: secret }
    const { stdout } = enter(settings, ['cat', join(directory, 'keys', 'host.json')])
    expect(JSON.parse(stdout)).toMatchObject({ functionKeys: [{ value: 'a-key-from-a-file' }] })
  })

  // This test has to run the entrypoint as a user other than root, because root can read every file. Only root can run
  // a program as another user.
  test.skipIf(process.getuid?.() !== 0)('says whose file it may not read', () => {
    const secret = join(directory, 'secret')
    writeFileSync(secret, 'a-key-from-a-file\n', { mode: 0o600 })
    chmodSync(directory, 0o755)
    const env = environment({ ...GOOD, FUNCTIONS_KEY: '', FUNCTIONS_KEY_FILE: secret })
    const { status, stderr } = spawnSync('sh', ['-s', 'true'], {
      input: readFileSync(ENTRYPOINT),
      env,
      uid: 1654,
      gid: 1654,
      encoding: 'utf8',
    })
    expect(status).toBe(1)
    expect(stderr).toBe(
      `FUNCTIONS_KEY_FILE names ${secret}, which cannot be read: it has mode 600 and belongs to user 0, but this process runs as user 1654.\n`,
    )
  })

  test.each([
    ['a key is missing', { FUNCTIONS_KEY: '' }, 'FUNCTIONS_KEY must be set'],
    ['a key is short', { FUNCTIONS_KEY: 'short' }, 'at least 16 characters'],
    ['a key would break the file', { FUNCTIONS_KEY: 'sixteen-and-more"}' }, 'may contain only letters, digits'],
    ['a file is not there', { FUNCTIONS_KEY: '', FUNCTIONS_KEY_FILE: '/nowhere' }, 'cannot be read'],
    ['no broker is named', { KAFKA_BROKERS: '' }, 'KAFKA_BROKERS and SQL_CONNECTION_STRING must be set'],
    ['a broker has no port', { KAFKA_BROKERS: 'kafka' }, 'KAFKA_BROKERS must be host:port'],
    ['the secret is missing', { ORDER_ID_SECRET: '' }, 'ORDER_ID_SECRET must be set'],
    ['the secret is short', { ORDER_ID_SECRET: 'short' }, 'ORDER_ID_SECRET must be at least 16 characters'],
    ['no server is named', { SQL_CONNECTION_STRING: 'Database=orders' }, 'SQL_CONNECTION_STRING names no server'],
    ['SASL has no password', { KAFKA_SECURITY_PROTOCOL: 'sasl_ssl' }, 'KAFKA_USERNAME and KAFKA_PASSWORD must be set'],
    ['a delay is too long', { RETRY_DELAYS: '2h' }, 'RETRY_DELAYS has the delay 2h'],
    ['a certificate is not there', { KAFKA_SSL_CA: '/nowhere/ca.pem' }, 'KAFKA_SSL_CA names /nowhere/ca.pem'],
  ])('refuses to start when %s, in one line', (_why, settings, line) => {
    // Each case runs in only one of the shells.
    const { status, stdout, stderr } = enter(
      { ...GOOD, ...settings },
      ['echo', 'started'],
      SHELLS[line.length % SHELLS.length],
    )
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain(line)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  test('names settings that have no effect, and starts', () => {
    const { status, stderr } = enter({ ...GOOD, AzureWebJobs__docs__Disabled: 'true' })
    expect(status).toBe(0)
    expect(stderr).toMatch(/^AzureWebJobs__docs__Disabled has no effect: write AzureWebJobs_docs_Disabled, .+\n$/)
  })

  test.each(SHELLS)('run by %s passes on the settings that disable functions, with dots too', (shell) => {
    const settings = { 'AzureWebJobs.docs.Disabled': 'True', AzureWebJobs_audit_Disabled: 'true' }
    const { stdout, stderr } = enter({ ...GOOD, ...settings }, ['env'], shell)
    expect(stderr).toBe('')
    expect(stdout).toContain('AzureWebJobs_docs_Disabled=true\n')
    expect(stdout).toContain('AzureWebJobs_audit_Disabled=true\n')
  })

  test('hides from the runtime the variable that marks an instance of the Consumption plan', () => {
    expect(enter({ ...GOOD, CONTAINER_NAME: 'orders' }, ['env']).stdout).not.toContain('CONTAINER_NAME')
  })

  // Shells start background processes with SIGINT ignored, and .NET leaves it ignored.
  test.each(SHELLS)('run by %s starts the runtime so that it does not ignore the signal that ends it', (shell) => {
    const { stdout } = enter(GOOD, ['grep', 'SigIgn', '/proc/self/status'], shell)
    const ignored = BigInt(`0x${/SigIgn:\s+([0-9a-f]+)/.exec(stdout)?.[1] ?? ''}`)
    expect(ignored & (1n << BigInt(constants.signals.SIGINT - 1))).toBe(0n)
  })

  test('exits with the runtime’s exit code', () => {
    expect(enter(GOOD, ['sh', '-c', 'exit 7']).status).toBe(7)
  })

  for (const shell of SHELLS) {
    test.each(['SIGINT', 'SIGTERM'] as const)(`run by ${shell} ends the runtime by SIGINT on %s`, async (signal) => {
      await using image = await start('serving', shell)
      image.child.kill(signal)
      expect(await image.ended()).toEqual({ code: 0, signal: null, errors: '' })
      expect(image.said()).toBe('listening\nSIGINT\n')
    })
  }
})

describe.skipIf(process.platform !== 'linux')('the health check of the image', () => {
  test('does not stop a runtime that has been silent for less than the limit', async () => {
    await using image = await start('empty')
    expect(image.healthy(180)).toBe(1)
    expect(image.said()).toBe('listening\n')
  })

  test('restarts its count when the functions respond again', async () => {
    await using image = await start('serving')
    writeFileSync(join(directory, 'health', 'silent-since'), '1\n')
    expect(image.healthy(0)).toBe(0)
    expect(existsSync(join(directory, 'health', 'silent-since'))).toBe(false)
    expect(image.said()).toBe('listening\n')
  })

  test('stops a runtime without functions, and the container exits with 1 and one line', async () => {
    await using image = await start('empty')
    expect(image.healthy(0)).toBe(1)
    const { code, errors } = await image.ended()
    expect(code).toBe(1)
    expect(errors).toMatch(/^The functions have not answered for \d+ s, so the container exits .+\n$/)
    expect(image.said()).toBe('listening\nSIGINT\n')
  })

  test('stops a runtime that accepts requests but never answers', async () => {
    await using image = await start('hanging')
    expect(image.healthy(0)).toBe(1)
    expect(await image.ended()).toMatchObject({ code: 1, errors: expect.stringContaining('have not answered for') })
    expect(image.said()).toBe('listening\nSIGINT\n')
  })

  test('kills a runtime that does not stop', async () => {
    await using image = await start('dead')
    expect(image.healthy(0)).toBe(1)
    await vi.waitFor(() => expect(image.said()).toBe('listening\nSIGINT\n'))
    // Pretends that thirty seconds have passed.
    writeFileSync(join(directory, 'health', 'silent-since'), String(Math.floor(Date.now() / 1000) - 31))
    expect(image.healthy(0)).toBe(1)
    expect(await image.ended()).toMatchObject({ code: 1, signal: null })
  })

  test('forgets the state of an earlier run of the container', async () => {
    mkdirSync(join(directory, 'health'))
    writeFileSync(join(directory, 'health', 'silent-since'), '1\n')
    writeFileSync(join(directory, 'health', 'ended'), 'Long ago.\n')
    await using image = await start('empty')
    expect(image.healthy(180)).toBe(1)
    image.child.kill('SIGINT')
    expect(await image.ended()).toEqual({ code: 0, signal: null, errors: '' })
  })
})

test('the health check of the one-container image ends by itself, whatever the product does', async () => {
  const statuses: (number | null)[] = []
  for (const state of ['serving', 'empty', 'hanging']) {
    const port = String(await freePort())
    const runtime = spawn(process.execPath, [RUNTIME, state, port], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      await once(runtime.stdout, 'data')
      const env = { ...process.env, PORT: port }
      statuses.push(spawnSync(process.execPath, [EMBEDDED_HEALTHY], { env, timeout: CHECK_TIMEOUT_MS }).status)
    } finally {
      runtime.kill('SIGKILL')
    }
  }
  expect(statuses).toEqual([0, 1, 1])
})

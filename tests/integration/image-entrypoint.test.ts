import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const ENTRYPOINT = join(import.meta.dirname, '..', '..', 'infra', 'docker', 'functions', 'entrypoint.sh')
const KEYS = { FUNCTIONS_KEY: 'an-operators-key', FUNCTIONS_MASTER_KEY: 'a-master-key-of-all==' }

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'entrypoint-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

function enter(settings: Record<string, string>, command: readonly string[] = ['true']) {
  const { PATH = '' } = process.env
  const keys = join(directory, 'keys')
  return spawnSync('sh', [ENTRYPOINT, ...command], {
    env: { PATH, FUNCTIONS_SECRETS_PATH: keys, ...settings },
    encoding: 'utf8',
  })
}

describe.skipIf(process.platform === 'win32')('the entrypoint of the image', () => {
  test('writes the keys as the runtime reads them, for itself alone', () => {
    const file = join(directory, 'keys', 'host.json')
    const { status, stdout } = enter(KEYS, ['cat', file])
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      masterKey: { name: 'master', value: KEYS.FUNCTIONS_MASTER_KEY, encrypted: false },
      functionKeys: [{ name: 'default', value: KEYS.FUNCTIONS_KEY, encrypted: false }],
      systemKeys: [],
    })
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  test('takes them out of the environment', () => {
    const { stdout } = enter(KEYS, ['env'])
    expect(stdout).toContain('FUNCTIONS_SECRETS_PATH=')
    expect(stdout).not.toContain(KEYS.FUNCTIONS_KEY)
    expect(stdout).not.toContain(KEYS.FUNCTIONS_MASTER_KEY)
  })

  test('reads them from files too, as secrets are mounted', () => {
    const secret = join(directory, 'secret')
    writeFileSync(secret, 'a-key-from-a-file\n')
    const { FUNCTIONS_MASTER_KEY } = KEYS
    const { stdout } = enter({ FUNCTIONS_MASTER_KEY, FUNCTIONS_KEY_FILE: secret }, [
      'cat',
      join(directory, 'keys', 'host.json'),
    ])
    expect(JSON.parse(stdout)).toMatchObject({ functionKeys: [{ value: 'a-key-from-a-file' }] })
  })

  test('becomes the runtime, so that signals reach it', () => {
    const { stdout } = enter(KEYS, ['sh', '-c', 'echo $$ $PPID'])
    const [, parent] = stdout.trim().split(' ')
    expect(Number(parent)).toBe(process.pid)
  })

  test.each([
    ['a key is missing', { FUNCTIONS_MASTER_KEY: KEYS.FUNCTIONS_MASTER_KEY }, 'FUNCTIONS_KEY must be set'],
    ['a key is short', { ...KEYS, FUNCTIONS_KEY: 'short' }, 'at least 16 characters'],
    ['a key would break the file', { ...KEYS, FUNCTIONS_KEY: 'sixteen-and-more"}' }, 'may hold letters, digits'],
    ['a file is not there', { ...KEYS, FUNCTIONS_KEY: '', FUNCTIONS_KEY_FILE: '/nowhere' }, 'cannot be read'],
  ])('refuses to start when %s, in one line', (_why, settings, line) => {
    const { status, stdout, stderr } = enter(settings, ['echo', 'started'])
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain(line)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })
})

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..', '..', '..')
/** Connects with this security protocol, then prints whether Node has loaded its TLS. */
const SCRIPT = `
  const { createClient } = await import(process.argv[1])
  const connection = { brokers: ['localhost:1'], securityProtocol: process.argv[2], username: 'u', password: 'p' }
  await createClient(connection).admin().connect().catch(() => undefined)
  console.log(process.moduleLoadList.includes('NativeModule tls'))`

test.for([
  ['plaintext', false],
  ['sasl_plaintext', false],
  ['ssl', true],
  ['sasl_ssl', true],
] as const)('with the security protocol %s, TLS is loaded: %s', ([protocol, isLoaded]) => {
  const module = join(ROOT, 'shared', 'adapters', 'kafka', 'client', 'connection.ts')
  const script = ['--input-type=module', '--eval', SCRIPT, module, protocol]
  expect(execFileSync(process.execPath, script, { cwd: ROOT, encoding: 'utf8' })).toBe(`${isLoaded}\n`)
})

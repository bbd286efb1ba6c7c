import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { banner } from '../../../infra/host/banner.ts'
import { createBindingResolver } from '../../../infra/host/binding-settings.ts'
import { parseHostJson, readHostJson } from '../../../infra/host/host-json.ts'
import { readLocalSettings } from '../../../infra/host/local-settings.ts'
import { startFailure } from '../../../infra/host/start-failure.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
})

describe('host.json', () => {
  test('has the defaults of the runtime and of the Kafka extension', () => {
    expect(parseHostJson({ version: '2.0' })).toEqual({
      routePrefix: 'api',
      functionTimeoutMs: 30 * 60_000,
      kafka: { maxBatchSize: 64, commitOnFailure: true, maxRetries: 5 },
    })
  })

  test('is read without regard to case, and settings of AzureFunctionsJobHost override it', () => {
    const json = { FunctionTimeout: '1.00:00:01', extensions: { HTTP: { routePrefix: '' }, kafka: { maxRetries: -1 } } }
    const settings = {
      AzureFunctionsJobHost__extensions__kafka__commitOnFailure: 'False',
      AzureFunctionsJobHost__extensions__Kafka__MaxBatchSize: '7',
    }
    expect(parseHostJson(json, settings)).toEqual({
      routePrefix: '',
      functionTimeoutMs: 86_401_000,
      kafka: { maxBatchSize: 7, commitOnFailure: false, maxRetries: -1 },
    })
    expect(parseHostJson({ functionTimeout: '-1' }).functionTimeoutMs).toBeUndefined()
  })

  test('that is invalid is refused in one line that names the property, or the file', () => {
    const json = { extensions: { kafka: { maxBatchSize: 'many' } } }
    expect(() => parseHostJson(json)).toThrow(/^extensions\.kafka\.maxbatchsize: .+\.$/)
    expect(() => readHostJson(directory, {})).toThrow(/host\.json cannot be used/)
  })
})

describe('local.settings.json', () => {
  const write = (content: string) => {
    const file = join(directory, 'local.settings.json')
    writeFileSync(file, content)
    return readLocalSettings(file, ['PORT', 'HOST'])
  }

  test('may be missing', () => {
    expect(readLocalSettings(join(directory, 'none.json'), [])).toEqual({ values: {}, unknown: [] })
  })

  test('provides its values as text, and names those that are never read', () => {
    const values = {
      PORT: 8080,
      HOST: 'localhost',
      PROT: '1',
      FUNCTIONS_WORKER_RUNTIME: 'node',
      AzureWebJobsStorage: '',
    }
    const read = write(`\ufeff${JSON.stringify({ IsEncrypted: false, Values: values })}`)
    expect(read.values).toMatchObject({ PORT: '8080', HOST: 'localhost' })
    expect(read.unknown).toEqual(['PROT'])
  })

  test.each([
    ['{', /local\.settings\.json cannot be used: .*JSON/],
    ['{"IsEncrypted":true}', /encrypted/],
    ['{"Values":"PORT=1"}', /Values is not an object/],
    ['{"Values":{"PORT":{}}}', /the value of PORT is not a string/],
  ])('that contains %s is refused with the reason', (content, message) => {
    expect(() => write(content)).toThrow(message)
  })
})

describe('a property of a binding', () => {
  const resolve = createBindingResolver({ TOPIC: 'orders', Prefix: 'my', Kafka__Brokers: 'b:9092', EMPTY: '' })

  test('has its %SETTINGS% expanded, then is looked up as a setting itself', () => {
    expect(resolve('%prefix%-%TOPIC%')).toBe('my-orders')
    expect(resolve('topic')).toBe('orders')
    expect(resolve('%Kafka:Brokers%')).toBe('b:9092')
    expect(resolve('plain')).toBe('plain')
    expect(resolve('EMPTY')).toBe('EMPTY')
  })

  test('that names a missing setting is refused', () => {
    expect(() => resolve('%MISSING%')).toThrow("'%MISSING%' does not resolve to a value.")
  })
})

describe('the banner', () => {
  const facts = {
    url: 'http://localhost:7071',
    functionsKey: { key: 'the-secret-key', file: '.data/functions-key' },
    services: { described: { log: 'embedded', store: 'SQLite' } },
  }

  test('shows the key to a person at a terminal', () => {
    expect(banner(facts, true)).toContain('the-secret-key')
  })

  test('has a sign-in link for a person at a terminal, whatever the key is', () => {
    const key = 'a+key&of=odd#letters %20'
    const text = banner({ ...facts, functionsKey: { key, file: undefined } }, true)
    const [, link = ''] = /dashboard +(\S+)/.exec(text) ?? []
    expect(link).toMatch(/^http:\/\/localhost:7071\/dashboard#key=/)
    expect(new URLSearchParams(new URL(link).hash.slice(1)).get('key')).toBe(key)
  })

  test('otherwise shows only where the key is', () => {
    const text = banner(facts, false)
    expect(text).not.toContain('the-secret-key')
    expect(text).toContain('in .data/functions-key')
    expect(text).toContain('http://localhost:7071/docs')
    expect(text).toMatch(/dashboard +http:\/\/localhost:7071\/dashboard\n/)
  })
})

describe('a failure to start', () => {
  test.each([
    ['EADDRINUSE', 'Port 7071 on 127.0.0.1 is already in use'],
    ['EACCES', 'Port 7071 is only for privileged users'],
    ['EADDRNOTAVAIL', 'HOST 127.0.0.1 is not an address of this machine'],
    ['ENOTFOUND', 'HOST 127.0.0.1 cannot be resolved'],
  ])('because of %s is described in words', (code, words) => {
    const error = Object.assign(new Error(`listen ${code}`), { code, syscall: 'listen' })
    expect(startFailure(error, {})).toContain(words)
    expect(startFailure(error, {})).not.toContain('\n')
  })

  test.each([
    [Object.assign(new Error('listen EMFILE'), { code: 'EMFILE', syscall: 'listen' }), 'EMFILE'],
    [new Error('The log can’t be used', { cause: new Error('Worker initialization failure: EMFILE') }), 'EMFILE'],
    [Object.assign(new Error('too many open files in system'), { code: 'ENFILE' }), 'ENFILE'],
  ])('for lack of descriptors names the limit (%s)', (error, code) => {
    expect(startFailure(error, {})).toMatch(new RegExp(`^[^\\n]*files open[^\\n]*\\(${code}\\)[^\\n]*$`))
  })

  test('to open a database, with descriptors left, is reported unchanged', () => {
    expect(startFailure(new Error('unable to open database file'), {})).toBe('unable to open database file')
  })

  test('on a file is not mistaken for one on the address', () => {
    const error = Object.assign(new Error('EACCES: permission denied, open x'), { code: 'EACCES', syscall: 'open' })
    expect(startFailure(error, {})).toBe('EACCES: permission denied, open x')
  })

  test('has its stack only when the log level asks for detail', () => {
    const error = new Error('first line\nsecond line')
    expect(startFailure(error, {})).toBe('first line')
    expect(startFailure(error, { LOG_LEVEL: 'debug' })).toContain('host-settings.test')
  })
})

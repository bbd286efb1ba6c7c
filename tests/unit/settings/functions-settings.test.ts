import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { makeLocalSettings, missingSettings, runtimeSettings } from '../../../infra/functions/settings.ts'
import { settingsFault, settingsHint } from '../../../infra/functions/settings-fault.ts'
import { readLocalSettings } from '../../../infra/host/local-settings.ts'
import { readConfig, SETTING_NAMES } from '../../../shared/settings/config.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', '..', 'local.settings.example.json')

let root: string
let file: string
beforeEach(() => {
  root = temporaryDirectory()
  file = join(root, 'local.settings.json')
  copyFileSync(EXAMPLE, join(root, 'local.settings.example.json'))
})

describe('local.settings.json', () => {
  test('copied from the example changes nothing for `npm start`: it keeps its own log and store', () => {
    copyFileSync(EXAMPLE, file)
    const { values, unknown } = readLocalSettings(file, SETTING_NAMES)
    expect(unknown).toEqual([])
    expect(readConfig(values, 'embedded')).toMatchObject({ kafka: undefined, sqlConnectionString: undefined })
  })

  test('is created from the example with a new secret, and never overwritten', () => {
    expect(makeLocalSettings(root)).toBe(true)
    const made = readFileSync(file, 'utf8')
    expect(readLocalSettings(file, []).values['ORDER_ID_SECRET']).toMatch(/^[A-Za-z0-9]{40}$/)
    expect(makeLocalSettings(root)).toBe(false)
    expect(readFileSync(file, 'utf8')).toBe(made)
  })

  test('is checked for settings that the Functions runtime requires, in one line with examples', () => {
    makeLocalSettings(root)
    const line = missingSettings(root, {})
    expect(line).toMatch(/^Set KAFKA_BROKERS \(for example localhost:9092, .+\) and SQL_CONNECTION_STRING \(/)
    expect(line).not.toContain('\n')
    expect(missingSettings(root, { KAFKA_BROKERS: 'localhost:9092' })).toMatch(/^Set SQL_CONNECTION_STRING \(/)
  })

  test('is sufficient when it names both, or the environment does', () => {
    const Values = { KAFKA_BROKERS: 'localhost:9092', SQL_CONNECTION_STRING: 'Server=localhost' }
    expect(missingSettings(root, Values)).toBeUndefined()
    writeFileSync(file, JSON.stringify({ Values }))
    expect(missingSettings(root, {})).toBeUndefined()
  })

  test('has its faults reported by the same line as in the image', () => {
    const good = {
      KAFKA_BROKERS: 'localhost:9092',
      SQL_CONNECTION_STRING: 'Server=localhost;Database=orders',
      ORDER_ID_SECRET: 'a-secret-of-this-test-alone',
    }
    writeFileSync(file, JSON.stringify({ Values: { ...good, RETRY_DELAYS: 'soon' } }))
    expect(settingsFault(runtimeSettings(root, {}))).toMatch(/^RETRY_DELAYS has the delay "soon"/)
    expect(settingsFault(runtimeSettings(root, { RETRY_DELAYS: '1s' }))).toBeUndefined()
    const hinted = runtimeSettings(root, { AzureWebJobs__docs__Disabled: 'true' })
    expect(settingsHint(hinted)).toMatch(/^AzureWebJobs__docs__Disabled has no effect/)
    const keyed = { ...hinted, AzureWebJobs__docs__Disabled: undefined, METRICS_KEY: 'a key of the other host' }
    expect(settingsHint(keyed)).toMatch(/^METRICS_KEY has no effect: the Functions runtime has keys of its own/)
  })
})

describe('white space around a setting that the Kafka trigger reads itself', () => {
  const authority = join(import.meta.dirname, 'functions-settings.test.ts')
  const good = {
    KAFKA_BROKERS: 'localhost:9092',
    KAFKA_SECURITY_PROTOCOL: 'sasl_ssl',
    KAFKA_USERNAME: 'orders',
    KAFKA_PASSWORD: 'only for tests',
    KAFKA_SSL_CA: authority,
    SQL_CONNECTION_STRING: 'Server=localhost;Database=orders',
    ORDER_ID_SECRET: 'a-secret-of-this-test-alone',
  }

  test.each([
    ['KAFKA_USERNAME', ' orders'],
    ['KAFKA_PASSWORD', 'only for tests\n'],
    ['KAFKA_PASSWORD', 'only for tests\r\n'],
    ['KAFKA_SSL_CA', `${authority}\n`],
  ])('is refused in one line that does not repeat the value: %s=%j', (name, value) => {
    const line = settingsFault({ ...good, [name]: value })
    expect(line).toMatch(new RegExp(`^${name} begins or ends with white space or a line break, .*\\.$`))
    expect(line).not.toContain(value.trim())
    // The embedded host reads topics with our own client, which gets the trimmed value.
    expect(() => readConfig({ ...good, [name]: value }, 'embedded')).not.toThrow()
  })

  test.each([
    ['within a value', {}],
    ['at the end of a PEM text', { KAFKA_SSL_CA: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }],
    ['around a list', { KAFKA_BROKERS: ' one:9092, two:9092\n' }],
    [
      'around what is not used',
      { KAFKA_SECURITY_PROTOCOL: 'plaintext', KAFKA_PASSWORD: ' a ', KAFKA_SSL_CA: ` ${authority}` },
    ],
  ])('is accepted %s', (_where, settings) => {
    expect(settingsFault({ ...good, ...settings })).toBeUndefined()
  })
})

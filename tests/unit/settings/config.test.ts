import { describe, expect, it } from 'vitest'
import { isTraced } from '../../../shared/telemetry/traces/open-tracing.ts'
import { readConfig } from '../../../shared/settings/config.ts'

const KEY = 'the-same-key-for-both'
const RUNTIME = {
  KAFKA_BROKERS: 'kafka:9092',
  SQL_CONNECTION_STRING: 'Server=a',
  ORDER_ID_SECRET: 'a-secret-of-this-test',
}

describe('settings', () => {
  it('have the documented defaults', () => {
    expect(readConfig({}, 'embedded')).toMatchObject({
      host: '127.0.0.1',
      port: 7071,
      dataDir: '.data',
      kafka: undefined,
      topic: 'orders',
      partitions: 6,
      replication: 1,
      consumerGroup: 'order-processor',
      retryDelaysMs: [10_000, 60_000, 600_000],
      logRetentionMs: null,
      ordersAuth: 'anonymous',
      faults: false,
      logLevel: 'info',
    })
  })

  it('shorten retries with FAULTS=on, unless set explicitly', () => {
    expect(readConfig({ FAULTS: 'on' }, 'embedded').retryDelaysMs).toEqual([2000, 5000, 10_000])
    expect(readConfig({ FAULTS: 'on', RETRY_DELAYS: '1m' }, 'embedded').retryDelaysMs).toEqual([60_000])
    expect(readConfig({ RETRY_DELAYS: '' }, 'embedded').retryDelaysMs).toEqual([10_000, 60_000, 600_000])
  })

  it.each([
    [{ LOG_RETENTION: '' }, null],
    [{ LOG_RETENTION: 'Forever' }, null],
    [{ LOG_RETENTION: '90d' }, 7_776_000_000],
    [{ LOG_RETENTION: '36h' }, 129_600_000],
    [{ LOG_RETENTION: '36500d' }, 3_153_600_000_000],
    [{ LOG_RETENTION: '1460m', RETRY_DELAYS: '20m,5s' }, 87_600_000],
  ])('%j bound the age of records in the log: %s ms', (environment, expected) => {
    expect(readConfig(environment, 'embedded').logRetentionMs).toBe(expected)
  })

  const STORE_RETENTIONS = ['SETTLED_RETENTION', 'HISTORY_RETENTION', 'AUDIT_RETENTION'] as const

  it('bound how long the store keeps settled letters, histories and the audit log', () => {
    expect(readConfig({}, 'embedded').storeRetentionMs).toEqual({ settled: null, history: null, audit: null })
    const settings = { SETTLED_RETENTION: '90d', HISTORY_RETENTION: '24h', AUDIT_RETENTION: 'forever' }
    expect(readConfig(settings, 'embedded').storeRetentionMs).toEqual({
      settled: 7_776_000_000,
      history: 86_400_000,
      audit: null,
    })
  })

  it.each(STORE_RETENTIONS)('refuse a wrong %s with one clear line', (name) => {
    expect(() => readConfig({ [name]: 'soon' }, 'embedded')).toThrow(
      `${name} must be forever, or a duration such as 90d or 36h, of at most 36500d.`,
    )
    expect(() => readConfig({ [name]: '23h' }, 'embedded')).toThrow(
      `${name} must be at least 1d, because nobody could look into a mistake, or undo a discard, after that.`,
    )
  })

  it('treat an empty value as unset', () => {
    expect(readConfig({ PORT: '', KAFKA_BROKERS: ' ' }, 'embedded')).toMatchObject({ port: 7071, kafka: undefined })
  })

  it.each([
    [{ PORT: '70000' }, 'PORT must be a whole number from 0 to 65535.'],
    [{ PORT: 'x' }, 'PORT must be a whole number from 0 to 65535.'],
    [{ RETRY_DELAYS: '10s,soon' }, 'RETRY_DELAYS has the delay "soon"; write them as 10s,1m,10m.'],
    [{ RETRY_DELAYS: '1d' }, 'RETRY_DELAYS has the delay 1d; host.json lets'],
    [{ KAFKA_BROKERS: 'broker' }, 'KAFKA_BROKERS must be host:port,host:port.'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent.'],
    [{ ORDERS_TOPIC: 'a b' }, "ORDERS_TOPIC must be 1 to 200 letters, digits, '.', '_' or '-'."],
    [
      { RETRY_DELAYS: '2h' },
      'RETRY_DELAYS has the delay 2h; host.json lets a function run for 35 minutes, in which it must wait for the delay and then hold and store the batch, so a delay may be at most 25m.',
    ],
  ])('refuse %j with one clear line', (environment, line) => {
    expect(() => readConfig(environment, 'embedded')).toThrow(line)
  })

  it.each(['soon', '90', '-1d', '36501d', '999999999d'])(
    'refuse a LOG_RETENTION of %s with one clear line',
    (LOG_RETENTION) => {
      const line = 'LOG_RETENTION must be forever, or a duration such as 90d or 36h, of at most 36500d.'
      expect(() => readConfig({ LOG_RETENTION }, 'embedded')).toThrow(line)
    },
  )

  it.each([{ LOG_RETENTION: '24h' }, { LOG_RETENTION: '1459m', RETRY_DELAYS: '20m,5s' }])(
    'refuse %j, because a record could leave the log before its retry',
    (environment) => {
      const line = /^LOG_RETENTION must be at least one day longer than the longest delay in RETRY_DELAYS/
      expect(() => readConfig(environment, 'embedded')).toThrow(line)
    },
  )

  it.each([
    { FUNCTIONS_KEY: KEY, READ_KEY: KEY },
    { PLACE_KEY: KEY, METRICS_KEY: KEY },
  ])('refuse one key for two sets of rights, without repeating it', (environment) => {
    expect(() => readConfig(environment, 'embedded')).toThrow(/^(?!.*the-same).*must differ from one another/)
  })

  it.each([{ ORDER_ID_SECRET: 'short' }, { FUNCTIONS_KEY: 'short' }, { METRICS_KEY: 'short' }])(
    'never repeat a secret: %j',
    (environment) => {
      expect(() => readConfig(environment, 'embedded')).toThrow(/^(?!.*short).*must be at least 16 characters/)
    },
  )

  it('require an external log and store in the Functions runtime, and say so', () => {
    expect(() => readConfig({}, 'functions')).toThrow(/KAFKA_BROKERS and SQL_CONNECTION_STRING must be set/)
  })

  it('require a shared secret for order ids when the store is shared', () => {
    expect(() => readConfig({ SQL_CONNECTION_STRING: 'Server=x' }, 'embedded')).toThrow(/ORDER_ID_SECRET must be set/)
  })

  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' }, 'http://collector:4318/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces/in?a=b' }, 'http://traces/in?a=b'],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://all', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces' },
      'http://traces',
    ],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://all', OTEL_SDK_DISABLED: 'false' }, 'http://all/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://all', OTEL_SDK_DISABLED: 'TRUE' }, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://all', OTEL_SDK_DISABLED: '1' }, 'http://all/v1/traces'],
  ])('of OpenTelemetry, %j, send traces to %s', (environment, address) => {
    expect(readConfig(environment, 'embedded').otlpTracesUrl).toBe(address)
  })

  it('of OpenTelemetry that switch its SDK off stop traces to Application Insights too', () => {
    const environment = { APPLICATIONINSIGHTS_CONNECTION_STRING: 'InstrumentationKey=x', OTEL_SDK_DISABLED: 'true' }
    expect(isTraced(readConfig(environment, 'embedded'))).toBe(false)
    expect(isTraced(readConfig({ ...environment, OTEL_SDK_DISABLED: '' }, 'embedded'))).toBe(true)
  })

  it('switch functions off', () => {
    const environment = { AzureWebJobs_placeOrder_Disabled: 'true', AzureWebJobs__getOrder__Disabled: 'true' }
    const config = readConfig(environment, 'embedded')
    expect([...config.disabledFunctions]).toEqual(['placeorder'])
    expect(config.withoutEffect).toEqual([expect.stringMatching(/^AzureWebJobs__getOrder__Disabled has no effect/)])
  })

  it.each([
    ['FAULT', 'FAULTS'],
    ['RETRY_DELAY', 'RETRY_DELAYS'],
    ['ORDER_TOPIC', 'ORDERS_TOPIC'],
    ['DATADIR', 'DATA_DIR'],
    ['SEQ_URI', 'SEQ_URL'],
    ['LOG_LEVELS', 'LOG_LEVEL'],
  ])('that are misspelt as %s are reported, because nobody would read them', (name, meant) => {
    const { withoutEffect } = readConfig({ [name]: 'on' }, 'embedded')
    expect(withoutEffect).toEqual([`${name} has no effect: the setting is called ${meant}.`])
  })

  it.each(['READ_KEY', 'PLACE_KEY', 'METRICS_KEY', 'CORS_ORIGINS'])(
    'that only the embedded host reads are reported in the runtime: %s',
    (name) => {
      const environment = { ...RUNTIME, [name]: 'https://shop.example.com' }
      const line = new RegExp(`^${name} has no effect: .*\\(docs/deploying\\.md\\)`)
      expect(readConfig(environment, 'functions').withoutEffect).toEqual([expect.stringMatching(line)])
      expect(readConfig(environment, 'embedded').withoutEffect).toEqual([])
    },
  )

  it('of other programs, and our own, do not count as misspelled', () => {
    const others = {
      PATH: '/bin',
      HOSTS: 'a',
      PORTS: '1',
      LOGNAME: 'me',
      DATABASE_DIR: 'x',
      LOG_LEVEL: 'info',
      FAULTS: 'off',
    }
    expect(readConfig(others, 'embedded').withoutEffect).toEqual([])
  })
})

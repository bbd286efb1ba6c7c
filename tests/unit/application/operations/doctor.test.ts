import { expect, test } from 'vitest'
import { createDoctor } from '../../../../shared/application/operations/doctor.ts'
import type { LedgerVerdict } from '../../../../shared/application/ledger/ledger.ts'
import { readConfig } from '../../../../shared/settings/config.ts'
import { contradictionsIn } from '../../../../shared/settings/contradictions.ts'
import { createTopics, topicSpecs } from '../../../../shared/messaging/topics.ts'
import { logIsAway } from '../../../support/fakes.ts'

type Dependencies = Parameters<typeof createDoctor>[0]

/** A healthy installation, with two retry tiers and three partitions per topic. */
const TOPICS = createTopics('orders', 'group', [1000, 2000])
const EXISTING = new Set(['orders', 'orders-retry-1', 'orders-retry-2', 'orders-dlt'])
const balanced = { balanced: true, summary: 'Balanced.' } as LedgerVerdict

async function diagnose(changes: Partial<Dependencies> = {}, log: Partial<Dependencies['log']> = {}) {
  const doctor = createDoctor({
    log: {
      health: async () => ({ available: true }),
      offsets: async (topic) => {
        if (!EXISTING.has(topic)) throw logIsAway()
        return [0, 1, 2].map((partition) => ({ partition, first: 0, end: 5 }))
      },
      committed: async () => new Map([0, 1, 2].map((partition) => [partition, 5])),
      settingWarnings: async () => [],
      identity: async () => 'a log',
      inspect: async () => [],
      ...log,
    },
    store: { health: async () => ({ available: true }) },
    maintenance: {
      migrate: async () => ({ migrations: [] }),
      inspect: async () => [],
      getRebuild: async () => undefined,
    },
    ledgerVerdict: async () => balanced,
    orderConsumers: async () => [{ address: 'here', isHere: true, partitions: [0, 1, 2] }],
    clockFaults: async () => [],
    lifeInLog: async () => undefined,
    recordsKept: () => [],
    keptFor: 'Retention: everything forever.',
    topics: TOPICS,
    partitions: 3,
    specs: topicSpecs(TOPICS, 3, 1),
    versions: { program: '1.0.0', node: '24.0.0' },
    role: 'Serves everything.',
    contradictions: [],
    freeSpace: async () => ({ directory: '.data', bytes: 5 * 1024 ** 3 }),
    ...changes,
  })
  const { well, checks } = await doctor()
  expect(well).toBe(checks.every((check) => check.well))
  return checks
}

async function unwell(...changes: Parameters<typeof diagnose>) {
  const checks = await diagnose(...changes)
  return checks.filter((check) => !check.well).map(({ name, detail }) => `${name}: ${detail}`)
}

test('all is well', async () => {
  expect(await unwell()).toEqual([])
})

test('the check of retentions shows what the settings say', async () => {
  const found = await diagnose({ keptFor: 'Retention: the audit log for 90 d.' })
  expect(found.find(({ name }) => name === 'retention')?.detail).toBe(
    'No waiting record is about to leave the log. Retention: the audit log for 90 d.',
  )
})

test('each fault is named, with what to do', async () => {
  expect(await unwell({ partitions: 6 })).toEqual([
    expect.stringMatching(/^topics: ORDERS_PARTITIONS is 6, but orders has 3/),
  ])
  expect(await unwell({ clockFaults: async () => ['A clock is wrong.'] })).toEqual(['clock: A clock is wrong.'])
  expect(await unwell({ contradictions: ['One.', 'Two.'] })).toEqual(['settings: One. Two.'])
  expect(await unwell({ freeSpace: async () => ({ directory: '.data', bytes: 1024 ** 3 / 2 }) })).toEqual([
    'disk: 0.5 GiB is free in .data: make room before orders are refused.',
  ])
  expect(await unwell({ ledgerVerdict: async () => ({ ...balanced, balanced: false, summary: 'Not.' }) })).toEqual([
    'ledger: Not.',
  ])
  expect(await unwell({ store: { health: async () => ({ available: false, cause: 'it hangs' }) } })).toEqual([
    'store: Unavailable: it hangs.',
  ])
})

test('a topic that forgets records is reported', async () => {
  const settingWarnings: Dependencies['log']['settingWarnings'] = async (specs) =>
    specs.map(({ name, config }) => `${name} wants ${config['retention.ms']}.`)
  expect(await unwell({}, { settingWarnings })).toEqual([
    'topic-settings: orders wants -1. orders-retry-1 wants -1. orders-retry-2 wants -1. orders-dlt wants -1.',
  ])
})

test('waiting records that are halfway to leaving the log are reported, but not those that stay', async () => {
  const lifeInLog: Dependencies['lifeInLog'] = async (topic) =>
    topic === 'orders-dlt'
      ? { topic, partition: 1, offset: 7, used: 0.62, staysUntilProcessed: false }
      : { topic, partition: 0, offset: 3, used: topic === 'orders' ? 3 : 0.4, staysUntilProcessed: topic === 'orders' }
  expect(await unwell({ lifeInLog })).toEqual([
    expect.stringMatching(
      /^retention: Waiting records are about to leave the log: orders-dlt 1:7 \(62 % of its life\)\. /,
    ),
  ])
})

test('old records that stay in the log are reported, with the reason', async () => {
  const recordsKept = () =>
    [
      { topic: 'orders', partition: 0, by: 'group', why: 'the consumer group audit has not read them', since: 0 },
      {
        topic: 'orders-dlt',
        partition: 2,
        by: 'damage',
        why: 'The log is damaged at orders-dlt 2:4',
        since: 86_400_000,
      },
    ] as const
  expect(await unwell({ recordsKept })).toEqual([
    'retention: Records that are older than LOG_RETENTION are kept, so the log grows: orders 0 since 1970-01-01T00:00:00.000Z (the consumer group audit has not read them), orders-dlt 2 since 1970-01-02T00:00:00.000Z (The log is damaged at orders-dlt 2:4). See "What is kept, and for how long" in docs/operations.md.',
  ])
})

test('a check that fails does not prevent the others', async () => {
  const ledgerVerdict = async () => {
    throw logIsAway()
  }
  const found = await unwell({ ledgerVerdict, partitions: 6 })
  expect(found.map((line) => line.split(':')[0])).toEqual(['topics', 'ledger'])
})

test('waiting records in a retry topic of earlier settings are found', async () => {
  const topics = createTopics('orders', 'group', [1000])
  expect(await unwell({ topics })).toEqual([])
  expect(await unwell({ topics }, { committed: async () => new Map() })).toEqual([
    'retries: Nobody reads 15 records in orders-retry-2: set as many RETRY_DELAYS as before until they are empty.',
  ])
})

test('records that have left the log do not count as waiting in a retry topic, wherever its group stands', async () => {
  const topics = createTopics('orders', 'group', [1000])
  const offsets: Dependencies['log']['offsets'] = async (topic) => {
    if (!EXISTING.has(topic)) throw logIsAway()
    return [0, 1, 2].map((partition) => ({ partition, first: 5, end: 5 }))
  }
  const committed = async () => new Map([0, 1, 2].map((partition) => [partition, partition === 0 ? 7 : 2]))
  expect(await unwell({ topics }, { offsets, committed })).toEqual([])
})

test('conflicting settings are reported, and default settings are not', () => {
  const told = (settings: Record<string, string>) => contradictionsIn(readConfig(settings, 'embedded'))
  expect(told({})).toEqual([])
  expect(told({ KAFKA_REPLICATION: '3' })).toEqual([expect.stringContaining('KAFKA_REPLICATION')])
  expect(told({ RETRY_DELAYS: '1m,10s' })).toEqual([expect.stringContaining('RETRY_DELAYS')])
  const kafka = { KAFKA_BROKERS: 'broker:9092', KAFKA_USERNAME: 'user', KAFKA_PASSWORD: 'only for tests' }
  expect(told(kafka)).toEqual([expect.stringContaining('KAFKA_USERNAME')])
  expect(told({ ...kafka, KAFKA_SECURITY_PROTOCOL: 'sasl_plaintext' })).toEqual([
    expect.stringContaining('in the clear'),
  ])
  expect(told({ ...kafka, KAFKA_SECURITY_PROTOCOL: 'sasl_ssl' })).toEqual([])
  const secret = 'a secret of enough length'
  expect(told({ ORDER_ID_SECRET: `${secret},${secret}` })).toEqual([expect.stringContaining('twice')])
  expect(told({ AzureWebJobs__docs__Disabled: 'true' })).toEqual([expect.stringContaining('one underscore')])
})

test('the absence of a processor is reported', async () => {
  expect(await unwell({ orderConsumers: async () => [] })).toEqual([
    'consumers: Nothing is processing orders: no process is in the group group. Start a processor, or enable consumeOrders.',
  ])
})

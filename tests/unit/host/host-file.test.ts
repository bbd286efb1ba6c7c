import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, describe } from 'vitest'
import { parseHostJson } from '../../../infra/host/host-json.ts'
import { MAX_RETRY_DELAY_MS, readConfig } from '../../../shared/settings/config.ts'
import { MAX_HOLD_MS } from '../../../shared/messaging/hold.ts'
import { MAX_LINKS } from '../../../shared/telemetry/traces/tracing.ts'

const read = (file: string) => readFileSync(join(import.meta.dirname, '..', '..', '..', file), 'utf8')
const json = JSON.parse(read('host.json')) as {
  readonly extensionBundle: { id: string; version: string }
  readonly extensions: { kafka: Record<string, unknown> } & Record<string, unknown>
  readonly logging: { logLevel: Record<string, string> }
} & Record<string, unknown>

/** The consumer settings in the Kafka extension's KafkaOptions.cs. The extension ignores unknown names. */
const KAFKA_SETTINGS = [
  'maxBatchSize',
  'subscriberIntervalInSeconds',
  'executorChannelCapacity',
  'channelFullRetryIntervalInMs',
  'autoCommitIntervalMs',
  'autoOffsetReset',
  'commitOnFailure',
  'maxRetries',
  'sessionTimeoutMs',
  'maxPollIntervalMs',
  'metadataMaxAgeMs',
  'queuedMaxMessagesKbytes',
  'fetchMaxBytes',
  'maxPartitionFetchBytes',
  'socketKeepaliveEnable',
]
/** The settings in the runtime's HostJsonFileConfigurationSource.cs. */
const HOST_SETTINGS = ['version', 'telemetryMode', 'functionTimeout', 'logging', 'extensions', 'extensionBundle']

describe('host.json', () => {
  const host = parseHostJson(structuredClone(json))

  test('uses no setting that the runtime or the Kafka extension would silently ignore', () => {
    expect(Object.keys(json).filter((name) => !HOST_SETTINGS.includes(name))).toEqual([])
    expect(Object.keys(json.extensions)).toEqual(['http', 'kafka'])
    expect(Object.keys(json.extensions.kafka).filter((name) => !KAFKA_SETTINGS.includes(name))).toEqual([])
  })

  test('has a failed batch delivered again without limit, by an extension that supports it', () => {
    expect(host.kafka).toMatchObject({ commitOnFailure: false, maxRetries: -1 })
    expect(host.kafka.maxBatchSize).toBeLessThanOrEqual(MAX_LINKS)
    expect(json.extensionBundle.id).toBe('Microsoft.Azure.Functions.ExtensionBundle')
    // commitOnFailure came with version 4.3 of the extension, which bundles contain from 4.37 on.
    const [, minor] = /^\[4\.(\d+)\.\d+, 5\.0\.0\)$/.exec(json.extensionBundle.version) ?? []
    expect(Number(minor)).toBeGreaterThanOrEqual(37)
  })

  test('lets a function wait for the longest delay and a hold after it before it times out', () => {
    const longest = ['24m', '25m', '26m', '30m'].filter((RETRY_DELAYS) => accepts({ RETRY_DELAYS })).at(-1)
    const longestMs = Number.parseInt(longest ?? '', 10) * 60_000
    // There must be time for two holds: one until the store is back, and then, because the function has records to
    // park, one until the log is back.
    expect(host.functionTimeoutMs).toBeGreaterThanOrEqual(longestMs + 2 * MAX_HOLD_MS)
  })

  test('expires a stalled consumer once the longest legal invocation is over', () => {
    // The extra minute is for the attempt that begins after the hold and has its own time limits.
    expect(json.extensions.kafka['maxPollIntervalMs']).toBe(MAX_RETRY_DELAY_MS + MAX_HOLD_MS + 60_000)
  })

  test('limits the memory of a batch and of prefetched records', () => {
    // With these limits, the memory suffices even if every topic is full of the largest orders; docs/deploying.md has
    // the calculation.
    expect(json.extensions.kafka).toMatchObject({
      maxBatchSize: 32,
      queuedMaxMessagesKbytes: 8192,
      fetchMaxBytes: 4 * 1024 * 1024,
      maxPartitionFetchBytes: 1024 * 1024,
    })
  })

  test('leaves a third of the processor’s memory to spare under the largest batches of every trigger', () => {
    const [triggers, orderMb, copiesInHost, hostAtRest, workerBesidesHeap] = [5, 0.9, 9, 200, 130]
    const heap = Number(
      /NODE_OPTIONS=--max-old-space-size=(\d+)/.exec(read('infra/kubernetes/base/order-processor.env'))?.[1],
    )
    const batchMib = (host.kafka.maxBatchSize * orderMb * 1e6) / 2 ** 20
    const needed = hostAtRest + triggers * copiesInHost * batchMib + heap + workerBesidesHeap
    const kubernetes = Number(
      /limits: \{ memory: (\d+)Mi \}/.exec(read('infra/kubernetes/base/order-processor.yaml'))?.[1],
    )
    const compose = Number(/PROCESSOR_MEMORY:-(\d+)m\}/.exec(read('docker-compose.yml'))?.[1])
    expect(kubernetes).toBe(compose)
    expect(needed).toBeLessThanOrEqual((kubernetes * 2) / 3)
  })

  test('gives the partitions of a restarting instance to the next one within seconds', () => {
    const { sessionTimeoutMs } = json.extensions.kafka
    // By default, brokers require at least 6000 ms (group.min.session.timeout.ms); heartbeats come every 3000 ms.
    expect(sessionTimeoutMs).toBeGreaterThan(3 * 3000)
    expect(sessionTimeoutMs).toBeLessThanOrEqual(10_000)
  })

  test('logs our lines and failures, but not the start and end of each invocation', () => {
    expect(json.logging.logLevel).toEqual({
      default: 'Information',
      Function: 'Warning',
      'Function.*.User': 'Information',
      'Microsoft.Azure.WebJobs.Script.WebHost.Middleware': 'Warning',
    })
  })

  test('sends the runtime’s own traces to the destination of ours', () => {
    expect(json['telemetryMode']).toBe('OpenTelemetry')
    expect(json.logging.logLevel).toMatchObject({ default: 'Information' })
  })
})

function accepts(settings: Record<string, string>): boolean {
  try {
    readConfig(settings, 'embedded')
    return true
  } catch {
    return false
  }
}

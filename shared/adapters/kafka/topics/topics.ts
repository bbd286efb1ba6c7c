import type { ITopicMetadata } from 'kafkajs'
import { messageOf, OrderError } from '../../../domain/errors.ts'
import type { TopicSpec } from '../../../ports/event-log.ts'
import type { AdminClient } from '../client/admin.ts'
import { isDenied, protocolType, rootOf } from '../client/errors.ts'
import { describeSettings, differingSettings, type TopicSettings } from './topic-settings.ts'

/** With fewer replicas, or fewer required in-sync replicas, the failure of a single disk can lose accepted orders. */
const SAFE_REPLICATION = 3
const SAFE_IN_SYNC = 2

/**
 * Creates missing topics, and warns of each difference between an existing topic and its spec. Never alters a topic.
 * Resolves with the topics' settings, or with an empty map if they could not be read. Rejects with `invalid-setting` if
 * Kafka refuses to create a topic and with `log-unavailable` if Kafka is unavailable.
 */
export async function ensureTopics(
  admin: AdminClient,
  specs: readonly TopicSpec[],
  onWarning: (message: string) => void,
): Promise<ReadonlyMap<string, TopicSettings>> {
  const existing = new Set(await admin.ask('Asking Kafka for its topics', (kafka) => kafka.listTopics()))
  const missing = specs.filter(({ name }) => !existing.has(name))
  if (missing.length > 0) await create(admin, missing)

  const names = specs.map(({ name }) => name)
  const { topics } = await admin.ask('Asking Kafka for its topics', (kafka) =>
    kafka.fetchTopicMetadata({ topics: names }),
  )
  admin.remember(names)
  // Metadata can name a leader before that broker leads the partition. Records that were published at that moment would
  // be refused and sent again. A request for the offsets returns only once every leader has responded.
  await Promise.all(missing.map(({ name }) => admin.offsets(name)))
  const settings = await describeSettings(admin, names).catch((error: unknown) => {
    onWarning(`The settings of the topics could not be checked: ${messageOf(rootOf(error))}`)
    return new Map<string, TopicSettings>()
  })
  const unsafe = new Map<string, string[]>()
  for (const spec of specs) {
    const topic = topics.find(({ name }) => name === spec.name)
    if (topic === undefined) continue
    for (const line of differences(spec, topic)) onWarning(line)
    const danger = dangerOf(topic, settings.get(spec.name))
    if (danger !== undefined) unsafe.set(danger, [...(unsafe.get(danger) ?? []), spec.name])
  }
  for (const line of differingSettings(specs, settings)) onWarning(line)
  for (const [danger, names] of unsafe) {
    onWarning(`If a disk fails, accepted orders can be lost: ${danger} (${names.join(', ')}).`)
  }
  return settings
}

/** Creates all topics with one request, because a broker needs about 30 ms for each request. */
async function create(admin: AdminClient, specs: readonly TopicSpec[]): Promise<void> {
  const topics = specs.map(({ name, partitions, replication, config }) => ({
    topic: name,
    numPartitions: partitions,
    replicationFactor: replication,
    configEntries: Object.entries(config).map(([setting, value]) => ({ name: setting, value })),
  }))
  try {
    await admin.ask(`Creating the topics ${specs.map(({ name }) => name).join(', ')}`, async (kafka) => {
      // `createTopics` resolves with false if another process has already created all of the topics.
      await kafka.createTopics({ topics, waitForLeaders: false }).catch(throwRefusal)
    })
  } catch (error) {
    const type = protocolType(error)
    const final = isDenied(error) || /^(?:INVALID_|POLICY_VIOLATION)/.test(type ?? '')
    if (!final) throw error
    const root = rootOf(error)
    const name = root instanceof Error && 'topic' in root ? ` ${String(root.topic)}` : 's'
    const hint =
      type === 'INVALID_REPLICATION_FACTOR' ? ' KAFKA_REPLICATION asks for more copies than there are brokers.' : ''
    throw new OrderError('invalid-setting', `Kafka refuses to create the topic${name}: ${messageOf(root)}.${hint}`, {
      cause: error,
    })
  }
}

/**
 * Throws the error of the first refusal, because kafkajs's own error gives only the number of errors. If another
 * process has created a topic in the meantime, that does not count as a refusal.
 */
function throwRefusal(error: unknown): never {
  if (!(error instanceof Error && 'errors' in error && Array.isArray(error.errors))) throw error
  throw error.errors.find((one) => protocolType(one) !== 'TOPIC_ALREADY_EXISTS') ?? error
}

function* differences(spec: TopicSpec, topic: ITopicMetadata): Generator<string> {
  const { name, partitions, replication } = spec
  const copies = copiesOf(topic)
  const is = (what: string, found: number, wanted: number) =>
    `The topic ${name} has ${found} ${what}${found === 1 ? '' : 's'}, not ${wanted}. It is left unchanged.`
  if (topic.partitions.length !== partitions) yield is('partition', topic.partitions.length, partitions)
  if (copies !== replication) yield is('replica', copies, replication)
}

function dangerOf(topic: ITopicMetadata, settings: TopicSettings | undefined): string | undefined {
  const copies = copiesOf(topic)
  if (copies < SAFE_REPLICATION) return `topics have a replication factor of ${copies}, less than ${SAFE_REPLICATION}`
  const inSync = Number(settings?.get('min.insync.replicas')?.value ?? SAFE_IN_SYNC)
  return inSync < SAFE_IN_SYNC ? `topics have min.insync.replicas = ${inSync}, less than ${SAFE_IN_SYNC}` : undefined
}

function copiesOf({ partitions }: ITopicMetadata): number {
  return Math.min(...partitions.map(({ replicas }) => replicas.length))
}

import { messageOf } from '../../domain/errors.ts'
import { sourcesOf, type Topics } from '../../messaging/topics.ts'
import type { EventLog, LogHealth, TopicSpec } from '../../ports/event-log.ts'
import type { Finding } from '../../ports/finding.ts'
import type { Maintenance } from '../../ports/maintenance.ts'
import type { OrderStore } from '../../ports/order-store.ts'
import type { LedgerVerdict } from '../ledger/ledger.ts'
import type { OrderConsumers } from './order-consumers.ts'
import { lagOf, standIn } from './status.ts'
import type { RecordsKept } from '../log/expire-records.ts'
import { formerRetriesOf } from '../log/former-retries.ts'
import { LIFE_TO_WARN_OF, type LifeInLog } from '../log/life-in-log.ts'

/** The results of the checks that an operator would start with. */
export interface Diagnosis {
  readonly well: boolean
  readonly checks: readonly Finding[]
}

export type Doctor = () => Promise<Diagnosis>

const GIB = 1024 ** 3
const MIN_FREE_BYTES = GIB

export function createDoctor(dependencies: {
  log: Pick<EventLog, 'health' | 'offsets' | 'committed' | 'settingWarnings' | 'identity' | 'inspect'>
  store: Pick<OrderStore, 'health'>
  maintenance: Pick<Maintenance, 'migrate' | 'getRebuild' | 'inspect'>
  ledgerVerdict: () => Promise<LedgerVerdict>
  orderConsumers: OrderConsumers
  /** This installation's clock faults, one sentence each. */
  clockFaults: () => Promise<readonly string[]>
  lifeInLog: (topic: string, groupId: string) => Promise<LifeInLog | undefined>
  /** Records that stay in the log although they are older than LOG_RETENTION. */
  recordsKept: () => readonly RecordsKept[]
  /** One sentence that says how long the log and the store keep the data whose retention can be set. */
  keptFor: string
  topics: Topics
  partitions: number
  /** How the topics should be configured. */
  specs: readonly TopicSpec[]
  versions: { readonly program: string; readonly node: string }
  /** The functions that this instance serves, in words. */
  role: string
  /** Conflicts among the settings, one sentence each. */
  contradictions: readonly string[]
  /** Undefined if the log and the store are on other machines. */
  freeSpace: () => Promise<{ readonly directory: string; readonly bytes: number } | undefined>
}): Doctor {
  const { log, store, maintenance, ledgerVerdict, clockFaults, lifeInLog, topics, partitions, specs } = dependencies
  const { versions, role, contradictions, freeSpace, orderConsumers, recordsKept, keptFor } = dependencies
  const sources = sourcesOf(topics)

  const checks: readonly Check[] = [
    one('versions', async () => well(`order-event-processing ${versions.program} on Node ${versions.node}.`)),
    one('role', async () => well(role)),
    one('settings', async () => allWell(contradictions, 'No conflicting settings.')),
    one('log', async () => logFinding(await log.health())),
    several('records', () => log.inspect()),
    one('clock', async () => allWell(await clockFaults(), 'No clock is known to be wrong.')),
    one('topics', checkTopics),
    one('topic-settings', async () => allWell(await log.settingWarnings(specs), 'As requested.')),
    one('retention', checkRetention),
    one('consumers', checkConsumers),
    one('retries', checkFormerRetries),
    one('store', async () => available(await store.health())),
    several('server', () => maintenance.inspect()),
    one('schema', async () => {
      const last = (await maintenance.migrate()).migrations.at(-1)
      return well(`At migration ${last?.version ?? 0} (${last?.name ?? 'none'}), the newest that this program knows.`)
    }),
    one('disk', async () => {
      const free = await freeSpace()
      if (free === undefined) return well('The log and the store are not on this disk.')
      const found = `${(free.bytes / GIB).toFixed(1)} GiB is free in ${free.directory}`
      return free.bytes >= MIN_FREE_BYTES ? well(`${found}.`) : unwell(`${found}: make room before orders are refused.`)
    }),
    one('ledger', async () => {
      const { balanced, summary } = await ledgerVerdict()
      return { well: balanced, detail: summary }
    }),
    one('rebuild', async () => {
      const rebuild = await maintenance.getRebuild()
      if (rebuild === undefined) return well('There has been none.')
      const { state, updatedAt, why } = rebuild
      if (state === 'abandoned')
        return unwell("The last rebuild's process died, and its tables take up space. Start another.")
      return { well: state !== 'failed', detail: `${state}, ${updatedAt}.${why === null ? '' : ` ${why}`}` }
    }),
  ]

  async function checkTopics() {
    const found = await Promise.all(
      sources.map(async ({ topic }) => ({ topic, count: (await log.offsets(topic)).length })),
    )
    const others = found.filter(({ count }) => count !== partitions)
    // Null for a broker older than 2.8, and for other servers that implement Kafka's protocol.
    const told =
      (await log.identity(topics.orders)) === null
        ? ' They have no ids here, so a recreated topic is recognised only while it is shorter than the earlier one.'
        : ''
    if (others.length === 0) return well(`${sources.length} topics of ${partitions} partitions, as configured.${told}`)
    const list = others.map(({ topic, count }) => `${topic} has ${count}`).join(', ')
    return unwell(`ORDERS_PARTITIONS is ${partitions}, but ${list}. The setting is used only when topics are created.`)
  }

  /** Checks whether waiting records are about to leave the log, and whether old records stay in the log. */
  async function checkRetention() {
    const kept = recordsKept()
    if (kept.length > 0) {
      const list = kept
        .map(({ topic, partition, since, why }) => `${topic} ${partition} since ${toIso(since)} (${why})`)
        .join(', ')
      return unwell(
        `Records that are older than LOG_RETENTION are kept, so the log grows: ${list}. See "What is kept, and for how long" in docs/operations.md.`,
      )
    }

    const lives = await Promise.all(sources.map(({ topic, group }) => lifeInLog(topic, group)))
    const old = lives
      .filter((life) => life !== undefined)
      .filter(({ used, staysUntilProcessed }) => used >= LIFE_TO_WARN_OF && !staysUntilProcessed)
    if (old.length === 0) return well(`No waiting record is about to leave the log. ${keptFor}`)
    const list = old.map(
      ({ topic, partition, offset, used }) =>
        `${topic} ${partition}:${offset} (${Math.floor(used * 100)} % of its life)`,
    )
    return unwell(
      `Waiting records are about to leave the log: ${list.join(', ')}. Start the consumer, or raise LOG_RETENTION, restart, and run \`npm run ops -- migrate\`.`,
    )
  }

  /** Without a consumer, orders are still accepted, and only the growing lag shows the fault. */
  async function checkConsumers() {
    const members = await orderConsumers()
    if (members.length > 0) return well(`Members of ${topics.group}: ${members.length}.`)
    return unwell(
      `Nothing is processing orders: no process is in the group ${topics.group}. Start a processor, or enable consumeOrders.`,
    )
  }

  /** Finds records in retry topics that have had no consumer since delays were removed from RETRY_DELAYS. */
  async function checkFormerRetries() {
    const former = await formerRetriesOf(log, topics)
    const lags = await Promise.all(
      former.map(async ({ topic, group }) => ({ topic, waiting: lagOf(await standIn(log, topic, group)) })),
    )
    const found = lags
      .filter(({ waiting }) => waiting > 0)
      .map(({ topic, waiting }) => `${waiting} records in ${topic}`)
    if (found.length === 0) return well('No records wait in a retry topic that nobody reads.')
    return unwell(`Nobody reads ${found.join(', ')}: set as many RETRY_DELAYS as before until they are empty.`)
  }

  return async function doctor() {
    const found = (await Promise.all(checks.map((check) => check()))).flat()
    return { well: found.every((finding) => finding.well), checks: found }
  }
}

/** Never rejects, because a failed check is a finding too. */
type Check = () => Promise<readonly Finding[]>

function several(name: string, check: Check): Check {
  return async () => {
    try {
      return await check()
    } catch (error) {
      return [{ name, ...unwell(messageOf(error)) }]
    }
  }
}

function one(name: string, check: () => Promise<Omit<Finding, 'name'>>): Check {
  return several(name, async () => [{ name, ...(await check()) }])
}

function allWell(faults: readonly string[], otherwise: string) {
  return faults.length === 0 ? well(otherwise) : unwell(faults.join(' '))
}

function toIso(ms: number): string {
  return new Date(ms).toISOString()
}

function well(detail: string) {
  return { well: true, detail }
}

function unwell(detail: string) {
  return { well: false, detail }
}

function logFinding({ unreadable, ...health }: LogHealth) {
  return unreadable === undefined ? available(health) : unwell(unreadable.join(' '))
}

function available({ available, cause }: { available: boolean; cause?: string }) {
  return available ? well('Answers.') : unwell(`Unavailable: ${cause ?? 'no cause is known'}.`)
}

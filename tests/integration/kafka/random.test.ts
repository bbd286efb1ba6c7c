import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, test, vi } from 'vitest'
import { patchNetwork } from '../../../shared/adapters/kafka/client/patch-network.ts'
import {
  openKafkaLog,
  skipsKafka,
  startTestBroker,
  startTestCluster,
  type TestBroker,
} from '../../support/kafka/kafka-broker.ts'
import { createKafkaHosts, type KafkaHosts } from '../../support/kafka/kafka-hosts.ts'
import { startKafkaProxy } from '../../support/kafka/kafka-proxy.ts'
import { deadLetters } from '../../support/orders/dead-letters.ts'
import {
  createOrderTraffic,
  expectPromisesKept,
  storedOrders,
  type OrderTraffic,
} from '../../support/orders/order-traffic.ts'
import type { Product } from '../../support/product/product.ts'
import { createRandom, seedOfThisRun, type Random } from '../../support/random.ts'
import { randomOrder } from '../../support/orders/random-orders.ts'
import { createRecoveryTimes } from '../../support/product/recovery-times.ts'

/**
 * The duration of each of the two tests. To run them for longer, start them by hand with
 * `DURATION_MS=300000 npx vitest run tests/integration/kafka/random.test.ts`.
 */
const DURATION_MS = Number(process.env['DURATION_MS'] ?? 16_000)
/** Waits for recovery before the next fault, so that each recovery time belongs to one fault. */
const ONE_AT_A_TIME = process.env['ONE_AT_A_TIME'] === '1'
const TIMEOUT_MS = 3 * DURATION_MS + 240_000
const CALLERS = 12
const MAX_HOSTS = 3
const PARTITIONS = 6

/** The faults by name. Each resolves when the fault is over, before the product has recovered from it. */
type Mishaps = Readonly<Record<string, () => Promise<void>>>

describe.skipIf(skipsKafka)('on a real Kafka', () => {
  test(
    `${DURATION_MS / 1000} s of dying hosts, a dying broker and cut connections lose nothing and store nothing twice`,
    { timeout: TIMEOUT_MS },
    async () => {
      let port = 0
      await using proxy = await startKafkaProxy(() => port)
      await using broker = await startTestBroker({
        properties: { 'advertised.listeners': `PLAINTEXT://${proxy.address}` },
      })
      port = broker.port
      await survives([proxy.address], 1, (random) => ({
        'broker killed, restarted': () => restart(broker, random.whole(500, 4000)),
        'all connections cut': async () => proxy.cut(),
        'an acknowledgement lost': async () => proxy.eatNextAcknowledgement(),
      }))
      expect(proxy.eaten).toBeGreaterThan(0)
    },
  )

  test(
    `${DURATION_MS / 1000} s of dying hosts in a cluster of three, one broker down at a time, lose nothing and store nothing twice`,
    { timeout: TIMEOUT_MS },
    async () => {
      const brokers = await startTestCluster(3)
      try {
        const addresses = brokers.map(({ address }) => address)
        await survives(addresses, 3, (random, traffic) => ({
          'one broker of three killed': async () => {
            const broker = random.pick(brokers)
            await broker.kill()
            // Meanwhile, the other brokers accept orders.
            const before = traffic.accepted.size
            await vi.waitFor(() => expect(traffic.accepted.size).toBeGreaterThan(before + 100), { timeout: 30_000 })
            await broker.start()
            await inSync(addresses)
          },
        }))
      } finally {
        await Promise.all(brokers.map((broker) => broker[Symbol.asyncDispose]()))
      }
    },
  )
})

/**
 * Hundreds of orders a second go to two or three hosts of one group, while faults occur at random, in a sequence that
 * the seed determines. At the end the ledger must balance, and the callers' records, the log and the store must agree.
 */
async function survives(
  brokers: readonly string[],
  replication: number,
  mishapsOf: (random: Random, traffic: OrderTraffic) => Mishaps,
): Promise<void> {
  const seed = seedOfThisRun()
  await using hosts = createKafkaHosts({
    KAFKA_BROKERS: brokers.join(','),
    KAFKA_REPLICATION: String(replication),
    ORDERS_PARTITIONS: String(PARTITIONS),
  })
  try {
    await hosts.add()
    await hosts.add()
    const random = createRandom(seed)
    const toAnyone = createRandom(seed + 1)
    const traffic = createOrderTraffic({
      get url() {
        return toAnyone.pick(hosts.running).url
      },
    })
    const over = new AbortController()
    const callers = Array.from({ length: CALLERS }, (_, caller) =>
      call(traffic, createRandom(seed + 2 + caller), caller, over.signal),
    )
    const recovery = createRecoveryTimes({ traffic, ledger: () => oneOf(hosts).ledger() })
    const mishaps = { ...mishapsToHosts(hosts, random), ...mishapsOf(random, traffic) }
    const begun = Date.now()
    // Every fault occurs once, in random order, no matter how long that takes; then all of them again until time is up.
    for (let left = Object.keys(mishaps), round = 1; round === 1 || Date.now() < begun + DURATION_MS;) {
      const name = random.pick(left)
      left = left.filter((other) => other !== name)
      if (left.length === 0) [left, round] = [Object.keys(mishaps), round + 1]
      await sleep(random.whole(500, 4000))
      // The recovery time is measured from the restart if something is restarted, otherwise from the fault.
      await mishaps[name]?.()
      recovery.after(name)
      if (ONE_AT_A_TIME) await recovery.done()
    }
    await recovery.done()
    over.abort()
    await Promise.all(callers)

    const host = oneOf(hosts)
    await host.settled()
    expect(await host.ledger()).toMatchObject({ balanced: true, gaps: [], totals: { toCome: 0 } })
    await expectPromisesKept(host, traffic)
    expect(await deadLetters(host)).toEqual([])
    const stored = await storedOrders(host)
    const written = await orderIdsIn(brokers)
    expect(new Set(stored.keys())).toEqual(new Set(written))

    const answers = [...traffic.answers].map(([status, count]) => `${count} × ${status || 'no answer'}`).join(', ')
    const twice = written.length - stored.size
    console.log(
      `${answers}; ${stored.size} stored, of which ${twice} records stood twice in the log\n${recovery.table()}`,
    )
    // With fewer accepted orders, the test would prove nothing.
    expect(traffic.accepted.size).toBeGreaterThan(DURATION_MS / 100)
    for (const running of hosts.running) expect(await hosts.stop(running)).toBe(0)
  } catch (error) {
    console.error(`The hosts' most recent output:\n${hosts.output()}`)
    throw error
  }
}

function mishapsToHosts(hosts: KafkaHosts, random: Random): Mishaps {
  return {
    'host killed, another started': async () => {
      await hosts.kill(random.pick(hosts.running))
      await hosts.add()
    },
    'host added': async () => {
      if (hosts.running.length === MAX_HOSTS) await hosts.kill(random.pick(hosts.running))
      await hosts.add()
    },
    'host stopped': async () => {
      if (hosts.running.length < MAX_HOSTS) await hosts.add()
      expect(await hosts.stop(random.pick(hosts.running))).toBe(0)
    },
  }
}

function oneOf({ running }: KafkaHosts): Product {
  const [host] = running
  if (host === undefined) throw new Error('No host runs.')
  return host
}

async function call(traffic: OrderTraffic, random: Random, caller: number, signal: AbortSignal): Promise<void> {
  for (let number = 0; !signal.aborted; number += 1) {
    const answer = await traffic.place(randomOrder(random, `${caller}-${number}`, 3))
    await sleep(answer?.status === 202 ? random.whole(10, 40) : 100)
  }
}

async function restart(broker: TestBroker, awayMs: number): Promise<void> {
  await broker.kill()
  await sleep(awayMs)
  await broker.start()
}

/** Waits until every replica has caught up, so that the next broker may be killed. */
async function inSync(brokers: readonly string[]): Promise<void> {
  patchNetwork()
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    await vi.waitFor(
      async () => {
        const { topics } = await admin.fetchTopicMetadata({ topics: ['orders'] })
        for (const { isr } of topics[0]?.partitions ?? []) expect(isr).toHaveLength(3)
      },
      { timeout: 60_000, interval: 250 },
    )
  } finally {
    await admin.disconnect()
  }
}

/** The id of every record in the orders topic, in any order. */
async function orderIdsIn(brokers: readonly string[]): Promise<string[]> {
  const { log } = openKafkaLog(brokers)
  await using _ = log
  const ids: string[] = []
  for (const { partition, first, end } of await log.offsets('orders')) {
    for (let next = first; next < end;) {
      const records = await log.read('orders', partition, next, 1000)
      expect(records[0]?.offset).toBe(next)
      for (const { headers } of records) {
        ids.push(Buffer.from(headers.find(([name]) => name === 'ce_id')?.[1] ?? []).toString())
      }
      next += records.length
    }
  }
  return ids
}

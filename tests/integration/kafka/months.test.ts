import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createTopics, sourcesOf } from '../../../shared/messaging/topics.ts'
import { openKafkaLog, skipsKafka, startTestBroker, type TestBroker } from '../../support/kafka/kafka-broker.ts'
import { createKafkaHosts } from '../../support/kafka/kafka-hosts.ts'
import { withAdmin } from '../../support/kafka/kafka-services.ts'
import { expectForgotten } from '../../support/months/forgotten.ts'
import { breakThings, type Breakage, expectBalanced, live } from '../../support/months/life.ts'
import { createOperators } from '../../support/months/operators.ts'
import { expectPoisonKept, expectSettled } from '../../support/months/settlement.ts'
import { createShop } from '../../support/months/shop.ts'
import { createRandom, seedOfThisRun } from '../../support/random.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

/** To simulate five years, run `MONTHS=60 npx vitest run tests/integration/kafka/months.test.ts` by hand. */
const MONTHS = Number(process.env['MONTHS'] ?? 2)
const LIVES_A_MONTH = 2
/** The broker uses the machine's clock, which the test cannot change, so the test makes a day last only this long. */
const DAY_MS = 200
const RETENTION_DAYS = 20
const SETTINGS = { FAULTS: 'on', RETRY_DELAYS: '50ms', ORDERS_PARTITIONS: '3' }
const SOURCES = sourcesOf(createTopics('orders', 'order-processor', [50]))

/**
 * Removes the records that have been processed, as retention eventually would. The broker's own retention would also
 * remove records that a slow processor has not reached yet, and how far a processor falls behind depends on the
 * machine.
 */
async function removeProcessed(broker: TestBroker): Promise<number> {
  const { log } = openKafkaLog([broker.address])
  await using _ = log
  return await withAdmin(broker, async (admin) => {
    let removed = 0
    for (const { topic, group } of SOURCES) {
      // Without this request the client does not know the partitions' leaders.
      await admin.fetchTopicOffsets(topic)
      const committed = await log.committed(group, topic)
      const offsets = await log.offsets(topic)
      const processed = offsets.flatMap(({ partition, first }) => {
        const offset = committed.get(partition) ?? 0
        removed += Math.max(0, offset - first)
        return offset > first ? [{ partition, offset: String(offset) }] : []
      })
      if (processed.length > 0) await admin.deleteTopicRecords({ topic, partitions: processed })
    }
    return removed
  })
}

describe.skipIf(skipsKafka)('on a real Kafka', () => {
  test(
    `${MONTHS} months of orders, operators, faults, kills and removed records lose nothing and forget what they must`,
    { timeout: MONTHS * 200_000 },
    async () => {
      const seed = seedOfThisRun()
      const random = createRandom(seed)
      const toAnyone = createRandom(seed + 1)
      await using broker = await startTestBroker()
      await using hosts = createKafkaHosts({ ...SETTINGS, KAFKA_BROKERS: broker.address })
      await hosts.add()
      const dataDir = dirname((await hosts.add()).dataDir)
      const archive = join(temporaryDirectory(), 'archive')
      const host = () => toAnyone.pick(hosts.running)
      const now = Date.now
      const shop = createShop(host, now)
      const operators = createOperators({ host, shop, now, dayMs: DAY_MS, archive, dataDir })
      let lives = 0
      let kills = 0
      let poison = 0
      let removed = 0

      async function replace(isKilled: boolean): Promise<void> {
        const [old] = hosts.running
        await hosts.add()
        if (old === undefined) throw new Error('No host runs.')
        if (!isKilled) expect(await hosts.stop(old)).toBe(0)
        else await hosts.kill(old)
        kills += isKilled ? 1 : 0
      }

      try {
        for (let month = 0; month < MONTHS; month += 1) {
          // Kafka waits 15 s for a host that was killed, so at most one host is killed in each month.
          const killIn = random.whole(1, LIVES_A_MONTH + 1)
          for (let life = 1; life <= LIVES_A_MONTH; life += 1) {
            lives += 1
            const breakages: Breakage[] = []
            for (const one of hosts.running) breakages.push(await breakThings(one, random))
            poison += breakages.reduce((sum, one) => sum + one.poison, 0)
            const afterMs = random.whole(20, 2000)
            const interrupted = sleep(afterMs).then(async () => {
              for (const one of breakages) await one.mend()
              if (life === killIn) await replace(true)
              else if (random.chance(0.3)) await replace(false)
              removed += await removeProcessed(broker)
            })
            await Promise.all([live(shop, operators, seed + 10 * lives), interrupted])
          }
          for (const one of hosts.running) await one.breaks({})
          await host().settled()
          removed += await removeProcessed(broker)
          await operators.archiveBefore(now() - RETENTION_DAYS * DAY_MS)
          await expectBalanced(host())
        }

        await operators.completeForgetting(random)
        await host().settled()
        const settlement = await expectSettled(host(), shop, archive)
        await expectPoisonKept(host(), poison)
        await expectBalanced(host())
        const gone = expectForgotten(dataDir, shop, shop.forgettings)

        await operators.restoreAll()
        expect(await expectSettled(host(), shop, archive)).toMatchObject({ archived: 0 })
        await expectBalanced(host())
        for (const one of hosts.running) expect(await hosts.stop(one)).toBe(0)
        expectForgotten(dataDir, shop, shop.forgettings)

        console.log(
          `${JSON.stringify(settlement)}, ${kills} kills, ${removed} records removed, ${gone} marks gone; ${operators.done()}`,
        )
        // If this fails, too little happened to prove anything.
        for (const count of [removed, gone, settlement.stored, settlement.archived]) expect(count).toBeGreaterThan(0)
      } catch (error) {
        console.error(`The hosts' most recent output:\n${hosts.output()}`)
        throw new Error(`SEED=${seed}, life ${lives}, last action: ${operators.last()}`, { cause: error })
      }
    },
  )
})

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RedrivePreview } from '../../../shared/application/dead-letters/preview-redrive.ts'
import type { RedriveWarning } from '../../../shared/application/dead-letters/redrive-warning.ts'
import type { DeadLetterGroup, DeadLetterSummary } from '../../../shared/ports/dead-letters.ts'
import type { LogRecord } from '../../../shared/ports/event-log.ts'
import { skipsKafka } from '../../support/kafka/kafka-broker.ts'
import { startKafkaProduct, type KafkaProduct } from '../../support/kafka/kafka-product.ts'
import { findJava, type Neighbour } from '../../support/kafka/neighbours.ts'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'
import { pagesOf } from '../../support/product/product.ts'

const spring4 = await findJava('spring-4')
const spring3 = await findJava('spring-3')
const connect = await findJava('connect')

const WAIT = { timeout: 60_000, interval: 200 }
const ORDERS = 3

describe.skipIf(skipsKafka)('dead letters alongside other people’s consumers', () => {
  let neighbourhood: KafkaProduct
  let orderIds: string[]
  /** The id of one of our own letters. */
  let poison: string
  beforeAll(async () => {
    neighbourhood = await startKafkaProduct()
    const { product, log } = neighbourhood
    orderIds = []
    for (let order = 0; order < ORDERS; order += 1) {
      const { body } = await product.ask('/api/orders', { method: 'POST', body: ORIGINAL_BODY })
      orderIds.push(String(body['orderId']))
    }
    const [place] = await log.publish('orders', [{ key: null, value: 'not an order', headers: [] }])
    poison = `orders:${place?.partition}:${place?.offset}`
    await product.settled()
    const body = { reason: 'Written by a test.' }
    await product.operate(`/api/dead-letters/${poison}/discard`, { method: 'POST', body })
  })
  afterAll(() => neighbourhood[Symbol.asyncDispose]())

  const foreign = async () => pagesOf<DeadLetterSummary>(neighbourhood.product, '/api/dead-letters?foreign=true')
  const lettersOf = async (group: string) => (await foreign()).filter(({ consumerGroup }) => consumerGroup === group)

  /** All the records in the orders topic. */
  async function orderRecords(): Promise<LogRecord[]> {
    const { log } = neighbourhood
    const partitions = await log.offsets('orders')
    return (await Promise.all(partitions.map(({ partition }) => log.read('orders', partition, 0, 500)))).flat()
  }

  async function redrive(body: Record<string, unknown>) {
    const answer = await neighbourhood.product.operate('/api/dead-letters/redrive', { method: 'POST', body })
    return answer.body as { id: string; items: RedrivePreview[]; warning?: RedriveWarning }
  }

  /** Runs a program until it has given up on every record in the orders topic and its dead letters are in the store. */
  async function giveUp(neighbour: Neighbour, group: string, program: string, ...args: string[]) {
    const records = (await neighbourhood.log.offsets('orders')).reduce((sum, { end }) => sum + end, 0)
    await using running = neighbour.start(program, ...args)
    await Promise.race([
      vi.waitFor(async () => expect((await lettersOf(group)).length).toBeGreaterThanOrEqual(records), WAIT),
      running.ended.then((output) => {
        throw new Error(`${program} ended early: ${output}`)
      }),
    ])
    running.end()
    await running.ended
    return lettersOf(group)
  }

  /** Whatever neighbours do with their copies, every order is stored, and every record is accounted for. */
  async function expectUntouched(): Promise<void> {
    for (const orderId of orderIds) {
      expect((await neighbourhood.product.ask(`/api/orders/${orderId}`)).body).toMatchObject({ status: 'stored' })
      const { body } = await neighbourhood.product.ask(`/api/orders/${orderId}/history`)
      expect((body['items'] as { kind: string }[]).map(({ kind }) => kind)).toEqual(['accepted', 'stored'])
    }
    expect(await neighbourhood.product.ledger()).toMatchObject({ balanced: true, parked: { dead: 0 } })
  }

  // This test runs first, because later tests add letters that lack some of the headers that Spring binds here.
  it.skipIf(spring4.isMissing || spring3.isMissing)('of our own are bound by Spring’s annotations', async () => {
    const { broker } = neighbourhood
    const expected = new RegExp(
      `^letter ${poison} of order-processor: undecodable-record: Neither .* is an order id\\.`,
    )
    const bound = [spring4, spring3].map(async (spring, index) => {
      await using reader = spring.start('Spring.java', 'reader', broker.address, 'orders-dlt', `audit-${index}`)
      expect(await reader.says(/^letter /)).toMatch(expected)
    })
    await Promise.all(bound)
  })

  describe.each([
    ['4', spring4],
    ['3', spring3],
  ])('of Spring for Apache Kafka %s', (version, spring) => {
    it.skipIf(spring.isMissing)('have owner and cause when Spring’s recoverer or retry topics wrote them', async () => {
      const run = (role: string, group: string) =>
        giveUp(spring, group, 'Spring.java', role, neighbourhood.broker.address, 'orders', group)
      const [billing, shipping] = await Promise.all([
        run('recoverer', `billing-${version}`),
        run('retries', `shipping-${version}`),
      ])
      expect(new Set(billing.map(({ orderId }) => orderId))).toEqual(new Set([...orderIds, null]))
      for (const { id, origin, state, lastCause, foreign } of billing) {
        expect([id, state]).toEqual([`orders-dlt:${origin.partition}:${origin.offset}`, 'dead'])
        expect(lastCause.code).toBe('failed-elsewhere')
        expect(lastCause.detail).toMatch(/^java\.lang\.IllegalStateException: .*Billing is closed\.$/)
        expect(foreign).toMatchObject({
          dialect: 'spring',
          origin: { topic: 'orders' },
          exception: 'java.lang.IllegalStateException',
        })
      }
      for (const { attempts, lastCause, foreign } of shipping) {
        expect(attempts).toBe(3)
        expect(lastCause.detail).toMatch(/^java\.lang\.IllegalArgumentException: .*No such street\.$/)
        expect(foreign).toMatchObject({ dialect: 'spring-retry-topic', origin: { topic: 'orders' } })
      }
      const groups = await pagesOf<DeadLetterGroup>(neighbourhood.product, '/api/dead-letters/groups')
      expect(groups.filter(({ consumerGroup }) => consumerGroup === `billing-${version}`)).toMatchObject([
        { count: billing.length, foreignDialect: 'spring' },
      ])
      await expectUntouched()
    })
  })

  it('are not created from a retry that Spring numbers as we do, which is a duplicate to us', async () => {
    const { log, product } = neighbourhood
    const [order] = (await orderRecords()).filter(({ key }) => key !== null)
    const { key, value, headers } = order!
    const retried = ['retry_topic-attempts', Buffer.from([0, 0, 0, 2])] as const
    await log.publish('orders-retry-1', [{ key, value, headers: [...headers, retried] }])
    await product.settled()
    const duplicates = (await product.ledger()).totals.duplicate
    expect(duplicates).toBe(0)
    await expectUntouched()
  })

  it.skipIf(connect.isMissing)('of Kafka Connect have the connector and the cause', async () => {
    const [{ address }, group] = [neighbourhood.broker, 'connect-warehouse']
    const letters = await giveUp(connect, group, 'Connect.java', address, 'orders', 'orders-dlt', 'warehouse')
    expect(new Set(letters.map(({ orderId }) => orderId))).toEqual(new Set([...orderIds, null]))
    for (const { foreign, lastCause } of letters) {
      expect(foreign).toMatchObject({ dialect: 'kafka-connect', origin: { topic: 'orders' } })
      expect(lastCause.detail).toMatch(/^org\.apache\.kafka\.connect\.errors\.DataException: /)
    }
    await expectUntouched()
  })

  it.skipIf(spring4.isMissing)(
    'are redriven with a warning that names the readers of the orders, and change nothing here',
    async () => {
      const { product } = neighbourhood
      const group = 'billing-4'
      const [letter] = (await lettersOf(group)).filter(({ orderId }) => orderId === orderIds[0])
      expect(letter).toBeDefined()
      const ids = [letter!.id]
      const dryRun = await redrive({ ids, dryRun: true })
      expect(dryRun.items).toMatchObject([{ outcome: 'already-stored' }])
      expect(dryRun.warning?.readers).toEqual(expect.arrayContaining([group, 'order-processor']))
      expect(dryRun.warning?.detail).toMatch(/These other consumer groups read it: .*billing-4/)
      await expect(
        product.operate(`/api/dead-letters/${ids[0]}/payload`, { method: 'PUT', body: ORIGINAL_BODY }),
      ).rejects.toThrow('409')

      const task = await redrive({ ids })
      expect(task.warning).toEqual(dryRun.warning)
      await vi.waitFor(async () => {
        expect((await product.operate(`/api/redrives/${task.id}`)).body).toMatchObject({ state: 'done', resolved: 1 })
      }, WAIT)
      const again = (await orderRecords()).filter(({ headers }) => headers.some(([name]) => name === 'oep-redrive-of'))
      expect(again).toHaveLength(1)
      expect(again[0]?.headers.filter(([name]) => name.startsWith('kafka_'))).toEqual([])
      await product.settled()
      await expectUntouched()
    },
  )
})

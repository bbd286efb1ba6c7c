import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { KafkaLog } from '../../../shared/adapters/kafka/kafka-log.ts'
import type { Diagnosis } from '../../../shared/application/operations/doctor.ts'
import type { DeadLetterSummary } from '../../../shared/ports/dead-letters.ts'
import { openKafkaLog, skipsKafka, startTestBroker } from '../../support/kafka/kafka-broker.ts'
import { valuesOf } from '../../support/kafka/kafka-traffic.ts'
import { findJava } from '../../support/kafka/neighbours.ts'
import { messageOf, ORIGINAL_BODY } from '../../support/orders/orders.ts'
import { createProduct, pagesOf, type Product } from '../../support/product/product.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const java = await findJava()
const mirrorMaker = await findJava('mirror')

const RUNBOOK = join(import.meta.dirname, '..', '..', '..', 'docs', 'runbook.md')
const TOPICS = ['orders', 'orders-retry-1', 'orders-retry-2', 'orders-dlt']
const FAILING_CUSTOMER = 13
// The second retry is due long after the test, so its record still waits in its topic when the clients move.
const SETTINGS = { FAULTS: 'on', RETRY_DELAYS: '100ms,25m', ORDERS_PARTITIONS: '2' }
const WAIT = { timeout: 60_000, interval: 200 }

/** The properties from the runbook, adapted to two brokers without replication. */
function propertiesOf(from: string, to: string): string {
  const [, properties = ''] = /```properties\n([^`]*?) *```/.exec(readFileSync(RUNBOOK, 'utf8')) ?? []
  const internal = ['offset-syncs.topic', 'checkpoints.topic', 'heartbeats.topic']
  const storage = ['offset.storage', 'status.storage', 'config.storage']
  return [
    properties.replace('old-1:9092', from).replace('new-1:9092', to),
    'replication.factor = 1',
    ...[...internal, ...storage].map((name) => `${name}.replication.factor = 1`),
    'sync.group.offsets.interval.seconds = 1',
    'emit.checkpoints.interval.seconds = 1',
    'refresh.topics.interval.seconds = 2',
    '',
  ].join('\n')
}

const poison = () => ({ ...messageOf(), value: '{}' })

async function place(product: Product, customerId = 1): Promise<string> {
  const { body } = await product.ask('/api/orders', { method: 'POST', body: { ...ORIGINAL_BODY, customerId } })
  return String(body['orderId'])
}

const statusOf = async (product: Product, orderId: string) =>
  (await product.ask(`/api/orders/${orderId}`)).body['status']

const lettersOf = (product: Product) => pagesOf<DeadLetterSummary>(product, '/api/dead-letters')

/** Counts the records that a client gets from each topic if it reads only committed transactions. */
const counts = (log: KafkaLog) => Promise.all(TOPICS.map(async (topic) => (await valuesOf(log, topic)).length))

test.skipIf(skipsKafka || java.isMissing || mirrorMaker.isMissing)(
  'The product continues on a mirror that was set up as the runbook says: no order is lost or stored twice',
  async ({ onTestFinished }) => {
    await using from = await startTestBroker({ properties: { 'transaction.state.log.num.partitions': '1' } })
    await using to = await startTestBroker()
    const directory = temporaryDirectory()
    const { log: source } = openKafkaLog([from.address])
    await using _ = source
    const { log: mirror } = openKafkaLog([to.address])
    await using __ = mirror
    const productOn = ({ address }: { address: string }) =>
      createProduct(join(directory, 'data'), { ...SETTINGS, KAFKA_BROKERS: address })
    onTestFinished(async () => {
      for (const product of [before, after]) if (product.isRunning) await product.kill()
    })

    const before = productOn(from)
    const after = productOn(to)
    await before.start()
    await before.breaks({ throwForCustomers: [FAILING_CUSTOMER] })
    const stored = [await place(before), await place(before)]
    const waiting = await place(before, FAILING_CUSTOMER)
    // Markers and aborted records take up offsets here, but not in the mirror.
    const producer = java.start('Transact.java', from.address, 'orders')
    for (const step of ['begin P', 'send P aborted', 'abort P', 'begin P', 'send P committed', 'commit P']) {
      producer.tell(step)
      await producer.says(/^done$/)
    }
    await producer[Symbol.asyncDispose]()
    const [dead, givenUp] = [poison(), poison()]
    const deadIds = [dead, givenUp].map(({ key }) => String(key))
    await source.publish('orders', [dead, givenUp])
    stored.push(await place(before), await place(before))
    await vi.waitFor(async () => {
      expect(await statusOf(before, waiting)).toBe('retrying')
      expect(await lettersOf(before)).toHaveLength(3)
      expect((await before.ledger()).totals).toMatchObject({ toCome: 0, stored: 4 })
    }, WAIT)
    const [letter] = (await lettersOf(before)).filter(({ orderId }) => orderId === deadIds[1])
    const body = { reason: 'Nobody wants it.' }
    await before.operate(`/api/dead-letters/${letter?.id}/discard`, { method: 'POST', body })
    expect(await before.stop()).toBe(0)
    const late = [messageOf(), messageOf(), poison()]
    await source.publish('orders', late)

    const properties = join(directory, 'mm2.properties')
    writeFileSync(properties, propertiesOf(from.address, to.address))
    await using mirroring = mirrorMaker.start('Mirror.java', properties)
    const wanted = await counts(source)
    await Promise.race([
      vi.waitFor(async () => expect(await counts(mirror)).toEqual(wanted), WAIT),
      mirroring.ended.then((output) => Promise.reject(new Error(`MirrorMaker ended: ${output}`))),
    ])
    mirroring.end()
    await mirroring.ended
    expect((await valuesOf(mirror, 'orders')).toSorted()).toEqual((await valuesOf(source, 'orders')).toSorted())

    await after.start()
    const lateIds = late.slice(0, 2).map(({ key }) => String(key))
    await vi.waitFor(async () => {
      for (const orderId of lateIds) expect(await statusOf(after, orderId)).toBe('stored')
      expect((await after.pipeline()).orders.lag).toBe(0)
    }, WAIT)
    expect(await after.ledger()).toMatchObject({ balanced: false, brokenBy: 'replaced' })
    const reset = { method: 'POST', body: { reason: 'Moved to the mirror.' } }
    expect((await after.operate('/api/ops/ledger/reset', reset)).body).toMatchObject({ more: false, why: null })
    // The total of 7 consists of the four stored orders, two late ones, and the waiting one, whose own record is read
    // again before its retry is due.
    const { balanced, totals } = await after.ledger()
    expect(balanced).toBe(true)
    expect(totals).toMatchObject({ records: wanted[0], parked: 4, gaps: 0, lost: 0, toCome: 0 })
    expect(totals.stored + totals.duplicate).toBe(7)
    const orderIds = [...stored, waiting, ...lateIds]
    for (const orderId of orderIds) expect(await statusOf(after, orderId)).toBe('stored')
    const lost = [...deadIds, String(late[2]?.key)]
    expect(await Promise.all(lost.map((orderId) => statusOf(after, orderId)))).toEqual([
      'dead-lettered',
      'discarded',
      'dead-lettered',
    ])
    await vi.waitFor(async () => expect((await after.pipeline()).deadLetters.waiting).toBe(0), WAIT)
    const letters = (await lettersOf(after)).map(({ orderId }) => orderId)
    expect(new Set(letters)).toEqual(new Set([null, ...lost]))

    const { checks } = (await after.operate('/api/ops/doctor')).body as unknown as Diagnosis
    expect(checks.filter(({ well }) => !well)).toEqual([])
  },
)

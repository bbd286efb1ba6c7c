import specs from '@asyncapi/specs'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { createAsyncApi } from '../../../shared/api-docs/asyncapi.ts'
import type { OrderChange } from '../../../shared/domain/changes/order-changes.ts'
import { changeJson, newOrderJson } from '../../../shared/domain/order-events.ts'
import { readChangeData } from '../../../shared/domain/validation/event-data.ts'
import { createOrderIds } from '../../../shared/domain/order-id.ts'
import { decodeUtf8 } from '../../../shared/messaging/records/headers.ts'
import { nextJourney, toParked } from '../../../shared/messaging/parking/parking.ts'
import { toChangeMessage, toMessage } from '../../../shared/messaging/records/envelope.ts'
import { classify } from '../../../shared/messaging/failure.ts'
import { createTopics } from '../../../shared/messaging/topics.ts'
import { createSchemaCheck } from '../../support/api-schemas.ts'
import { delivered, messageOf, newOrder } from '../../support/orders/orders.ts'

interface Document {
  channels: Record<
    string,
    { address: string; description: string; bindings: { kafka: { topic: string; replicas: number } } }
  >
  operations: Record<
    string,
    { action: string; channel: { $ref: string }; bindings?: { kafka: { groupId: { enum: string[] } } } }
  >
  components: {
    messages: Record<string, { headers: Headers; payload: object; examples?: { headers: object; payload: object }[] }>
    schemas: Record<'NewOrder' | 'OrderAmended' | 'OrderCancelled', object>
  }
}
interface Headers {
  required: string[]
  properties: Record<string, object>
}

const topics = createTopics('shop', 'shop-processor', [10_000, 60_000])
const document = structuredClone(
  createAsyncApi(topics, { partitions: 6, replication: 3, logRetentionMs: null }),
) as unknown as Document
const headersOf = (message: string): Headers =>
  document.components.messages[message]?.headers ?? { required: [], properties: {} }

describe('the AsyncAPI document', () => {
  it('is valid AsyncAPI 3.0, its Kafka bindings included', () => {
    // The schema includes its own copy of the draft-07 meta-schema.
    const ajv = new Ajv({ strict: false, validateFormats: false, meta: false, validateSchema: false })
    const check = ajv.compile(specs.schemas['3.0.0'] as object)
    check(document)
    expect(check.errors).toBeNull()
  })

  it('says how long orders stay in the log', () => {
    const settings = { partitions: 6, replication: 1, logRetentionMs: 129_600_000 }
    const bounded = structuredClone(createAsyncApi(topics, settings)) as unknown as Document
    expect(document.channels['orders']?.description).toMatch(/kept forever\.$/)
    expect(bounded.channels['orders']?.description).toMatch(/kept for 1\.5 days\.$/)
  })

  it('has every topic under its configured name, and the group that reads it', () => {
    expect(Object.values(document.channels).map(({ address }) => address)).toEqual([
      'shop',
      'shop-retry-1',
      'shop-retry-2',
      'shop-dlt',
    ])
    const readers = Object.values(document.operations).filter(({ action }) => action === 'receive')
    expect(readers.map(({ channel, bindings }) => [channel.$ref, bindings?.kafka.groupId.enum])).toEqual([
      ['#/channels/orders', ['shop-processor']],
      ['#/channels/retry1', ['shop-processor-retry-1']],
      ['#/channels/retry2', ['shop-processor-retry-2']],
      ['#/channels/deadLetters', ['shop-processor-dlt']],
    ])
  })

  it('describes the headers that an event is published with', () => {
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const event = newOrder({ idempotencyKeyHash: 'a'.repeat(64) })
    const names = toMessage(event, newOrderJson(event.data), trace).headers.map(([name]) => name)
    const { required, properties } = headersOf('NewOrder')
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(names))
    expect(messageOf().headers.map(([name]) => name)).toEqual(required)
  })

  it.each<[string, OrderChange]>([
    ['OrderAmended', { kind: 'amend', amendment: { shippingAddress: '7 Example Road' }, expectedVersion: 1 }],
    ['OrderCancelled', { kind: 'cancel', reason: 'Ordered twice.' }],
    ['OrderCancelled', { kind: 'cancel' }],
  ])('describes an %s as it is published: its headers and its data', (name, change) => {
    const { orderId, acceptedAt } = newOrder()
    const changeId = createOrderIds(['a secret of at least thirty-two bytes']).nextChange(orderId, 0)
    const json = changeJson(change)
    const event = { orderId, changeId, acceptedAt, change, idempotencyKeyHash: null }
    const { headers } = toChangeMessage(event, json, undefined)
    const { required } = headersOf(name)
    expect(headers.map(([header]) => header)).toEqual(required)
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    ajv.validate(headersOf(name), Object.fromEntries(headers.map(([header, value]) => [header, value])))
    expect(ajv.errors).toBeNull()
    const faultOf = createSchemaCheck(document.components)
    expect(faultOf(document.components.messages[name]?.payload ?? {}, JSON.parse(json))).toBe('')
  })

  it('has an example of each event, with data that its readers accept', () => {
    const faultOf = createSchemaCheck(document.components)
    const kinds = { NewOrder: undefined, OrderAmended: 'amend', OrderCancelled: 'cancel' } as const
    for (const [name, kind] of Object.entries(kinds)) {
      const { headers, payload, examples = [] } = document.components.messages[name] ?? { headers: {}, payload: {} }
      expect([name, examples.length]).toEqual([name, 1])
      for (const example of examples) {
        expect([name, faultOf(headers, example.headers), faultOf(payload, example.payload)]).toEqual([name, '', ''])
        if (kind !== undefined) expect(readChangeData(kind, example.payload).kind).toBe(kind)
      }
    }
  })

  it.each([
    ['RetriedOrder', 1_000],
    ['RetriedAmendment', 1_000],
    ['RetriedCancellation', 1_000],
    ['DeadLetter', null],
  ])('describes the headers that a %s is parked with', (message, notBefore) => {
    const record = delivered(messageOf(), { offset: 7 })
    const timestampType = 'LogAppendTime'
    const next = { attempt: 1, maxAttempts: 3, notBefore, groupId: 'shop-processor', nowMs: 0, timestampType } as const
    const journey = nextJourney(record, classify(new TypeError('a fault')), next)
    const parked = toParked(record, journey).headers
    const stub = toParked(record, journey, 'stub').headers
    const { required, properties } = headersOf(message)
    expect(Object.keys(properties)).toEqual(expect.arrayContaining([...parked, ...stub].map(([name]) => name)))
    expect(stub.map(([name]) => name)).toEqual(expect.arrayContaining(required))
  })

  it('describes header values as they are', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    const { headers } = delivered(messageOf(), { offset: 7 })
    const values = Object.fromEntries(headers.map(([name, value]) => [name, value && decodeUtf8(value)]))
    ajv.validate(headersOf('NewOrder'), values)
    expect(ajv.errors).toBeNull()
  })

  it('describes the data of an event, which holds names and never numbers', () => {
    const faultOf = createSchemaCheck(document.components)
    const { data } = newOrder()
    expect(faultOf(document.components.schemas.NewOrder, JSON.parse(newOrderJson(data)))).toBe('')
    expect(faultOf(document.components.schemas.NewOrder, { ...data, currencyType: 1 })).not.toBe('')
  })
})

import { expect, test } from 'vitest'
import { createForgottenHere } from '../../../../shared/application/forgetting/forgotten-here.ts'
import { createPark } from '../../../../shared/application/processing/park.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { classify } from '../../../../shared/messaging/failure.ts'
import { createPipelineEmitter } from '../../../../shared/messaging/pipeline-events.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'
import { createRecordingLog } from '../../../support/fakes.ts'
import {
  changeEvent,
  changeMessageOf,
  delivered,
  messageOf,
  newOrder,
  orderCommand,
} from '../../../support/orders/orders.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

const CUSTOMER = 48_213
const ORDER = newOrder({ data: orderCommand({ customerId: CUSTOMER, customerName: 'Zelda' }) })
const RECORD = delivered(messageOf(ORDER), { offset: 0 })
const ACCEPTED = Date.parse(ORDER.acceptedAt)
const textOf = ({ value }: { value: unknown }) => Buffer.from((value ?? '') as Uint8Array).toString()

test('a record that a consumer has had in memory is parked without personal data', async () => {
  const forgottenHere = createForgottenHere()
  const log = createRecordingLog()
  const park = createPark({
    log,
    timestampTypeOf: () => 'CreateTime',
    topics: createTopics('orders', 'group', [1000]),
    groupId: 'group',
    forgottenHere,
    clock: createVirtualClock(ACCEPTED),
    events: createPipelineEmitter(),
  })
  const failure = classify(new OrderError('undecodable-record', 'No order.'))
  const sent = async () => {
    await park([{ record: RECORD, journey: undefined, event: null, failure }], {
      signal: new AbortController().signal,
      deadline: Number.POSITIVE_INFINITY,
    })
    return textOf(log.published.at(-1)?.record ?? { value: null })
  }
  expect(await sent()).toContain('Zelda')
  forgottenHere.add(CUSTOMER, ACCEPTED)
  expect(await sent()).not.toContain('Zelda')
})

test('an order that is accepted later, and one of another customer, stay as they are', () => {
  const forgottenHere = createForgottenHere()
  forgottenHere.add(CUSTOMER, ACCEPTED - 1)
  forgottenHere.add(7, ACCEPTED)
  expect(forgottenHere.without(RECORD)).toBe(RECORD)
  forgottenHere.add(CUSTOMER, ACCEPTED)
  expect(forgottenHere.without(RECORD)).not.toBe(RECORD)
})

test('a change follows its order', () => {
  const change = changeEvent(ORDER.orderId, { change: { kind: 'amend', amendment: { customerName: 'Zelda' } } })
  const record = delivered(changeMessageOf(change), { offset: 1 })
  const forgottenHere = createForgottenHere()
  forgottenHere.add(CUSTOMER, ACCEPTED)
  expect(forgottenHere.without(record)).toBe(record)
  forgottenHere.addOrders([ORDER.orderId])
  expect(textOf(forgottenHere.without(record))).not.toContain('Zelda')
})

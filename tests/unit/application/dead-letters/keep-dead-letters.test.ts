import { beforeEach, describe, expect, it } from 'vitest'
import { createKeepDeadLetters } from '../../../../shared/application/dead-letters/keep-dead-letters.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { classify } from '../../../../shared/messaging/failure.ts'
import { nextJourney, toParked, type ParkedSize } from '../../../../shared/messaging/parking/parking.ts'
import type { DeliveredRecord } from '../../../../shared/messaging/records/kafka-event.ts'
import { ORIGINAL_GONE } from '../../../../shared/messaging/records/envelope.ts'
import { createPipelineEmitter } from '../../../../shared/messaging/pipeline-events.ts'
import type { DeadLetter } from '../../../../shared/ports/dead-letters.ts'
import { createRecordingLog, logIsAway, storeIsAway } from '../../../support/fakes.ts'
import { changeEvent, changeMessageOf, delivered, messageOf, newOrder } from '../../../support/orders/orders.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

const MINUTE = 60_000
const BYTES = Buffer.from([0x7b, 0xff, 0xfe, 0x00])

let clock: ReturnType<typeof createVirtualClock>
let log: ReturnType<typeof createRecordingLog>
let kept: DeadLetter[]
let calls: number[]
let fault: () => Error | undefined

beforeEach(() => {
  clock = createVirtualClock()
  log = createRecordingLog()
  kept = []
  calls = []
  fault = () => undefined
})

async function keep(...records: DeliveredRecord[]): Promise<void> {
  const keepDeadLetters = createKeepDeadLetters({
    originals: { log, ordersTopic: 'orders' },
    deadLetters: {
      async keep(letters) {
        const error = fault()
        if (error !== undefined) throw error
        calls.push(letters.length)
        kept.push(...letters)
      },
    },
    clock,
    events: createPipelineEmitter(),
    signal: new AbortController().signal,
  })
  await keepDeadLetters(records)
}

/** A poison record of the orders topic, and its copy in the dead-letter topic. */
function parked(
  size: ParkedSize,
  changes: Partial<DeliveredRecord> = {},
  failure = classify(new TypeError('a fault of ours')),
): { original: DeliveredRecord; copy: DeliveredRecord } {
  const original = { ...delivered(messageOf(), { offset: 7 }), value: BYTES, ...changes }
  const timestampType = 'CreateTime'
  const next = {
    attempt: 3,
    maxAttempts: 3,
    notBefore: null,
    groupId: 'group',
    nowMs: clock.now(),
    timestampType,
  } as const
  const record = toParked(original, nextJourney(original, failure, next), size)
  return { original, copy: delivered(record, { topic: 'orders-dlt', offset: 0 }) }
}

describe('a large batch of dead letters', () => {
  it('is kept in transactions that a store completes in time', async () => {
    const { copy } = parked('whole')
    await keep(...Array.from({ length: 1000 }, (_, offset) => ({ ...copy, offset })))
    expect(calls).toEqual([500, 500])
    calls.length = 0
    const large = { ...copy, value: Buffer.alloc(2 * 1024 * 1024) }
    await keep(...Array.from({ length: 9 }, (_, offset) => ({ ...large, offset })))
    expect(calls).toEqual([4, 4, 1])
  })
})

describe('a dead letter', () => {
  it('is the original: its position, its bytes, its own headers and no others', async () => {
    const { original, copy } = parked('whole')
    await keep(copy)
    expect(kept).toMatchObject([
      { origin: { topic: 'orders', offset: 7 }, value: BYTES, key: original.key, attempts: 3 },
    ])
    expect(kept[0]?.headers).toEqual(original.headers)
  })

  it('is read from its origin when only a stub of it could be parked', async () => {
    const { original, copy } = parked('stub')
    log.originals.set('orders:0:7', original)
    await keep(copy)
    expect(kept).toMatchObject([{ value: BYTES, lastCause: { code: 'internal' } }])
    expect(kept[0]?.headers).toEqual(original.headers)
  })

  it('takes nothing from another order’s record at the origin of a stub, as in a recreated topic', async () => {
    const { original, copy } = parked('stub')
    log.originals.set('orders:0:7', { ...original, key: delivered(messageOf(), { offset: 7 }).key })
    await keep(copy)
    expect(kept).toMatchObject([{ value: null, key: original.key }])
  })

  it('is kept without its value when the origin of a stub is gone, and says what can still be done', async () => {
    await keep(parked('stub').copy)
    const lastCause = {
      code: 'internal',
      detail: expect.stringMatching(/the log no longer has the record there\. .*: edit it/),
    }
    expect(kept).toMatchObject([{ origin: { topic: 'orders', offset: 7 }, value: null, lastCause }])
  })

  it('says only once that the origin of a stub is gone', async () => {
    const failure = classify(new OrderError('undecodable-record', ORIGINAL_GONE))
    await keep(parked('stub', {}, failure).copy)
    const detail = kept[0]?.lastCause.detail ?? ''
    expect(detail).toMatch(/^The record was too large .*: edit it/)
    expect(detail.split(ORIGINAL_GONE)).toHaveLength(2)
  })

  it.each([
    ['topic', { topic: 'orders-eu', partition: 0, offset: 7 }],
    ['partition', { topic: 'orders', partition: 5, offset: 7 }],
  ])('is kept without its value when the log does not have the %s that a stub names', async (_, origin) => {
    log.absent.add('orders-eu')
    const { copy } = parked('stub', origin)
    await keep(copy)
    expect(kept).toMatchObject([{ origin, value: null, lastCause: { detail: expect.stringContaining('edit it') } }])
  })

  it('is read from another topic that a stub names, if the log has it', async () => {
    const origin = { topic: 'orders-eu', partition: 0, offset: 7 }
    const { original, copy } = parked('stub', origin)
    log.originals.set('orders-eu:0:7', original)
    await keep(copy)
    expect(kept).toMatchObject([{ origin, value: BYTES }])
  })

  it.each([
    ['is away', () => log.absent.add('orders')],
    ['cannot read a partition that it has', () => (log.read = () => Promise.reject(logIsAway()))],
  ])('is not kept without its value while the log %s', async (_, fail) => {
    fail()
    await expect(keep(parked('stub').copy)).rejects.toMatchObject({ code: 'log-unavailable' })
    expect(kept).toEqual([])
  })

  it('is read from its origin when the key of its stub lost bytes on the way', async () => {
    const { original, copy } = parked('stub', { key: BYTES })
    log.originals.set('orders:0:7', original)
    log.originals.set('orders-dlt:0:0', copy)
    await keep({ ...copy, key: Buffer.from('{\ufffd\ufffd\0'), lossy: true })
    expect(kept).toMatchObject([{ key: BYTES, value: BYTES }])
  })

  it('is read again from its own position when its text lost bytes on the way', async () => {
    const { copy } = parked('whole')
    log.originals.set('orders-dlt:0:0', copy)
    await keep({ ...copy, value: Buffer.from('{\ufffd\ufffd\0'), lossy: true })
    expect(kept).toMatchObject([{ value: BYTES }])
  })

  it('may come from any other producer', async () => {
    await keep({ ...delivered({ key: null, value: BYTES, headers: [] }, { topic: 'orders-dlt', offset: 4 }) })
    expect(kept).toMatchObject([{ origin: { topic: 'orders-dlt', offset: 4 }, orderId: null, value: BYTES }])
  })

  it('of another consumer has its own position and all of its headers, and is not the redrive of a letter of ours', async () => {
    const message = messageOf()
    const headers = [
      ...message.headers,
      ['oep-redrive-of', 'orders:0:7'] as const,
      ['kafka_dlt-original-topic', 'orders'] as const,
      ['kafka_dlt-original-consumer-group', 'billing'] as const,
      ['kafka_dlt-exception-fqcn', 'java.io.IOException'] as const,
    ]
    const record = delivered({ ...message, headers }, { topic: 'orders-dlt', offset: 4 })
    await keep(record)
    expect(kept).toMatchObject([
      {
        origin: { topic: 'orders-dlt', offset: 4 },
        headers: record.headers,
        consumerGroup: 'billing',
        lastCause: { code: 'failed-elsewhere' },
        redriveOf: null,
        foreign: { dialect: 'spring', exception: 'java.io.IOException' },
      },
    ])
  })

  it('waits through an outage of the store', async () => {
    const until = clock.now() + 2 * MINUTE
    fault = () => (clock.now() < until ? storeIsAway() : undefined)
    await keep(parked('whole').copy)
    expect(kept).toHaveLength(1)
  })
})

describe('a letter of a change', () => {
  const event = changeEvent(newOrder().orderId)
  const copyOf = (original: DeliveredRecord, size: ParkedSize) => {
    const failure = classify(new TypeError('a fault of ours'))
    const next = { attempt: 3, maxAttempts: 3, notBefore: null, groupId: 'group', nowMs: clock.now() }
    const journey = nextJourney(original, failure, { ...next, timestampType: 'CreateTime' })
    return delivered(toParked(original, journey, size), { topic: 'orders-dlt', offset: 0 })
  }

  it.each(['whole', 'stub'] as const)('names its order and the change, though it cannot be read: %s', async (size) => {
    const original = { ...delivered(changeMessageOf(event), { offset: 7 }), value: BYTES }
    log.originals.set('orders:0:7', original)
    await keep(copyOf(original, size))
    const { changeId, orderId } = event
    expect(kept).toMatchObject([{ orderId, change: { changeId, kind: 'amend' }, foreign: null }])
  })

  it('of another consumer names none, because nothing waits for it here', async () => {
    await keep(delivered(changeMessageOf(event), { topic: 'orders-dlt', offset: 0 }))
    expect(kept).toMatchObject([{ orderId: event.orderId, foreign: {} }])
    expect(kept[0]).not.toHaveProperty('change')
  })

  it('of an order names none', async () => {
    await keep(parked('whole').copy)
    expect(kept[0]).not.toHaveProperty('change')
  })
})

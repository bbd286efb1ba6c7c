import { describe, expect, it } from 'vitest'
import { classify } from '../../../shared/messaging/failure.ts'
import { readForeignLetter, readOwnJourney } from '../../../shared/messaging/parking/foreign-letter.ts'
import { nextJourney, toParked } from '../../../shared/messaging/parking/parking.ts'
import { toRedriven } from '../../../shared/messaging/parking/redriven-record.ts'
import type { RecordHeader } from '../../../shared/ports/event-log.ts'
import { letterOf, orderAt } from '../../contract/store-fixtures.ts'
import { delivered, messageOf } from '../../support/orders/orders.ts'

function int32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: number | bigint): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

/** Headers that Spring's DeadLetterPublishingRecoverer wrote on a real broker. */
const SPRING: readonly RecordHeader[] = [
  ['kafka_dlt-exception-fqcn', 'org.springframework.kafka.listener.ListenerExecutionFailedException'],
  ['kafka_dlt-exception-cause-fqcn', 'java.lang.IllegalStateException'],
  ['kafka_dlt-exception-message', 'Listener failed; Billing is closed.'],
  ['kafka_dlt-exception-stacktrace', 'java.lang.IllegalStateException\n\tat Billing'],
  ['kafka_dlt-original-topic', 'orders'],
  ['kafka_dlt-original-partition', int32(2)],
  ['kafka_dlt-original-offset', int64(41)],
  ['kafka_dlt-original-timestamp', int64(1_767_225_600_000)],
  ['kafka_dlt-original-timestamp-type', 'CreateTime'],
  ['kafka_dlt-original-consumer-group', 'billing'],
]
/** Headers that Spring's retry topics wrote after three attempts. */
const SPRING_RETRIES: readonly RecordHeader[] = [
  ['kafka_original-topic', 'orders'],
  ['kafka_original-partition', int32(2)],
  ['kafka_original-offset', int64(41)],
  ['kafka_dlt-original-consumer-group', 'shipping'],
  ['retry_topic-attempts', int32(2)],
  ['retry_topic-attempts', int32(3)],
  ['retry_topic-attempts', int32(4)],
  ['kafka_exception-cause-fqcn', 'java.lang.IllegalArgumentException'],
  ['kafka_exception-message', 'No such street.'],
]
const CONNECT: readonly RecordHeader[] = [
  ['__connect.errors.topic', 'orders'],
  ['__connect.errors.partition', '2'],
  ['__connect.errors.offset', '41'],
  ['__connect.errors.connector.name', 'warehouse'],
  ['__connect.errors.exception.class.name', 'org.apache.kafka.connect.errors.DataException'],
  ['__connect.errors.exception.message', 'No schema.'],
  ['__connect.errors.exception.stacktrace', 'DataException\n\tat Converter'],
]
const ORIGIN = { topic: 'orders', partition: 2, offset: 41 }

function withHeaders(...headers: RecordHeader[]) {
  const message = messageOf()
  return delivered({ ...message, headers: [...message.headers, ...headers] }, { topic: 'orders-dlt', offset: 4 })
}

function parked(...more: RecordHeader[]) {
  const original = delivered(messageOf(), { offset: 7 })
  const counts = { attempt: 3, maxAttempts: 3, notBefore: null, nowMs: 0 }
  const next = { ...counts, groupId: 'order-processor', timestampType: 'CreateTime' } as const
  const { headers, ...record } = toParked(original, nextJourney(original, classify(new Error('a fault')), next))
  return delivered({ ...record, headers: [...headers, ...more] }, { topic: 'orders-dlt', offset: 5 })
}

describe('a letter that another consumer wrote', () => {
  it.each([
    [
      'the recoverer of Spring',
      SPRING,
      {
        failure: { dialect: 'spring', origin: ORIGIN, exception: 'java.lang.IllegalStateException' },
        cause: {
          code: 'failed-elsewhere',
          detail: 'java.lang.IllegalStateException: Listener failed; Billing is closed.',
        },
        consumerGroup: 'billing',
        attempts: 0,
        originTimestamp: 1_767_225_600_000,
        stack: 'java.lang.IllegalStateException\n\tat Billing',
      },
    ],
    [
      'the retry topics of Spring',
      SPRING_RETRIES,
      {
        failure: { dialect: 'spring-retry-topic', origin: ORIGIN, exception: 'java.lang.IllegalArgumentException' },
        cause: { code: 'failed-elsewhere', detail: 'java.lang.IllegalArgumentException: No such street.' },
        consumerGroup: 'shipping',
        attempts: 3,
      },
    ],
    [
      'Kafka Connect',
      CONNECT,
      {
        failure: {
          dialect: 'kafka-connect',
          origin: ORIGIN,
          exception: 'org.apache.kafka.connect.errors.DataException',
        },
        cause: { code: 'failed-elsewhere', detail: 'org.apache.kafka.connect.errors.DataException: No schema.' },
        consumerGroup: 'connect-warehouse',
        attempts: 0,
        stack: 'DataException\n\tat Converter',
      },
    ],
    [
      'somebody who says nothing',
      [],
      {
        failure: { dialect: 'unknown', origin: null, exception: null },
        cause: { code: 'failed-elsewhere', detail: 'It was put into the dead-letter topic by someone else.' },
        consumerGroup: '',
      },
    ],
  ])('is read in the dialect of %s', (_, headers, told) => {
    const record = withHeaders(...headers)
    expect(readOwnJourney(record)).toBeUndefined()
    expect(readForeignLetter(record)).toMatchObject(told)
  })

  it('is grouped by consumer group and exception, whatever its message and position', () => {
    const changed = (name: string, value: RecordHeader[1]) =>
      readForeignLetter(
        withHeaders(...SPRING.map((header) => (header[0] === name ? ([name, value] as const) : header))),
      )
    const { fingerprint } = readForeignLetter(withHeaders(...SPRING))
    expect(changed('kafka_dlt-exception-message', 'Another message.').fingerprint).toBe(fingerprint)
    expect(changed('kafka_dlt-original-offset', int64(42)).fingerprint).toBe(fingerprint)
    expect(changed('kafka_dlt-original-consumer-group', 'audit').fingerprint).not.toBe(fingerprint)
    expect(changed('kafka_dlt-exception-cause-fqcn', 'java.io.IOException').fingerprint).not.toBe(fingerprint)
  })

  it('is described by its last headers, because a record may have died before', () => {
    const again = withHeaders(
      ...SPRING,
      ['kafka_dlt-original-topic', 'orders-again'],
      ['kafka_dlt-original-offset', int64(1)],
    )
    expect(readForeignLetter(again).failure.origin).toEqual({ topic: 'orders-again', partition: 2, offset: 1 })
  })

  it('is bounded, and malformed headers are left out', () => {
    const long = 'x'.repeat(100_000)
    const odd = readForeignLetter(
      withHeaders(
        ['kafka_dlt-original-topic', long],
        ['kafka_dlt-original-partition', Buffer.alloc(9)],
        ['kafka_dlt-original-offset', int64(2n ** 62n)],
        ['kafka_dlt-original-timestamp', int64(2n ** 62n)],
        ['kafka_dlt-exception-fqcn', long],
        ['kafka_dlt-exception-message', long],
        ['kafka_dlt-exception-stacktrace', long],
        ['kafka_dlt-original-consumer-group', 'a\u0000b\u001b[31m'],
        ['retry_topic-attempts', int32(-5)],
      ),
    )
    expect(odd).toMatchObject({
      failure: { origin: null },
      attempts: 0,
      originTimestamp: undefined,
      consumerGroup: 'a b [31m',
    })
    expect(JSON.stringify(odd).length).toBeLessThan(10_000)
    const empty = readForeignLetter(
      withHeaders(
        ['kafka_dlt-original-topic', null],
        ['kafka_dlt-original-offset', ''],
        ['kafka_dlt-exception-fqcn', null],
      ),
    )
    expect(empty.failure).toEqual({ dialect: 'spring', origin: null, exception: null })
  })

  it('is redriven without the headers of its failure, and with all others', () => {
    const record = withHeaders(['kafka_other', 'stays'], ...SPRING, ...SPRING_RETRIES, ...CONNECT)
    const { failure: foreign } = readForeignLetter(record)
    const letter = {
      ...letterOf(orderAt(0)),
      id: 'orders-dlt:0:4',
      state: 'dead' as const,
      keptAt: '',
      editedValue: null,
    }
    const { headers } = toRedriven({ ...letter, headers: record.headers, foreign })
    const names = headers.map(([name]) => name)
    expect(names.filter((name) => /dlt-|original-|exception-|retry_topic|connect/.test(name))).toEqual([])
    expect(names).toEqual(expect.arrayContaining(['ce_id', 'ce_type', 'kafka_other', 'oep-redrive-of']))
  })
})

describe('a letter that this product parked', () => {
  it('is its own, even if its original had the headers of another failure', () => {
    expect(readOwnJourney(parked())?.groupId).toBe('order-processor')
    expect(readOwnJourney(parked(...CONNECT))?.groupId).toBe('order-processor')
  })

  it('belongs to a consumer that failed on a copy of it later and said so', () => {
    const copy = parked(...SPRING)
    expect(readOwnJourney(copy)).toBeUndefined()
    expect(readForeignLetter(copy)).toMatchObject({ consumerGroup: 'billing', failure: { origin: ORIGIN } })
    // Spring's retry topics add only one of the `kafka_dlt-` headers, the group.
    expect(readOwnJourney(parked(...SPRING_RETRIES))).toBeUndefined()
    const sameGroup = parked(
      ['kafka_dlt-original-topic', 'orders'],
      ['kafka_dlt-original-partition', int32(0)],
      ['kafka_dlt-original-offset', int64(99)],
    )
    expect(readOwnJourney(sameGroup)).toBeUndefined()
  })
})

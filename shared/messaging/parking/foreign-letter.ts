import { createHash } from 'node:crypto'
import type { Cause } from '../../domain/order-view.ts'
import { knownTime } from '../../domain/times.ts'
import type { ForeignFailure } from '../../ports/dead-letters.ts'
import type { LogRecord } from '../../ports/event-log.ts'
import { truncateUtf8 } from '../failure.ts'
import { headerText, SPRING_PREFIX } from '../records/headers.ts'
import { readJourney, type Journey } from './parking.ts'

/**
 * A dead letter that another consumer of the orders topic wrote, as described by the letter's headers. Spring's default
 * dead-letter topic for `orders` is the same as ours, and Kafka Connect can be configured to use it. The headers are
 * unverified, so each one is cut to a maximum length and used only for display, in lists and on pages.
 */
export interface ForeignLetter {
  readonly failure: ForeignFailure
  readonly cause: Cause
  readonly consumerGroup: string
  /** 0 if the writer does not specify a number. */
  readonly attempts: number
  /** The original record's timestamp, in Unix time (ms); undefined if the writer does not specify one. */
  readonly originTimestamp: number | undefined
  /** Identical for letters of one consumer group with the same exception. */
  readonly fingerprint: string
  readonly stack: string | null
}

const RETRY_TOPIC_PREFIX = 'kafka_'
const ATTEMPTS_PREFIX = 'retry_topic-'
const CONNECT_PREFIX = '__connect.errors.'
/**
 * Prefixes of the headers written by Spring's recoverer and retry topics
 * (org.springframework.kafka.support.KafkaHeaders) and by Connect's sink tasks.
 */
const FAILURE_PREFIXES = [
  SPRING_PREFIX,
  `${RETRY_TOPIC_PREFIX}original-`,
  `${RETRY_TOPIC_PREFIX}exception-`,
  ATTEMPTS_PREFIX,
  CONNECT_PREFIX,
]

const MAX_NAME_BYTES = 300
const MAX_DETAIL_BYTES = 1000
const MAX_STACK_BYTES = 8 * 1024
const UNKNOWN_DETAIL = 'It was put into the dead-letter topic by someone else.'

/** Reads the headers of a record that another program parked in the dead-letter topic. */
export function readForeignLetter(record: LogRecord): ForeignLetter {
  const has = (name: string) => record.headers.some(([one]) => one === name)
  if (has(`${RETRY_TOPIC_PREFIX}original-topic`)) return fromSpring(record, 'spring-retry-topic', RETRY_TOPIC_PREFIX)
  if (has(`${SPRING_PREFIX}original-topic`)) return fromSpring(record, 'spring', SPRING_PREFIX)
  if (has(`${CONNECT_PREFIX}topic`)) return fromConnect(record)
  return toLetter({ dialect: 'unknown', origin: null, exception: null, message: undefined, group: undefined })
}

/** Whether a header describes a failure in any of the dialects. A redrive omits these headers. */
export function describesFailure(name: string): boolean {
  return FAILURE_PREFIXES.some((prefix) => name.startsWith(prefix))
}

/**
 * The journey of a record that this product parked in the dead-letter topic; undefined for other records. Parking
 * writes the origin to our own headers and, after them, to Spring's. A consumer that fails on a copy of the record
 * appends Spring's headers again, so the last headers of that kind then name another position or group.
 */
export function readOwnJourney(record: LogRecord, journey = readJourney(record)): Journey | undefined {
  if (journey === undefined) return undefined
  const { origin, groupId } = journey
  const group = headerText(record, `${SPRING_PREFIX}original-consumer-group`)
  if (group !== undefined && group !== groupId) return undefined
  const written = originIn(record, SPRING_PREFIX, integerOf)
  const isSamePlace = written === null || (written.topic === origin.topic && written.offset === origin.offset)
  return isSamePlace ? journey : undefined
}

function fromSpring(record: LogRecord, dialect: 'spring' | 'spring-retry-topic', prefix: string): ForeignLetter {
  const text = (name: string) => headerText(record, name)
  // Spring stores the next attempt's number and appends a header at each hop, so the last header is the newest.
  const next = integerOf(record, `${ATTEMPTS_PREFIX}attempts`)
  return toLetter({
    dialect,
    origin: originIn(record, prefix, integerOf),
    // The outer exception is usually Spring's wrapper around the listener's exception.
    exception: text(`${prefix}exception-cause-fqcn`) ?? text(`${prefix}exception-fqcn`),
    message: text(`${prefix}exception-message`),
    group: text(`${SPRING_PREFIX}original-consumer-group`) ?? text(`${prefix}original-consumer-group`),
    attempts: next === undefined ? undefined : next - 1,
    timestamp: integerOf(record, `${prefix}original-timestamp`),
    stack: text(`${prefix}exception-stacktrace`),
  })
}

function fromConnect(record: LogRecord): ForeignLetter {
  const text = (name: string) => headerText(record, `${CONNECT_PREFIX}${name}`)
  const connector = text('connector.name')
  return toLetter({
    dialect: 'kafka-connect',
    origin: originIn(record, CONNECT_PREFIX, decimalOf),
    exception: text('exception.class.name'),
    message: text('exception.message'),
    // Kafka Connect's default group name for a sink connector.
    group: connector === undefined ? undefined : `connect-${connector}`,
    stack: text('exception.stacktrace'),
  })
}

interface Told {
  readonly dialect: ForeignFailure['dialect']
  readonly origin: ForeignFailure['origin']
  readonly exception: string | null | undefined
  readonly message: string | undefined
  readonly group: string | undefined
  readonly attempts?: number | undefined
  readonly timestamp?: number | undefined
  readonly stack?: string | undefined
}

function toLetter({ dialect, origin, message, stack, attempts, timestamp, ...told }: Told): ForeignLetter {
  const exception = told.exception == null ? null : displayed(told.exception, MAX_NAME_BYTES)
  const consumerGroup = displayed(told.group ?? '', MAX_NAME_BYTES)
  const detail = [exception, message].filter((part) => part != null && part !== '').join(': ')
  return {
    failure: { dialect, origin, exception },
    cause: {
      code: 'failed-elsewhere',
      detail: displayed(detail === '' ? UNKNOWN_DETAIL : detail, MAX_DETAIL_BYTES),
    },
    consumerGroup,
    attempts: Math.max(0, attempts ?? 0),
    originTimestamp: timestamp === undefined ? undefined : knownTime(timestamp),
    fingerprint: createHash('sha256')
      .update(JSON.stringify([dialect, consumerGroup, exception]))
      .digest('hex')
      .slice(0, 16),
    stack: stack === undefined ? null : displayed(stack, MAX_STACK_BYTES),
  }
}

type ReadNumber = (record: LogRecord, name: string) => number | undefined

function originIn(record: LogRecord, prefix: string, number: ReadNumber): ForeignFailure['origin'] {
  const name = (part: string) => (prefix === CONNECT_PREFIX ? `${prefix}${part}` : `${prefix}original-${part}`)
  const topic = headerText(record, name('topic'))
  const partition = number(record, name('partition'))
  const offset = number(record, name('offset'))
  if (topic === undefined || partition === undefined || offset === undefined) return null
  return { topic: displayed(topic, MAX_NAME_BYTES), partition, offset }
}

/**
 * Truncates the text, and replaces characters that a store may reject or a terminal may interpret. Line breaks and tabs
 * are kept.
 */
function displayed(text: string, maxBytes: number): string {
  return truncateUtf8(text, maxBytes).replaceAll(/(?![\t\n])\p{Cc}/gu, ' ')
}

/** Spring's number format: a big-endian signed integer of one to eight bytes. */
function integerOf(record: LogRecord, name: string): number | undefined {
  const bytes = record.headers.findLast(([one]) => one === name)?.[1]
  if (bytes == null || bytes.length === 0 || bytes.length > 8) return undefined
  const bits = bytes.length * 8
  return safe(Number(BigInt.asIntN(bits, BigInt(`0x${Buffer.from(bytes).toString('hex')}`))))
}

/** Connect's number format: decimal text. */
function decimalOf(record: LogRecord, name: string): number | undefined {
  const text = headerText(record, name)
  return text !== undefined && /^\d{1,16}$/.test(text) ? safe(Number(text)) : undefined
}

function safe(number: number): number | undefined {
  return Number.isSafeInteger(number) ? number : undefined
}

import { knownTime, UNKNOWN_TIME } from '../../domain/times.ts'
import { changeOf, isBareStub, orderIdOf, ORIGINAL_GONE } from '../../messaging/records/envelope.ts'
import { holdThroughOutage, MAX_HOLD_MS } from '../../messaging/hold.ts'
import type { Cause } from '../../domain/order-view.ts'
import type { Clock } from '../../ports/clock.ts'
import { readForeignLetter, readOwnJourney } from '../../messaging/parking/foreign-letter.ts'
import type { Journey } from '../../messaging/parking/parking.ts'
import { HEADER, headerText, originalHeaders } from '../../messaging/records/headers.ts'
import type { DeliveredRecord } from '../../messaging/records/kafka-event.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import { deadLetterId, type DeadLetter, type DeadLetters } from '../../ports/dead-letters.ts'
import { readAllExactly } from '../log/exact-record.ts'
import type { Originals } from '../log/read-original.ts'
import type { HandleDelivery } from '../processing/handle-delivery.ts'
import { transactions } from '../log/transactions.ts'

/**
 * Fills the dead-letter store from the dead-letter topic. No record can be poison here, because all bytes are kept,
 * even if the letter comes from another consumer.
 */
export function createKeepDeadLetters(dependencies: {
  originals: Originals
  deadLetters: Pick<DeadLetters, 'keep'>
  clock: Clock
  events: PipelineEmitter
  signal: AbortSignal
}): HandleDelivery {
  const { originals, deadLetters, clock, events, signal } = dependencies

  return async function keepDeadLetters(records, deliveredAt = clock.now()) {
    const deadline = deliveredAt + MAX_HOLD_MS
    for (const some of transactions(records)) {
      const letters = (await readAllExactly(originals, some)).map(toDeadLetter)
      await holdThroughOutage(() => deadLetters.keep(letters), { clock, events, of: 'store', signal, deadline })
      events.emit('dead-letters:kept', { ids: letters.map(({ origin }) => deadLetterId(origin)) })
    }
  }
}

function toDeadLetter(record: DeliveredRecord): DeadLetter {
  const { topic, partition, offset, key, value, timestamp } = record
  const content = { orderId: orderIdOf(record) ?? null, key, value }
  const time = knownTime(timestamp)
  const at = time === undefined ? UNKNOWN_TIME : new Date(time).toISOString()
  const journey = readOwnJourney(record, record.journey)
  if (journey === undefined) {
    const { failure, cause, originTimestamp, ...told } = readForeignLetter(record)
    return {
      ...content,
      ...told,
      origin: { topic, partition, offset },
      headers: record.headers,
      firstCause: cause,
      lastCause: cause,
      firstFailedAt: at,
      lastFailedAt: at,
      redriveOf: null,
      recordTimestamp: originTimestamp ?? timestamp,
      foreign: failure,
    }
  }
  const change = changeOf(record)
  return {
    ...content,
    ...(change !== undefined && { change }),
    origin: journey.origin,
    headers: originalHeaders(record.headers),
    firstCause: journey.first.cause,
    lastCause: lastCauseOf(record, journey),
    attempts: journey.attempt,
    firstFailedAt: journey.first.at,
    lastFailedAt: journey.last.at,
    fingerprint: journey.fingerprint,
    stack: journey.stack,
    consumerGroup: journey.groupId,
    redriveOf: headerText(record, HEADER.redriveOf) ?? null,
    recordTimestamp: journey.originTimestamp,
    foreign: null,
  }
}

/**
 * The last cause. If the record has no value, the text also names the operator's remaining options, because a redrive
 * would fail at once.
 */
function lastCauseOf(record: DeliveredRecord, { last }: Journey): Cause {
  if (!isBareStub(record)) return last.cause
  const cause = last.cause.detail === ORIGINAL_GONE ? ORIGINAL_GONE : `${last.cause.detail} ${ORIGINAL_GONE}`
  const detail = `${cause} A redrive cannot store it: edit it with the whole order, or discard it.`
  return { code: last.cause.code, detail }
}

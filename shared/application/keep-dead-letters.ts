import { knownTime, UNKNOWN_TIME } from '../domain/times.ts'
import { orderIdOf } from '../messaging/envelope.ts'
import { holdThroughOutage, MAX_HOLD_MS, type Clock } from '../messaging/hold.ts'
import { HEADER, headerText, originalHeaders } from '../messaging/headers.ts'
import type { DeliveredRecord } from '../messaging/kafka-event.ts'
import { originOf, readJourney } from '../messaging/parking.ts'
import type { PipelineEmitter } from '../messaging/pipeline-events.ts'
import { deadLetterId, type DeadLetter, type DeadLetters } from '../ports/dead-letters.ts'
import type { EventLog, LogRecord } from '../ports/event-log.ts'
import { readAllExactly } from './exact-record.ts'
import { transactions } from './transactions.ts'

/**
 * Fills the dead-letter store from the dead-letter topic. It has no poison: whatever bytes are there are kept, a foreign
 * record without our headers too.
 */
export function createKeepDeadLetters(dependencies: {
  log: Pick<EventLog, 'read'>
  deadLetters: Pick<DeadLetters, 'keep'>
  clock: Clock
  events: PipelineEmitter
  signal: AbortSignal
}): (records: readonly DeliveredRecord[]) => Promise<void> {
  const { log, deadLetters, clock, events, signal } = dependencies

  return async function keepDeadLetters(records) {
    const deadline = clock.now() + MAX_HOLD_MS
    for (const some of transactions(records)) {
      const letters = (await readAllExactly(log, some)).map(toDeadLetter)
      await holdThroughOutage(() => deadLetters.keep(letters), { clock, events, of: 'store', signal, deadline })
      events.emit('dead-letters:kept', { ids: letters.map(({ origin }) => deadLetterId(origin)) })
    }
  }
}

function toDeadLetter(record: LogRecord): DeadLetter {
  const journey = readJourney(record)
  const foreign = { cause: { code: 'unknown-event', detail: 'It was put into the dead-letter topic by someone else.' } }
  const time = knownTime(record.timestamp)
  const at = time === undefined ? UNKNOWN_TIME : new Date(time).toISOString()
  return {
    origin: originOf(record),
    orderId: orderIdOf(record) ?? null,
    key: record.key,
    value: record.value,
    headers: originalHeaders(record.headers),
    firstCause: journey?.first.cause ?? foreign.cause,
    lastCause: journey?.last.cause ?? foreign.cause,
    attempts: journey?.attempt ?? 0,
    firstFailedAt: journey?.first.at ?? at,
    lastFailedAt: journey?.last.at ?? at,
    fingerprint: journey?.fingerprint ?? 'foreign',
    stack: journey?.stack ?? null,
    consumerGroup: journey?.groupId ?? '',
    redriveOf: headerText(record, HEADER.redriveOf) ?? null,
    recordTimestamp: journey?.originTimestamp ?? record.timestamp,
  }
}

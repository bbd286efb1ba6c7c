import { originTopicOf, parseDeadLetterId, type DeadLetter, type DeadLetters } from '../../../ports/dead-letters.ts'
import { claimedCustomer } from '../../../domain/forgetting/forgotten-records.ts'
import { forgetLetter } from '../../stores/forgetting/forgotten-letters.ts'
import { letterAcceptedAt, toHeadersJson, toParkedRecord, withStorableFigures } from '../../stores/letters.ts'
import { bytes, json, text } from '../database/connection.ts'
import { concatenation, type PlaceBytes } from './concatenated-bytes.ts'
import { findPlaces, type PlacedLetter } from './letter-places.ts'
import { ORIGIN_TOPIC } from './letter-topic.ts'
import { DECLARE_PARTITIONS, LOCK_PARTITIONS, lockStates } from '../database/locks.ts'
import { DECLARE_CHANGES, RECORD_CHANGES, TELL_CHANGES } from '../changes/order-changes-sql.ts'
import { givenBack, untilForgotten } from '../forgetting/forgotten-customers.ts'
import { LOCK_FORGETTING, LOOK_FOR_LETTERS } from '../forgetting/forgotten-customers-sql.ts'
import { PARK_CHANGES } from '../changes/parked-changes-sql.ts'
import { isOfChange, toChangesJson, type ParkedDelivery } from '../changes/order-changes.ts'
import { DECLARE_PARKED, PARK } from './parked-records-sql.ts'
import { toParkedJson, type Parking } from './parked-records-json.ts'
import { toPartitions } from '../ledger/locked-partitions.ts'
import type { Query } from '../database/query.ts'
import { CODE_UNITS, GROUP_UNITS, MAX_PARTITION, TOPIC_UNITS } from '../database/columns.ts'
import { cut, isOrderId, toSqlTime } from '../database/values.ts'

/** A condition that is true if a retry stored the record before its dead letter arrived. */
const IS_STORED = `(x.change_id IS NULL AND (o.seq IS NOT NULL OR t.order_id IS NOT NULL))
    OR c.change_seq IS NOT NULL OR u.change_id IS NOT NULL`

/**
 * Stores letters in one round trip and one transaction. Letters that the store already has stay unchanged. For every
 * other letter whose record has not been stored in the meantime, the origin is parked. If that record was the redrive
 * of another letter, the other letter is superseded. The parameter @bytes holds the keys and values of all letters, and
 * each letter gives the positions of its own bytes.
 *
 * If another transaction is storing a letter's record, this statement waits for that transaction's lock on the
 * partition, and the letter is then resolved (locks.ts). A partition that the ledger does not know has no row to lock.
 * In that case, READCOMMITTEDLOCK makes the statement wait for an order that is not committed yet; row versions would
 * hide that order ("Table hints"). A letter whose position was taken in the meantime is neither inserted nor counted as
 * kept.
 */
export const KEEP_LETTERS = `
SET XACT_ABORT ON;
SET NOCOUNT ON;
${DECLARE_PARKED}${DECLARE_CHANGES}
DECLARE @kept TABLE (
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  log_offset BIGINT NOT NULL,
  consumer_group NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
  state VARCHAR(20) COLLATE Latin1_General_100_BIN2 NOT NULL,
  PRIMARY KEY (topic, log_partition, log_offset)
);
${DECLARE_PARTITIONS}DECLARE @redriven TABLE (
  topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  log_partition INT NOT NULL,
  log_offset BIGINT NOT NULL,
  by_topic NVARCHAR(249) COLLATE Latin1_General_100_BIN2 NOT NULL,
  by_partition INT NOT NULL,
  by_offset BIGINT NOT NULL
);
INSERT INTO @redriven (topic, log_partition, log_offset, by_topic, by_partition, by_offset)
SELECT r.topic, r.log_partition, r.log_offset, r.by_topic, r.by_partition, r.by_offset
FROM OPENJSON(@batch, '$.redriven') WITH (
  topic NVARCHAR(4000) '$.topic', log_partition INT '$.partition', log_offset BIGINT '$.offset',
  by_topic NVARCHAR(4000) '$.by.topic', by_partition INT '$.by.partition', by_offset BIGINT '$.by.offset'
) AS r;
INSERT INTO @partitions (n, group_id, topic, log_partition)
SELECT p.n, p.group_id, p.topic, p.log_partition
FROM OPENJSON(@batch, '$.partitions') WITH (
  n INT '$.n', group_id NVARCHAR(200) '$.groupId', topic NVARCHAR(249) '$.topic', log_partition INT '$.partition'
) AS p;

BEGIN TRANSACTION;${LOCK_FORGETTING}${LOCK_PARTITIONS}${LOOK_FOR_LETTERS}${RECORD_CHANGES}${lockStates('@parked')}

INSERT INTO dead_letters (
  topic, log_partition, log_offset, order_id, state, kept_at, first_code, first_detail, last_code, last_detail, attempts,
  first_failed_at, last_failed_at, fingerprint, consumer_group, redrive_of, record_timestamp, stack, headers, record_key,
  record_value, foreign_failure, change_id, change_kind, settled_at
)
OUTPUT inserted.topic, inserted.log_partition, inserted.log_offset, inserted.consumer_group, inserted.state
INTO @kept (topic, log_partition, log_offset, consumer_group, state)
SELECT x.topic, x.log_partition, x.log_offset, x.order_id,
  CASE WHEN ${IS_STORED} THEN 'resolved' ELSE 'dead' END,
  x.kept_at, x.first_code /* text */, x.first_detail /* text */, x.last_code /* text */, x.last_detail /* text */,
  x.attempts, x.first_failed_at, x.last_failed_at, x.fingerprint /* text */, x.consumer_group /* text */,
  x.redrive_of /* text */, x.record_timestamp, x.stack /* text */, x.headers /* text */,
  SUBSTRING(@bytes, x.key_at, x.key_length), SUBSTRING(@bytes, x.value_at, x.value_length),
  x.foreign_failure /* text */, x.change_id, x.change_kind, CASE WHEN ${IS_STORED} THEN x.kept_at END
FROM OPENJSON(@batch, '$.letters') WITH (
  i INT '$.i',
  topic NVARCHAR(249) '$.topic',
  origin_topic NVARCHAR(249) '$.originTopic',
  log_partition INT '$.partition',
  log_offset BIGINT '$.offset',
  order_id UNIQUEIDENTIFIER '$.orderId',
  kept_at DATETIME2(3) '$.keptAt',
  first_code NVARCHAR(200) '$.firstCode',
  first_detail NVARCHAR(MAX) '$.firstDetail',
  last_code NVARCHAR(200) '$.lastCode',
  last_detail NVARCHAR(MAX) '$.lastDetail',
  attempts BIGINT '$.attempts',
  first_failed_at DATETIME2(3) '$.firstFailedAt',
  last_failed_at DATETIME2(3) '$.lastFailedAt',
  fingerprint NVARCHAR(100) '$.fingerprint',
  consumer_group NVARCHAR(200) '$.consumerGroup',
  redrive_of NVARCHAR(400) '$.redriveOf',
  record_timestamp BIGINT '$.recordTimestamp',
  stack NVARCHAR(MAX) '$.stack',
  headers NVARCHAR(MAX) '$.headers',
  key_at INT '$.key.at',
  key_length INT '$.key.length',
  value_at INT '$.value.at',
  value_length INT '$.value.length',
  foreign_failure NVARCHAR(MAX) '$.foreign',
  change_id UNIQUEIDENTIFIER '$.change.changeId',
  change_kind VARCHAR(20) '$.change.kind'
) AS x
LEFT JOIN orders AS o WITH (READCOMMITTEDLOCK, FORCESEEK) ON o.order_id = x.order_id
  AND o.origin_topic = x.origin_topic COLLATE Latin1_General_100_BIN2
  AND o.origin_partition = x.log_partition AND o.origin_offset = x.log_offset
LEFT JOIN order_changes AS c WITH (READCOMMITTEDLOCK, FORCESEEK) ON c.change_id = x.change_id AND c.order_id = x.order_id
  AND c.origin_topic = x.origin_topic COLLATE Latin1_General_100_BIN2
  AND c.origin_partition = x.log_partition AND c.origin_offset = x.log_offset AND c.state IN ('waiting', 'applied', 'rejected')
LEFT JOIN archived_orders AS t WITH (READCOMMITTEDLOCK, FORCESEEK) ON t.order_id = x.order_id
  AND t.origin_topic = x.origin_topic COLLATE Latin1_General_100_BIN2
  AND t.origin_partition = x.log_partition AND t.origin_offset = x.log_offset
LEFT JOIN archived_changes AS u WITH (READCOMMITTEDLOCK, FORCESEEK) ON u.change_id = x.change_id
  AND u.order_id = x.order_id AND u.origin_topic = x.origin_topic COLLATE Latin1_General_100_BIN2
  AND u.origin_partition = x.log_partition AND u.origin_offset = x.log_offset AND u.state IN ('applied', 'rejected')
WHERE NOT EXISTS (
  SELECT 1 FROM dead_letters AS d
  WHERE d.topic = x.topic COLLATE Latin1_General_100_BIN2 AND d.log_partition = x.log_partition
    AND d.log_offset = x.log_offset
)
ORDER BY x.i;

DELETE p
FROM @parked AS p
WHERE NOT EXISTS (
  SELECT 1 FROM @kept AS k
  WHERE ${ORIGIN_TOPIC('k.topic')} = p.topic AND k.log_partition = p.log_partition AND k.log_offset = p.log_offset
    AND k.state = 'dead'
);
-- order_changes nevertheless shows the change as dead.
UPDATE c
SET round = -1
FROM @changes AS c
WHERE NOT EXISTS (
  SELECT 1 FROM @kept AS k
  WHERE ${ORIGIN_TOPIC('k.topic')} = c.topic AND k.log_partition = c.log_partition AND k.log_offset = c.log_offset
    AND k.state = 'dead'
);
${PARK}${PARK_CHANGES}
UPDATE d
SET state = 'superseded', settled_at = CAST(@now AS DATETIME2(3))
FROM dead_letters AS d
JOIN @redriven AS r ON r.topic = d.topic AND r.log_partition = d.log_partition AND r.log_offset = d.log_offset
JOIN @kept AS k ON k.topic = r.by_topic AND k.log_partition = r.by_partition AND k.log_offset = r.by_offset
WHERE k.state = 'dead' AND d.state IN ('dead', 'redriven');

UPDATE q
SET state = 'redriven', updated_at = CAST(@now AS DATETIME2(3))
FROM parked_records AS q WITH (FORCESEEK)
JOIN @redriven AS r ON ${ORIGIN_TOPIC('r.topic')} = q.topic AND r.log_partition = q.log_partition AND r.log_offset = q.log_offset
JOIN @kept AS k ON k.topic = r.by_topic AND k.log_partition = r.by_partition AND k.log_offset = r.by_offset
  AND k.consumer_group = q.group_id
WHERE k.state = 'dead' AND q.state IN ('retrying', 'dead');
${TELL_CHANGES}
COMMIT TRANSACTION;
SELECT COUNT(*) AS kept FROM @kept AS k;
`

const FINGERPRINT_UNITS = 100
const LETTER_ID_UNITS = 400

export function createKeepLetters(query: Query): DeadLetters['keep'] {
  /** Keeps the letters, without the personal data of forgotten customers, and returns how many were kept. */
  async function keepPlaced(placed: readonly PlacedLetter[], now: string): Promise<number> {
    return untilForgotten(
      placed.map((one): LetterToKeep => ({ ...one, isForgotten: false })),
      async (letters) => {
        const { batch, concatenated } = toParameters(letters, now)
        const parameters = { batch: json(batch), bytes: bytes(concatenated), now: text(toSqlTime(now)) }
        const [rows = []] = await query(KEEP_LETTERS, parameters)
        const forgotten = givenBack(rows, 'forgotten_letter')
        return forgotten === undefined ? { result: Number(rows[0]?.['kept']) } : { forgotten }
      },
      (letters, rows) => {
        const forgotten = new Set(rows.map((row) => Number(row['forgotten_letter'])))
        return letters.map((one, i) =>
          forgotten.has(i) ? { ...one, letter: forgetLetter(one.letter), isForgotten: true } : one,
        )
      },
    )
  }

  return async function keep(letters) {
    if (letters.length === 0) return
    const now = new Date().toISOString()
    const fitting = letters.map((letter) => fit(withStorableFigures(letter, now)))
    // Between the two statements, another instance may store a letter from another log at a position that was found to
    // be free. The insert then skips our letter: NOT EXISTS sees the other instance's row or, under
    // READ_COMMITTED_SNAPSHOT, the unique key rejects our row and the statement is retried (query.ts). The loop ends
    // eventually, because each further round means that another instance has kept a letter in the meantime. Locking a
    // missing key instead would not reliably keep other instances out on every engine.
    for (let placed = await findPlaces(query, fitting); placed.length > 0; placed = await findPlaces(query, fitting)) {
      if ((await keepPlaced(placed, now)) >= placed.length) return
    }
  }
}

interface LetterToKeep extends PlacedLetter {
  /** Whether personal data was removed from the letter. */
  readonly isForgotten: boolean
}

/** The parameters of KEEP_LETTERS. */
function toParameters(letters: readonly LetterToKeep[], now: string): { batch: object; concatenated: Uint8Array } {
  const { place, concatenated } = concatenation()
  // A foreign letter affects neither our orders nor the ledger.
  const own = letters.filter(({ letter }) => letter.foreign === null)
  const redriven = own.flatMap(({ letter: { redriveOf, consumerGroup }, place: by }) => {
    const letter = redriveOf === null ? undefined : parseDeadLetterId(redriveOf)
    const isPlace = letter !== undefined && letter.partition <= MAX_PARTITION && letter.topic.length <= TOPIC_UNITS
    return isPlace ? [{ ...letter, by, groupId: consumerGroup }] : []
  })
  const decided = [
    ...own.map(({ letter: { origin, consumerGroup } }) => ({ ...origin, groupId: consumerGroup })),
    ...redriven.map(({ topic, ...letter }) => ({ ...letter, topic: originTopicOf(topic) })),
  ]
  const parkings = own.map(({ letter }) => ({
    record: toParkedRecord(letter),
    groupId: letter.consumerGroup,
    parkedAt: letter.lastFailedAt,
  }))
  const batch = {
    partitions: toPartitions(decided),
    ...toParkedJson(parkings.filter(({ record }) => !isOfChange(record))),
    ...toChangesJson([], parkings.flatMap(toFailedChange)),
    redriven,
    letters: letters.map((placed, i) => ({ i, ...toLetterJson(placed, now, place) })),
  }
  return { batch, concatenated: concatenated() }
}

/**
 * Makes a letter fit the columns, so that no letter is refused. For example, names that are too long for an index are
 * truncated.
 */
function fit(letter: DeadLetter): DeadLetter {
  const { origin, orderId, firstCause, lastCause } = letter
  return {
    ...letter,
    origin: { ...origin, topic: cut(origin.topic, TOPIC_UNITS), partition: Math.min(origin.partition, MAX_PARTITION) },
    orderId: orderId !== null && isOrderId(orderId) ? orderId : null,
    firstCause: { ...firstCause, code: cut(firstCause.code, CODE_UNITS) },
    lastCause: { ...lastCause, code: cut(lastCause.code, CODE_UNITS) },
    fingerprint: cut(letter.fingerprint, FINGERPRINT_UNITS),
    consumerGroup: cut(letter.consumerGroup, GROUP_UNITS),
    redriveOf: letter.redriveOf === null ? null : cut(letter.redriveOf, LETTER_ID_UNITS),
  }
}

function toFailedChange({ record, ...parking }: Parking): ParkedDelivery[] {
  return isOfChange(record) ? [{ record, ...parking, isCounted: false }] : []
}

function toLetterJson({ letter, place: kept, isForgotten }: LetterToKeep, now: string, place: PlaceBytes) {
  const { origin, orderId, firstCause, lastCause, key, value } = letter
  return {
    ...kept,
    originTopic: origin.topic,
    orderId,
    keptAt: toSqlTime(now),
    firstCode: firstCause.code,
    firstDetail: firstCause.detail,
    lastCode: lastCause.code,
    lastDetail: lastCause.detail,
    attempts: letter.attempts,
    firstFailedAt: toSqlTime(letter.firstFailedAt),
    lastFailedAt: toSqlTime(letter.lastFailedAt),
    fingerprint: letter.fingerprint,
    consumerGroup: letter.consumerGroup,
    redriveOf: letter.redriveOf,
    recordTimestamp: letter.recordTimestamp,
    stack: letter.stack,
    headers: toHeadersJson(letter),
    key: place(key),
    value: place(value),
    foreign: letter.foreign && JSON.stringify(letter.foreign),
    change: letter.change,
    customerId: claimedCustomer(value),
    acceptedAt: toSqlTime(letterAcceptedAt(letter)),
    ...(isForgotten && { forgotten: true }),
  }
}

import { messageOf, OrderError } from '../../domain/errors.ts'
import { classify, type Failure } from '../../messaging/failure.ts'
import { changeOf, isChange, readEvent } from '../../messaging/records/envelope.ts'
import { withoutJourney, withProvenMarks } from '../../messaging/records/original-record.ts'
import type { PipelineEmitter } from '../../messaging/pipeline-events.ts'
import type { RedriveProofs } from '../../messaging/parking/redrive-proof.ts'
import { deadLetterId } from '../../ports/dead-letters.ts'
import type { ParkedRecord, UndecidableChange } from '../../ports/order-store.ts'
import { readOriginal, type Originals } from '../log/read-original.ts'
import type { Readable } from './events-of-batch.ts'
import type { Unstorable } from './park.ts'

/**
 * Finds the records of changes that could not be decided, so that these records can be parked. If a change has been
 * waiting since an earlier batch, its record is read from the log again. If the log no longer has the record, the error
 * is reported, and the change waits in the store until another event of its order arrives. Changes whose records are
 * already parked are left out, because the copy or the redrive brings them back.
 */
export type RecordsOfUndecided = (
  undecided: readonly UndecidableChange[],
  batch: readonly Readable[],
  parked: readonly ParkedRecord[],
) => Promise<Unstorable[]>

export function createRecordsOfUndecided(dependencies: {
  originals: Originals
  proofs: Pick<RedriveProofs, 'holds'>
  events: PipelineEmitter
}): RecordsOfUndecided {
  const { originals, proofs, events } = dependencies

  return async function recordsOfUndecided(undecided, batch, parked) {
    const known = new Set(parked.map(({ origin }) => deadLetterId(origin)))
    const found: Unstorable[] = []
    for (const change of undecided) {
      if (known.has(deadLetterId(change.origin))) continue
      const readable = batch.find(({ event }) => isOf(change, event)) ?? (await readAgain(change))
      if (readable === undefined) reportUndecided(events, change)
      else found.push({ ...readable, failure: failureOf(change) })
    }
    return found
  }

  async function readAgain(change: UndecidableChange): Promise<Readable | undefined> {
    const original = await readOriginal(originals, change.origin)
    if (original === undefined) return undefined
    const record = withProvenMarks(withoutJourney(original), proofs)
    // The log may have been replaced in the meantime, and may hold another record at this offset.
    if (changeOf(record)?.changeId !== change.changeId) return undefined
    return { record, journey: undefined, event: readEvent(record, change.origin) }
  }
}

/**
 * Reports the bug because of which a change could not be decided. The change is not parked and keeps waiting in the
 * store.
 */
export function reportUndecided(events: PipelineEmitter, change: UndecidableChange): void {
  const { error, origin } = change
  events.emit('attempt:failed', { topic: origin.topic, attempt: 1, records: 1, cause: failureOf(change).cause, error })
}

function failureOf({ error }: UndecidableChange): Failure {
  return classify(new OrderError('change-not-decided', messageOf(error), { cause: error }))
}

function isOf({ changeId, origin }: UndecidableChange, event: Readable['event']): boolean {
  return isChange(event) && event.changeId === changeId && deadLetterId(event.origin) === deadLetterId(origin)
}

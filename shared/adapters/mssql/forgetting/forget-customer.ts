import { isDeepStrictEqual } from 'node:util'
import { forgetChange, forgetOrder } from '../../../domain/forgetting/forgotten-data.ts'
import { OrderError } from '../../../domain/errors.ts'
import type { Forgetting } from '../../../ports/forgetting.ts'
import type { Act } from '../../../ports/redrives.ts'
import { forgottenTarget, REBUILD_ABANDONED, REBUILD_RUNS } from '../../stores/forgetting/forgetting-refusals.ts'
import { forgetKept } from '../../stores/forgetting/forgotten-letters.ts'
import { reindexRuns } from '../../stores/refusals.ts'
import { bigint, bytes, json, text } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { toSqlTime } from '../database/values.ts'
import { actParameters } from '../dead-letters/audit.ts'
import { concatenation, type PlaceBytes } from '../dead-letters/concatenated-bytes.ts'
import { FORGET } from './forget-customer-sql.ts'
import { createFinding, NO_LETTERS, toHeld, type Found, type FoundLetter } from './found-data.ts'
import { toStoredChangesJson } from './forgotten-customers.ts'
import { forgottenStateWords, forgottenWords, NO_WORDS, type ForgottenWords } from './forgotten-words.ts'

/**
 * Another attempt is necessary only if this customer's data changes, or any new letter is stored, in the milliseconds
 * between the last read and the transaction, or if orders change while their words are being read.
 */
const MAX_ATTEMPTS = 20
/**
 * No operator is named, because nothing is audited here: the audit entry was written when the customer was forgotten.
 */
const NOBODY = { operator: '', verified: false, reason: null }

const REMAINS =
  'SQL Server keeps earlier states of the changed rows in its transaction log and in backups of that log, and may keep traces of them on pages of the database until it reuses the space.'

export function createForgetting(query: Query): Forgetting {
  const finding = createFinding(query)

  /** Returns false if the store has data that the search missed, or data that has changed since the search. */
  async function write(
    found: Found,
    words: ForgottenWords,
    lastSeq: number,
    act: Act,
    customerId: number | null,
  ): Promise<boolean> {
    const { batch, concatenated } = toParameters(found, words)
    const parameters = {
      ...actParameters(customerId === null ? '' : forgottenTarget(customerId), act),
      batch: json(batch),
      bytes: bytes(concatenated),
      customerId: bigint(customerId),
      last: bigint(lastSeq),
      nowMs: bigint(Date.parse(act.at)),
      why: text(REBUILD_ABANDONED),
    }
    const [[row] = []] = await query(FORGET, parameters)
    if (customerId !== null && row?.['is_rebuilding'] === true) throw new OrderError('conflict', REBUILD_RUNS)
    if (customerId !== null && row?.['is_reindexing'] === true) throw reindexRuns()
    return row?.['is_known'] === true
  }

  return {
    remains: [REMAINS],
    async held(customerId) {
      return toHeld(await finding.ofCustomer(customerId, await finding.scanLetters(customerId, NO_LETTERS)))
    },
    async forget(customerId, act) {
      let scan = NO_LETTERS
      let words = NO_WORDS
      let wordsOf: Found['orders'] = []
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        scan = await finding.scanLetters(customerId, scan)
        const found = await finding.ofCustomer(customerId, scan)
        if (isDeepStrictEqual(found.orders, wordsOf)) {
          if (await write(found, words, scan.lastSeq, act, customerId)) return toHeld(found)
        } else {
          // Reading the words may take minutes, so everything else is read again afterwards.
          words = await forgottenWords(query, found.orders)
          wordsOf = found.orders
        }
      }
      throw isBusy()
    },
    async forgetOrders(orderIds) {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const lastSeq = await finding.lastLetter()
        const act = { ...NOBODY, at: new Date().toISOString() }
        if (await write(await finding.ofOrders(orderIds), NO_WORDS, lastSeq, act, null)) return
      }
      throw isBusy()
    },
    // No statement can overwrite the earlier states that SQL Server keeps outside the rows (REMAINS).
    purge: () => Promise.resolve(),
  }
}

/** The rows that were found, without their personal data, in the form that FORGET reads. */
function toParameters({ orders, states, changes, letters, orderIds }: Found, words: ForgottenWords) {
  const { place, concatenated } = concatenation()
  const batch = {
    ids: orderIds,
    orders: orders.map(({ seq, version }) => [seq, version]),
    states: states.map(({ seq, updatedAt }, n) => [n, seq, toSqlTime(updatedAt.getTime())]),
    stateOrders: states.map(({ order }) => forgetOrder(order)),
    stateWords: forgottenStateWords(states),
    ...words,
    ...toStoredChangesJson(changes.map(({ changeId, change }) => ({ changeId, change: forgetChange(change) }))),
    letters: letters.map((found, n) => ({ n, ...toLetterJson(found, place) })),
    headers: letters.map(({ letter }) => JSON.parse(forgetKept(letter).headersJson) as unknown),
  }
  return { batch, concatenated: concatenated() }
}

function toLetterJson({ seq, letter }: FoundLetter, place: PlaceBytes) {
  const { value, editedValue, firstCause, lastCause } = forgetKept(letter)
  return {
    seq,
    firstDetail: firstCause.detail,
    lastDetail: lastCause.detail,
    value: place(value),
    edit: place(editedValue),
    seen: place(letter.editedValue),
  }
}

function isBusy(): OrderError {
  const detail = 'Other instances keep storing this customer’s data. Try again in a moment.'
  return new OrderError('store-busy', detail, { retriable: true })
}

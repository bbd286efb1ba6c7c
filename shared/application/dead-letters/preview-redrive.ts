import type { Cause } from '../../domain/order-view.ts'
import { findCulprits } from '../../messaging/find-culprits.ts'
import { isChange, readEvent } from '../../messaging/records/envelope.ts'
import { classify } from '../../messaging/failure.ts'
import type { DeadLetters, KeptDeadLetter, WhichLetters } from '../../ports/dead-letters.ts'
import type { ChangeOutcome, ChangeToStore, OrderStore, OrderToStore, StoreOutcome } from '../../ports/order-store.ts'
import type { Page } from '../../ports/order-views.ts'
import { deadAmong, noneIsDead } from './dead-among.ts'

/** What a redrive of a dead letter would do with today's code. */
export interface RedrivePreview {
  readonly id: string
  readonly orderId: string | null
  /** The change of that order, if the letter is of one. */
  readonly changeId?: string
  /** The last three are of changes: decided in favour, decided against, or behind an earlier event of the order. */
  readonly outcome:
    | 'would-be-stored'
    | 'still-fails'
    | 'already-stored'
    | 'unknown'
    | 'would-be-applied'
    | 'would-be-rejected'
    | 'would-wait'
  /** Why it still fails, or why the outcome is unknown. */
  readonly cause?: Cause
}

/**
 * Processes each dead letter on its own as a redrive would, in a transaction that is rolled back, a page at a time. The
 * outcome is `unknown` if the store is away or busy. Rejects as creating the task would: with `dead-letter-not-found` if
 * no letter has one of the ids, with `conflict` if no letter is dead.
 */
export type PreviewRedrive = (
  which: WhichLetters,
  page: { limit: number; cursor?: string },
) => Promise<Page<RedrivePreview>>

export function createPreviewRedrive(dependencies: {
  store: Pick<OrderStore, 'previewBatch' | 'previewChanges'>
  deadLetters: Pick<DeadLetters, 'get' | 'list'>
}): PreviewRedrive {
  const { store, deadLetters } = dependencies

  return async function previewRedrive(which, page) {
    const { items: ids, nextCursor } = await idsOf(which, page)
    const items: RedrivePreview[] = []
    for await (const letters of deadAmong(deadLetters, ids)) items.push(...(await preview(letters)))
    if (items.length === 0 && page.cursor === undefined) throw noneIsDead()
    return { items, nextCursor }
  }

  async function idsOf(which: WhichLetters, page: { limit: number; cursor?: string }): Promise<Page<string>> {
    if ('ids' in which) return { items: which.ids, nextCursor: null }
    const { items, nextCursor } = await deadLetters.list({ ...which, ...page, state: 'dead' })
    return { items: items.map(({ id }) => id), nextCursor }
  }

  async function preview(letters: readonly KeptDeadLetter[]): Promise<RedrivePreview[]> {
    const previews = new Map<string, RedrivePreview>()
    const readable: Readable<OrderToStore | ChangeToStore>[] = []
    for (const letter of letters) {
      try {
        readable.push({ letter, event: toEvent(letter) })
      } catch (error) {
        previews.set(letter.id, failing(letter, error))
      }
    }
    try {
      const culprits = await findCulprits(readable, async (some) => {
        const [orders, changes] = [some.filter(isOfOrder), some.filter(isOfChange)]
        const [ofOrders, ofChanges] = [
          orders.length === 0 ? [] : await store.previewBatch(orders.map(({ event }) => event)),
          changes.length === 0 ? [] : await store.previewChanges(changes.map(({ event }) => event)),
        ]
        orders.forEach(({ letter }, index) => previews.set(letter.id, toPreview(letter, ofOrders[index])))
        changes.forEach(({ letter }, index) => previews.set(letter.id, toPreview(letter, ofChanges[index])))
      })
      for (const { item, failure } of culprits) previews.set(item.letter.id, failing(item.letter, failure.error))
    } catch (error) {
      // An outage is not a letter's fault. The outcomes from before it stand.
      for (const { letter } of readable) {
        if (!previews.has(letter.id)) previews.set(letter.id, failing(letter, error))
      }
    }
    return letters.flatMap(({ id }) => previews.get(id) ?? [])
  }
}

interface Readable<Event extends OrderToStore | ChangeToStore> {
  readonly letter: KeptDeadLetter
  readonly event: Event
}

function isOfChange(readable: Readable<OrderToStore | ChangeToStore>): readable is Readable<ChangeToStore> {
  return isChange(readable.event)
}

function isOfOrder(readable: Readable<OrderToStore | ChangeToStore>): readable is Readable<OrderToStore> {
  return !isChange(readable.event)
}

function toEvent(letter: KeptDeadLetter): OrderToStore | ChangeToStore {
  const { key, value, headers, recordTimestamp, origin } = letter
  const event = readEvent({ ...origin, key, value, headers, timestamp: recordTimestamp }, origin)
  const redriveOf = letter.id
  return isChange(event) ? { ...event, redriveOf } : { ...event, redriveOf, supersedes: null }
}

const OUTCOMES = {
  stored: 'would-be-stored',
  applied: 'would-be-applied',
  refused: 'would-be-rejected',
  waiting: 'would-wait',
  duplicate: 'already-stored',
} as const satisfies Partial<Record<(StoreOutcome | ChangeOutcome)['kind'], RedrivePreview['outcome']>>

function toPreview(letter: KeptDeadLetter, outcome: StoreOutcome | ChangeOutcome | undefined): RedrivePreview {
  if (outcome?.kind === 'rejected') {
    return { ...subjectOf(letter), outcome: 'still-fails', cause: { code: outcome.code, detail: outcome.detail } }
  }
  if (outcome?.kind === 'withheld') {
    const cause = { code: 'conflict', detail: 'Its order was discarded.' }
    return { ...subjectOf(letter), outcome: 'still-fails', cause }
  }
  return { ...subjectOf(letter), outcome: OUTCOMES[outcome?.kind ?? 'duplicate'] }
}

function failing(letter: KeptDeadLetter, error: unknown): RedrivePreview {
  const { class: kind, cause } = classify(error)
  const isOfNow = kind === 'outage' || kind === 'transient'
  return { ...subjectOf(letter), outcome: isOfNow ? 'unknown' : 'still-fails', cause }
}

function subjectOf({ id, orderId, change }: KeptDeadLetter): Pick<RedrivePreview, 'id' | 'orderId' | 'changeId'> {
  return { id, orderId, ...(change !== undefined && { changeId: change.changeId }) }
}

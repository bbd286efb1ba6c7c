import type { Cause } from '../../domain/order-view.ts'
import { findCulprits } from '../../messaging/find-culprits.ts'
import { fromMessage } from '../../messaging/records/envelope.ts'
import { classify } from '../../messaging/failure.ts'
import type { DeadLetters, KeptDeadLetter, WhichLetters } from '../../ports/dead-letters.ts'
import type { OrderStore, OrderToStore, StoreOutcome } from '../../ports/order-store.ts'
import type { Page } from '../../ports/order-views.ts'
import { deadAmong, noneIsDead } from './dead-among.ts'

/** What a redrive of a dead letter would do with today's code. */
export interface RedrivePreview {
  readonly id: string
  readonly orderId: string | null
  readonly outcome: 'would-be-stored' | 'still-fails' | 'already-stored' | 'unknown'
  /** Why it still fails, or why the outcome is unknown. */
  readonly cause?: Cause
}

/**
 * Processes each dead letter as a redrive would, in a transaction that is rolled back, a page at a time. The outcome is
 * `unknown` if the store is away or busy. Rejects as creating the task would: with `dead-letter-not-found` if no letter
 * has one of the ids, with `conflict` if no letter is dead.
 */
export type PreviewRedrive = (
  which: WhichLetters,
  page: { limit: number; cursor?: string },
) => Promise<Page<RedrivePreview>>

export function createPreviewRedrive(dependencies: {
  store: Pick<OrderStore, 'previewBatch'>
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
    const readable: { letter: KeptDeadLetter; order: OrderToStore }[] = []
    for (const letter of letters) {
      try {
        readable.push({ letter, order: toOrder(letter) })
      } catch (error) {
        previews.set(letter.id, failing(letter, error))
      }
    }
    try {
      const culprits = await findCulprits(readable, async (some) => {
        const outcomes = await store.previewBatch(some.map(({ order }) => order))
        some.forEach(({ letter }, index) => previews.set(letter.id, toPreview(letter, outcomes[index])))
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

function toOrder(letter: KeptDeadLetter): OrderToStore {
  const { key, value, headers, recordTimestamp, origin } = letter
  const order = fromMessage({ ...origin, key, value, headers, timestamp: recordTimestamp }, origin)
  return { ...order, redriveOf: letter.id, supersedes: null }
}

function toPreview({ id, orderId }: KeptDeadLetter, outcome: StoreOutcome | undefined): RedrivePreview {
  if (outcome?.kind === 'rejected') {
    return { id, orderId, outcome: 'still-fails', cause: { code: outcome.code, detail: outcome.detail } }
  }
  if (outcome?.kind === 'withheld') {
    return { id, orderId, outcome: 'still-fails', cause: { code: 'conflict', detail: 'Its order was discarded.' } }
  }
  return { id, orderId, outcome: outcome?.kind === 'stored' ? 'would-be-stored' : 'already-stored' }
}

function failing({ id, orderId }: KeptDeadLetter, error: unknown): RedrivePreview {
  const { class: kind, cause } = classify(error)
  const isOfNow = kind === 'outage' || kind === 'transient'
  return { id, orderId, outcome: isOfNow ? 'unknown' : 'still-fails', cause }
}

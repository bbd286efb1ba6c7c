import type { Cause } from '../domain/order-view.ts'
import { findCulprits } from '../messaging/attempt.ts'
import { fromMessage } from '../messaging/envelope.ts'
import { classify } from '../messaging/failure.ts'
import type { DeadLetters, KeptDeadLetter } from '../ports/dead-letters.ts'
import type { NewRedrive } from '../ports/redrives.ts'
import type { OrderStore, OrderToStore, StoreOutcome } from '../ports/order-store.ts'

/** What today's code makes of a dead letter. */
export interface RedrivePreview {
  readonly id: string
  readonly orderId: string | null
  readonly outcome: 'would-be-stored' | 'still-fails' | 'already-stored' | 'unknown'
  /** Why it still fails, or why nobody knows. */
  readonly cause?: Cause
}

/**
 * Does to each letter what a redrive would make the processor do, in a transaction that is rolled back. `unknown` is for
 * what could not be tried, because the store is away.
 */
export function createPreviewRedrive(dependencies: {
  store: Pick<OrderStore, 'previewBatch'>
  deadLetters: Pick<DeadLetters, 'get' | 'list'>
}): (which: NewRedrive['letters'], limit: number) => Promise<RedrivePreview[]> {
  const { store, deadLetters } = dependencies

  return async function previewRedrive(which, limit) {
    const ids =
      'ids' in which
        ? which.ids
        : (await deadLetters.list({ ...which, state: 'dead', limit })).items.map(({ id }) => id)
    const found = await Promise.all(ids.slice(0, limit).map((id) => deadLetters.get(id)))
    return preview(found.filter((letter) => letter !== undefined))
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
      const { cause } = classify(error)
      for (const { letter } of readable) {
        if (!previews.has(letter.id)) previews.set(letter.id, { ...idsOf(letter), outcome: 'unknown', cause })
      }
    }
    return letters.flatMap(({ id }) => previews.get(id) ?? [])
  }
}

function toOrder(letter: KeptDeadLetter): OrderToStore {
  const { key, value, headers, recordTimestamp, origin } = letter
  const order = fromMessage({ ...origin, key, value, headers, timestamp: recordTimestamp }, origin)
  return { ...order, redriveOf: letter.id }
}

function toPreview(letter: KeptDeadLetter, outcome: StoreOutcome | undefined): RedrivePreview {
  if (outcome?.kind === 'rejected') {
    return { ...idsOf(letter), outcome: 'still-fails', cause: { code: outcome.code, detail: outcome.detail } }
  }
  return { ...idsOf(letter), outcome: outcome?.kind === 'stored' ? 'would-be-stored' : 'already-stored' }
}

function failing(letter: KeptDeadLetter, error: unknown): RedrivePreview {
  return { ...idsOf(letter), outcome: 'still-fails', cause: classify(error).cause }
}

function idsOf({ id, orderId }: KeptDeadLetter): Pick<RedrivePreview, 'id' | 'orderId'> {
  return { id, orderId }
}

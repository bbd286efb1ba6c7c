import type { Cause } from '../../domain/order-view.ts'
import { findCulprits, type Culprit } from '../../messaging/find-culprits.ts'
import { isChange, readEvent } from '../../messaging/records/envelope.ts'
import { classify, type Failure } from '../../messaging/failure.ts'
import type { DeadLetters, KeptDeadLetter, WhichLetters } from '../../ports/dead-letters.ts'
import type {
  ChangeOutcome,
  ChangePreview,
  ChangeToStore,
  FollowerPreview,
  OrderStore,
  OrderToStore,
  StoreOutcome,
} from '../../ports/order-store.ts'
import type { Page } from '../../ports/order-views.ts'
import { toBatch } from '../processing/events-of-batch.ts'
import { deadAmong, noneIsDead } from './dead-among.ts'

/** At most this many letters of one order are listed in addition to those on the page. */
const MAX_COMPANIONS = 1000
const LISTED_AT_ONCE = 100

/** The effect that a redrive of a dead letter would have with the current code. */
export interface RedrivePreview {
  readonly id: string
  readonly orderId: string | null
  /** The change to that order, if the letter contains one. */
  readonly changeId?: string
  /** The last three apply to changes: applied, rejected, or waiting for an earlier event of the order. */
  readonly outcome:
    | 'would-be-stored'
    | 'still-fails'
    | 'already-stored'
    | 'unknown'
    | 'would-be-applied'
    | 'would-be-rejected'
    | 'would-wait'
  /** Why the letter still fails, why the change would be rejected, or why the outcome is unknown. */
  readonly cause?: Cause
  /** The changes that wait in the store and would be decided with the letter; absent when there are none. */
  readonly followers?: readonly RedriveFollower[]
}

export interface RedriveFollower {
  readonly changeId: string
  readonly outcome: 'would-be-applied' | 'would-be-rejected'
  /** Why the change would be rejected. */
  readonly cause?: Cause
}

/**
 * Processes dead letters as a redrive of the whole selection would, one page at a time, in transactions that are rolled
 * back. The letters that belong to one order are processed together, in log order, even if they are on different pages.
 * The outcome is `unknown` if the store is unavailable or busy. Rejects for the same reasons as the creation of a
 * redrive task: with `dead-letter-not-found` if one of the ids is unknown, and with `conflict` if no letter is dead.
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
    for await (const letters of deadAmong(deadLetters, ids))
      items.push(...(await preview(letters, await companionsOf(letters, which))))
    if (items.length === 0 && page.cursor === undefined) throw noneIsDead()
    return { items, nextCursor }
  }

  async function idsOf(which: WhichLetters, page: { limit: number; cursor?: string }): Promise<Page<string>> {
    if ('ids' in which) return { items: which.ids, nextCursor: null }
    const { items, nextCursor } = await deadLetters.list({ ...which, ...page, state: 'dead' })
    return { items: items.map(({ id }) => id), nextCursor }
  }

  /** For each order with a change among `letters`, returns the order's other selected letters. */
  async function companionsOf(letters: readonly KeptDeadLetter[], which: WhichLetters): Promise<KeptDeadLetter[]> {
    const known = new Set(letters.map(({ id }) => id))
    const ids: string[] = []
    const changed = letters.flatMap(({ orderId, change }) =>
      orderId === null || change === undefined ? [] : [orderId],
    )
    for (const orderId of new Set(changed)) {
      for await (const id of selectedOf(orderId, which)) if (!known.has(id)) ids.push(id)
    }
    const companions: KeptDeadLetter[] = []
    for await (const some of deadAmong(deadLetters, ids)) companions.push(...some)
    return companions
  }

  /** The ids of the order's selected letters. */
  async function* selectedOf(orderId: string, which: WhichLetters): AsyncGenerator<string> {
    const filter = 'ids' in which ? {} : which
    const isSelected = (id: string) => !('ids' in which) || which.ids.includes(id)
    let cursor: string | null | undefined
    for (let listed = 0; cursor !== null && listed < MAX_COMPANIONS; listed += LISTED_AT_ONCE) {
      const from = cursor === undefined ? {} : { cursor }
      const page = await deadLetters.list({ ...filter, ...from, orderId, state: 'dead', limit: LISTED_AT_ONCE })
      for (const { id } of page.items) if (isSelected(id)) yield id
      cursor = page.nextCursor
    }
  }

  async function preview(
    letters: readonly KeptDeadLetter[],
    companions: readonly KeptDeadLetter[],
  ): Promise<RedrivePreview[]> {
    const previews = new Map<string, RedrivePreview>()
    const readable: Readable[] = []
    for (const letter of [...letters, ...companions]) {
      try {
        readable.push({ letter, event: toEvent(letter) })
      } catch (error) {
        previews.set(letter.id, failing(letter, error))
      }
    }
    const tryOut = async (some: readonly Readable[]) => {
      for (const { letter, ...rest } of await outcomesOf(some)) previews.set(letter.id, toPreview(letter, rest))
    }
    const groups = [...Map.groupBy(readable, ({ event }) => event.orderId).values()].map((group) =>
      group.toSorted(bySequence),
    )
    try {
      for (const { item: group, failure } of await findCulprits(groups, (some) => tryOut(some.flat()))) {
        const culprit = await firstCulprit(group, failure)
        previews.set(culprit.item.letter.id, failing(culprit.item.letter, culprit.failure.error))
        for (const { letter } of group.slice(group.indexOf(culprit.item) + 1)) {
          previews.set(letter.id, toPreview(letter, { outcome: { kind: 'waiting' } }))
        }
      }
    } catch (error) {
      // An outage is not a letter's fault. Outcomes found before the outage remain valid.
      for (const { letter } of readable) {
        if (!previews.has(letter.id)) previews.set(letter.id, failing(letter, error))
      }
    }
    return letters.flatMap(({ id }) => previews.get(id) ?? [])

    /**
     * Processes one order's letters in sequence and returns the first letter that fails, or the last letter if all
     * those before it succeed.
     */
    async function firstCulprit(group: readonly Readable[], failure: Failure): Promise<Culprit<Readable>> {
      for (let count = 1; count < group.length; count += 1) {
        const before = group.slice(0, count)
        const [culprit] = await findCulprits([before], (some) => tryOut(some.flat()))
        const item = before.at(-1)
        if (culprit !== undefined && item !== undefined) return { item, failure: culprit.failure }
      }
      return { item: group.at(-1) as Readable, failure }
    }
  }

  /**
   * The outcome of each event, in sequence. The entry for an order's last event also lists the changes that would be
   * decided with it.
   */
  async function outcomesOf(some: readonly Readable[]): Promise<(Previewed & { readonly letter: KeptDeadLetter })[]> {
    const { outcomes, changes, followers } = await store.previewBatch(toBatch(some.map(({ event }) => event)))
    const [ofOrders, ofChanges] = [outcomes.values(), changes.values()]
    const last = new Map(some.map(({ letter, event }) => [event.orderId, letter]))
    const ofLetter = Map.groupBy(followers, ({ orderId }) => last.get(orderId))
    return some.map(({ letter, event }) => ({
      letter,
      outcome: (isChange(event) ? ofChanges : ofOrders).next().value,
      followers: (ofLetter.get(letter) ?? []).map(toFollower),
    }))
  }
}

interface Readable {
  readonly letter: KeptDeadLetter
  readonly event: OrderToStore | ChangeToStore
}

interface Previewed {
  readonly outcome: StoreOutcome | ChangePreview | undefined
  readonly followers?: readonly RedriveFollower[]
}

/** The order comes first, because it may be in a different partition from its changes if partitions were added. */
function bySequence({ event: one }: Readable, { event: other }: Readable): number {
  const byKind = Number(isChange(one)) - Number(isChange(other))
  return byKind || one.origin.partition - other.origin.partition || one.origin.offset - other.origin.offset
}

function toFollower({ changeId, kind, cause }: FollowerPreview): RedriveFollower {
  return { changeId, outcome: OUTCOMES[kind], ...(cause !== undefined && { cause }) }
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

function toPreview(letter: KeptDeadLetter, { outcome, followers = [] }: Previewed): RedrivePreview {
  const subject = { ...subjectOf(letter), ...(followers.length > 0 && { followers }) }
  if (outcome?.kind === 'rejected') {
    return { ...subject, outcome: 'still-fails', cause: { code: outcome.code, detail: outcome.detail } }
  }
  if (outcome?.kind === 'withheld') {
    const cause = { code: 'conflict', detail: 'Its order was discarded.' }
    return { ...subject, outcome: 'still-fails', cause }
  }
  const cause = outcome !== undefined && 'cause' in outcome ? outcome.cause : undefined
  return { ...subject, outcome: OUTCOMES[outcome?.kind ?? 'duplicate'], ...(cause !== undefined && { cause }) }
}

function failing(letter: KeptDeadLetter, error: unknown): RedrivePreview {
  const { class: kind, cause } = classify(error)
  const isOfNow = kind === 'outage' || kind === 'transient'
  return { ...subjectOf(letter), outcome: isOfNow ? 'unknown' : 'still-fails', cause }
}

function subjectOf({ id, orderId, change }: KeptDeadLetter): Pick<RedrivePreview, 'id' | 'orderId' | 'changeId'> {
  return { id, orderId, ...(change !== undefined && { changeId: change.changeId }) }
}

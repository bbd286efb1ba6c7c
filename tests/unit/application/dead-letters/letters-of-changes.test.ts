import { describe, expect, it } from 'vitest'
import { changeNotEditable } from '../../../../shared/adapters/stores/letters.ts'
import { createPreviewRedrive } from '../../../../shared/application/dead-letters/preview-redrive.ts'
import { createRedrive } from '../../../../shared/application/dead-letters/redrive.ts'
import type { ChangeEvent } from '../../../../shared/domain/order-events.ts'
import { createRedriveProofs } from '../../../../shared/messaging/parking/redrive-proof.ts'
import { toRedriven } from '../../../../shared/messaging/parking/redriven-record.ts'
import { readEvent } from '../../../../shared/messaging/records/envelope.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'
import type { KeptDeadLetter } from '../../../../shared/ports/dead-letters.ts'
import type { ChangeOutcome, ChangeToStore } from '../../../../shared/ports/order-store.ts'
import type { Redrives } from '../../../../shared/ports/redrives.ts'
import { actAt } from '../../../contract/store-fixtures.ts'
import { createRecordingLog } from '../../../support/fakes.ts'
import { changeEvent, changeMessageOf, delivered, newOrder, orderCommand } from '../../../support/orders/orders.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

const CAUSE = { code: 'internal', detail: 'A fault.' }

function letterOf(event: ChangeEvent, offset: number, more: Partial<KeptDeadLetter> = {}): KeptDeadLetter {
  const { key, value, headers, timestamp } = delivered(changeMessageOf(event), { offset })
  return {
    id: `orders:0:${offset}`,
    origin: { topic: 'orders', partition: 0, offset },
    orderId: event.orderId,
    change: { changeId: event.changeId, kind: event.change.kind },
    key,
    value,
    headers,
    firstCause: CAUSE,
    lastCause: CAUSE,
    attempts: 4,
    firstFailedAt: event.acceptedAt,
    lastFailedAt: event.acceptedAt,
    fingerprint: 'f',
    stack: null,
    consumerGroup: 'group',
    redriveOf: null,
    recordTimestamp: timestamp,
    foreign: null,
    state: 'dead',
    keptAt: event.acceptedAt,
    editedValue: null,
    ...more,
  }
}

const { orderId } = newOrder()
const EVENT = changeEvent(orderId)

describe('a letter of a change', () => {
  it('is redriven as it was, marked as a redrive, and is the same change', () => {
    const letter = letterOf(EVENT, 3)
    const place = { topic: 'orders', partition: 0, offset: 9 }
    expect(readEvent(delivered(toRedriven(letter), place), place)).toMatchObject({
      changeId: EVENT.changeId,
      orderId,
      change: EVENT.change,
      redriveOf: letter.id,
    })
  })

  it('cannot be edited: nothing is sent, and the refusal of the store says what to do instead', async () => {
    const log = createRecordingLog()
    const redrive = createRedrive({
      log,
      deadLetters: { get: async () => letterOf(EVENT, 3) },
      redrives: {
        recordEdit: async () => {
          throw changeNotEditable()
        },
      } as Partial<Redrives> as Redrives,
      topics: createTopics('orders', 'group', [10_000]),
      proofs: createRedriveProofs(['a secret for tests only']),
      clock: createVirtualClock(),
      signal: new AbortController().signal,
      onError: () => undefined,
      onBack: () => undefined,
    })
    await expect(redrive.edit('orders:0:3', orderCommand(), actAt(0))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('send another change') as string,
    })
    expect(log.published).toEqual([])
  })
})

describe('the preview of a redrive of changes', () => {
  const previewOf = (letters: readonly KeptDeadLetter[], outcomeOf: (change: ChangeToStore) => ChangeOutcome) => {
    const preview = createPreviewRedrive({
      store: {
        previewBatch: async ({ changes = [] }) => ({
          outcomes: [],
          changes: changes.map(outcomeOf),
          followers: [],
        }),
      },
      deadLetters: {
        get: async (id) => letters.find((letter) => letter.id === id),
        list: async () => ({ items: letters, nextCursor: null }),
      },
    })
    return preview({ ids: letters.map(({ id }) => id) }, { limit: 100 })
  }

  it.each<[ChangeOutcome, string, string | undefined]>([
    [{ kind: 'applied' }, 'would-be-applied', undefined],
    [{ kind: 'refused' }, 'would-be-rejected', undefined],
    [{ kind: 'waiting' }, 'would-wait', undefined],
    [{ kind: 'duplicate' }, 'already-stored', undefined],
    [{ kind: 'withheld' }, 'still-fails', 'conflict'],
    [{ kind: 'rejected', code: 'order-id-reused', detail: 'It is.' }, 'still-fails', 'order-id-reused'],
  ])('says what an outcome of %j means', async (kind, outcome, code) => {
    const { items } = await previewOf([letterOf(EVENT, 3)], () => kind)
    const cause = code === undefined ? {} : { cause: expect.objectContaining({ code }) as object }
    expect(items).toEqual([{ id: 'orders:0:3', orderId, changeId: EVENT.changeId, outcome, ...cause }])
  })

  it('says that one that cannot be read still fails, and what becomes of the others', async () => {
    const letters = [letterOf(EVENT, 3, { value: Buffer.from('{') }), letterOf(changeEvent(orderId), 4)]
    const { items } = await previewOf(letters, () => ({ kind: 'applied' }))
    expect(items.map(({ outcome }) => outcome)).toEqual(['still-fails', 'would-be-applied'])
  })

  it('tells the one that fails from the others', async () => {
    const letters = Array.from({ length: 5 }, (_, offset) => letterOf(changeEvent(orderId), offset))
    const { items } = await previewOf(letters, ({ origin }) => {
      if (origin.offset === 2) throw new TypeError('a fault of ours')
      return { kind: 'applied' }
    })
    expect(items.map(({ outcome }) => outcome === 'still-fails')).toEqual([false, false, true, false, false])
  })
})

import { expect, it } from 'vitest'
import type { LedgerExamination } from '../../../../shared/application/ledger/examine-ledger.ts'
import { createDiscardChange } from '../../../../shared/application/orders/discard-change.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { createPipelineEmitter } from '../../../../shared/messaging/pipeline-events.ts'
import type { UndecidableChange } from '../../../../shared/ports/order-store.ts'
import type { ChangeView } from '../../../../shared/domain/changes/change-view.ts'
import { actAt } from '../../../contract/store-fixtures.ts'
import { testOrderIds } from '../../../support/orders/orders.ts'

const ACCEPTED_AT = '2026-01-01T00:00:00.000Z'
const orderId = testOrderIds.next(Date.parse(ACCEPTED_AT))
const changeId = testOrderIds.nextChange(orderId, Date.parse(ACCEPTED_AT))
const WITHOUT_ORDER: ChangeView = {
  orderId,
  changeId,
  status: 'waiting',
  acceptedAt: ACCEPTED_AT,
  behind: { kind: 'order', orderId, status: 'accepted' },
}
const ACT = actAt(0, { at: '2026-01-01T01:00:00.000Z' })

interface Given {
  readonly end?: number
  readonly at?: string
  readonly behindTransaction?: number
  readonly isUnreadable?: boolean
  readonly undecided?: readonly UndecidableChange[]
  readonly actsAt?: string
}

/** A ledger at offset 5 of a partition that ends at `end`. The timestamp of the record at that offset is `at`. */
function given(view: ChangeView | undefined, ledger: Partial<LedgerExamination> & Given = {}) {
  const {
    end = 5,
    at = ACCEPTED_AT,
    behindTransaction = 0,
    isUnreadable = false,
    undecided = [],
    actsAt = ACT.at,
    ...examination
  } = ledger
  const discarded: string[] = []
  const reported: unknown[] = []
  const events = createPipelineEmitter()
  events.on('attempt:failed', ({ error }) => reported.push(error))
  const discardChange = createDiscardChange({
    views: { getChanges: async () => new Map(view === undefined ? [] : [[changeId, view]]) },
    redrives: {
      discardChange: async (id) => {
        discarded.push(id)
        return undecided
      },
    },
    log: {
      read: async (topic, partition, offset) => {
        if (isUnreadable)
          throw new OrderError('log-unreadable', 'It is unreadable.', { unreadable: { from: offset, to: offset + 1 } })
        return [{ topic, partition, offset, timestamp: Date.parse(at), key: null, value: null, headers: [] }]
      },
    },
    examineLedger: async () => ({
      lines: [{ row: { partition: 0, next: 5 }, end, behindTransaction }] as unknown as LedgerExamination['lines'],
      gaps: [],
      damaged: [],
      brokenBy: null,
      unsettled: [],
      snapshot: {} as LedgerExamination['snapshot'],
      ...examination,
    }),
    topic: 'orders',
    events,
  })
  return { discarded, reported, discard: () => discardChange(changeId, { ...ACT, at: actsAt }) }
}

it('discards a change whose order is in no record that is older than the change', async () => {
  const { discarded, discard } = given(WITHOUT_ORDER)
  expect(await discard()).toBe(WITHOUT_ORDER)
  expect(discarded).toEqual([changeId])
})

it('allows new records to arrive meanwhile', async () => {
  const { discarded, discard } = given(WITHOUT_ORDER, { end: 9, at: '2026-01-01T00:30:00.000Z' })
  await discard()
  expect(discarded).toEqual([changeId])
})

it.each<[string, Parameters<typeof given>[1]]>([
  ['a record from before the change is not processed', { end: 9 }],
  ['a record from about that time is not processed', { end: 9, at: '2026-01-01T00:00:59.000Z' }],
  ['a record was passed over', { gaps: [{} as LedgerExamination['gaps'][number]] }],
  ['a record was passed over that cannot be read', { damaged: [{} as LedgerExamination['damaged'][number]] }],
  ['a record that is not processed cannot be read', { end: 9, at: '2026-01-01T00:30:00.000Z', isUnreadable: true }],
  ['its order may not be in the log yet', { actsAt: '2026-01-01T00:00:59.000Z' }],
  ['records wait for an open transaction', { behindTransaction: 1 }],
  ['the log is not the one that was counted', { brokenBy: 'truncated' }],
])('refuses while %s', async (_, ledger) => {
  const { discarded, discard } = given(WITHOUT_ORDER, ledger)
  await expect(discard()).rejects.toMatchObject({ code: 'conflict' })
  expect(discarded).toEqual([])
})

it('asks only the store about a change whose order is stored', async () => {
  const { behind: _, ...view } = WITHOUT_ORDER
  const { discarded, discard } = given(view, { end: 9 })
  await discard()
  expect(discarded).toEqual([changeId])
})

it('reports the bug if the next change cannot be decided, and the change stays discarded', async () => {
  const error = new TypeError('a fault of ours')
  const next = { changeId: 'next', origin: { topic: 'orders', partition: 0, offset: 3 }, error }
  const { discarded, reported, discard } = given(WITHOUT_ORDER, { undecided: [next] })
  await discard()
  expect(discarded).toEqual([changeId])
  expect(reported).toEqual([error])
})

it('does not know a change that the store does not have', async () => {
  await expect(given(undefined).discard()).rejects.toMatchObject({ code: 'change-not-found' })
})

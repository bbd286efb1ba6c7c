import { describe, expect, it } from 'vitest'
import { createRepairLedger } from '../../shared/application/repair-ledger.ts'
import type { LogRecord } from '../../shared/ports/event-log.ts'
import { delivered, messageOf } from '../support/orders.ts'

const RECORDS = 2600

/** A ledger that counted nothing of what the group committed; each batch takes so long to store. */
function given({ batchMs = 0, inLog = () => true as boolean }) {
  let now = 0
  let next = 0
  const stored: number[] = []
  const repair = createRepairLedger({
    topic: 'orders',
    groupId: 'group',
    now: () => new Date(now),
    ledger: {
      read: async () => ({
        partitions: [
          {
            topic: 'orders',
            partition: 0,
            first: 0,
            next,
            stored: next,
            duplicate: 0,
            parked: 0,
            gaps: 0,
            absent: 0,
            lost: 0,
            redriven: 0,
          },
        ],
        gaps: [],
        lost: [],
        parked: { retrying: 0, stored: 0, duplicate: 0, dead: 0, discarded: 0, redriven: 0 },
      }),
    },
    log: {
      committed: async () => new Map([[0, RECORDS]]),
      offsets: async () => [{ partition: 0, first: 0, end: RECORDS }],
      read: async (_topic, _partition, from, limit): Promise<LogRecord[]> =>
        Array.from({ length: Math.min(limit, RECORDS - from) }, (_, at) => from + at)
          .filter(inLog)
          .map((offset) => delivered(messageOf(), { offset })),
    },
    async storeOrders(records) {
      now += batchMs
      stored.push(...records.map(({ offset }) => offset))
      next = (records.at(-1)?.offset ?? 0) + 1
    },
  })
  return { repair, stored }
}

describe('a repair of the ledger', () => {
  it('processes whatever was passed over', async () => {
    const { repair, stored } = given({})
    expect(await repair()).toEqual({ processed: RECORDS, more: false })
    expect(stored).toEqual(Array.from({ length: RECORDS }, (_, offset) => offset))
  })

  it('answers in time when that takes long, and the next one goes on from there', async () => {
    const { repair, stored } = given({ batchMs: 15_000 })
    expect(await repair()).toEqual({ processed: 1000, more: true })
    let more = true
    while (more) ({ more } = await repair())
    expect(stored).toEqual(Array.from({ length: RECORDS }, (_, offset) => offset))
  })

  it('ends where the log has nothing', async () => {
    const { repair } = given({ inLog: () => false })
    expect(await repair()).toEqual({ processed: 0, more: false })
  })
})

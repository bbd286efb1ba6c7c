import { describe, expect, it } from 'vitest'
import { createWaitUntilSettled } from '../../../../shared/application/orders/wait-until-settled.ts'
import { isFinal, type OrderView } from '../../../../shared/domain/order-view.ts'
import { storeIsAway } from '../../../support/fakes.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

function waiting(answer: (orderId: string, asked: number) => OrderView | undefined) {
  const asked: string[][] = []
  const stopping = new AbortController()
  const waitForOrder = createWaitUntilSettled({
    getMany: async (ids) => {
      asked.push([...ids])
      return new Map(ids.flatMap((id) => answer(id, asked.length) ?? []).map((view) => [view.orderId, view]))
    },
    isSettled: isFinal,
    clock: createVirtualClock(),
    signal: stopping.signal,
  })
  return { asked, stopping, waitForOrder }
}

const view = (orderId: string, status: OrderView['status']): OrderView => ({ orderId, status })

describe('waiting for an order', () => {
  it('ends as soon as it is stored', async () => {
    const { asked, waitForOrder } = waiting((id, polls) => (polls >= 3 ? view(id, 'stored') : undefined))
    expect(await waitForOrder('a', 30_000)).toEqual(view('a', 'stored'))
    expect(asked).toHaveLength(3)
  })

  it('continues while it is retried, and ends when it is dead-lettered', async () => {
    const { waitForOrder } = waiting((id, polls) => view(id, polls >= 5 ? 'dead-lettered' : 'retrying'))
    expect(await waitForOrder('a', 30_000)).toEqual(view('a', 'dead-lettered'))
  })

  it('returns the present status when the time is up', async () => {
    expect(await waiting(() => undefined).waitForOrder('a', 1000)).toBeUndefined()
    expect(await waiting((id) => view(id, 'retrying')).waitForOrder('a', 1000)).toEqual(view('a', 'retrying'))
  })

  it('asks the store once for all waiting callers', async () => {
    const { asked, waitForOrder } = waiting((id, polls) => (polls >= 2 ? view(id, 'stored') : undefined))
    await Promise.all(['a', 'b', 'a', 'c'].map((id) => waitForOrder(id, 30_000)))
    expect(asked.at(-1)?.toSorted()).toEqual(['a', 'b', 'c'])
    expect(asked.length).toBeLessThanOrEqual(3)
  })

  it('stops asking once nobody waits, and begins again for the next', async () => {
    const { asked, waitForOrder } = waiting((id) => view(id, 'stored'))
    await waitForOrder('a', 1000)
    const polls = asked.length
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(asked).toHaveLength(polls)
    expect(await waitForOrder('b', 1000)).toEqual(view('b', 'stored'))
  })

  it('fails when the store cannot be asked', async () => {
    const { waitForOrder } = waiting(() => {
      throw storeIsAway()
    })
    await expect(waitForOrder('a', 1000)).rejects.toMatchObject({ code: 'store-unavailable' })
  })

  it('ends at once when the process stops', async () => {
    const { stopping, waitForOrder } = waiting((_, polls) => {
      if (polls === 2) stopping.abort()
      return undefined
    })
    expect(await waitForOrder('a', 30_000)).toBeUndefined()
  })
})

import { describe, expect, it } from 'vitest'
import { createRequests } from '../../../loadtest/requests.ts'
import { Tally } from '../../../loadtest/sending/tally.ts'
import { amendmentSchema, cancellationSchema } from '../../../shared/domain/changes/order-changes.ts'

const receipt = (orderId: string, changeId?: string) => JSON.stringify({ orderId, changeId, status: 'accepted' })
const TIMED = { atMs: 0, tookMs: 1, waitedMs: 0 }

describe('the requests of a load test', () => {
  it('change only orders that were accepted before, and query a list until there is one', () => {
    const requests = createRequests(1)
    for (const kind of ['amend-order', 'cancel-order', 'get-order'] as const) {
      expect(requests.next(kind)).toMatchObject({ method: 'GET', path: '/api/orders?limit=1' })
    }
    requests.answered('place-order', 202, receipt('a'))
    const amend = requests.next('amend-order')
    expect(amend).toMatchObject({ method: 'PATCH', path: '/api/orders/a' })
    expect(amend.headers).toEqual({ 'content-type': 'application/merge-patch+json' })
    expect(amendmentSchema.safeParse(JSON.parse(amend.body ?? '')).success).toBe(true)
    const cancel = requests.next('cancel-order')
    expect(cancel).toMatchObject({ method: 'POST', path: '/api/orders/a/cancel' })
    expect(cancellationSchema.safeParse(JSON.parse(cancel.body ?? '')).success).toBe(true)
  })

  it('count accepted changes as well as orders, look both up at the end, and leave out refused ones', () => {
    const requests = createRequests(1)
    requests.answered('place-order', 202, receipt('a'))
    requests.answered('amend-order', 202, receipt('a', 'b'))
    requests.answered('cancel-order', 409, '{}')
    // This answers the list query that was sent in place of a change.
    requests.answered('amend-order', 200, '{"items":[]}')
    expect([requests.accepted, requests.changes]).toEqual([2, 1])
    expect(requests.sample.paths).toEqual(['/api/orders/a', '/api/orders/a/changes/b'])
  })
})

describe('a 409', () => {
  it.each(['amend-order', 'cancel-order'] as const)(
    'to %s is an expected answer, because orders get cancelled',
    (kind) => {
      const tally = new Tally(kind)
      for (const status of [202, 409, 503]) tally.answered(status, TIMED)
      expect([tally.succeeded, tally.refused]).toEqual([2, 1])
    },
  )

  it('to an order is a refusal, which is among the failures in words', () => {
    const tally = new Tally('place-order')
    for (const status of [202, 409, 401, 401]) tally.answered(status, TIMED)
    tally.timedOut(TIMED)
    tally.errors += 1
    expect(tally.failures).toBe('1 got 409, 2 got 401, 1 got no answer in time, 1 lost their connection')
  })

  it('to an order is a refusal', () => {
    const tally = new Tally('place-order')
    for (const status of [202, 409]) tally.answered(status, TIMED)
    expect([tally.succeeded, tally.refused]).toEqual([1, 1])
  })
})

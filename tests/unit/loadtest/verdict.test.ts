import { describe, expect, it } from 'vitest'
import { summed } from '../../../loadtest/outcome/verdict.ts'
import type { LedgerChange } from '../../../loadtest/outcome/result.ts'

const claim = { sent: 100, accepted: 100, changes: 0, paths: ['a', 'b', 'c'] }
const ledger: LedgerChange = {
  balanced: true,
  summary: 'Balanced.',
  accepted: 100,
  stored: 100,
  duplicate: 0,
  dead: 0,
  retrying: 0,
  gaps: 0,
  toCome: 0,
}

describe('the verdict', () => {
  it('is that nothing is lost when the log has every acknowledged order, and all of it is stored', () => {
    expect(summed(claim, ledger, 0, 0)).toMatchObject({ lost: 0, pending: 0, missing: 0 })
  })

  it('counts orders that were acknowledged and never reached the log', () => {
    expect(summed(claim, { ...ledger, accepted: 98, stored: 98 }, 0, 0)).toMatchObject({
      lost: 2,
      summary: '2 of 100 accepted orders are lost.',
    })
  })

  it('counts changes as well as orders, and says how many there were', () => {
    const { summary, lost } = summed({ ...claim, changes: 40 }, ledger, 0, 0)
    expect([lost, summary]).toEqual([
      0,
      expect.stringContaining('100 accepted (40 of them changes to orders), 100 stored'),
    ])
    expect(summed({ ...claim, changes: 40 }, { ...ledger, accepted: 99 }, 0, 0).summary).toBe(
      '1 of 100 accepted orders and changes are lost.',
    )
  })

  it('counts skipped records', () => {
    expect(summed(claim, { ...ledger, stored: 99, gaps: 1 }, 0, 0).lost).toBe(1)
  })

  it('trusts a lookup of an order more than a ledger that says all is done', () => {
    expect(summed(claim, ledger, 0, 1)).toMatchObject({ lost: 1, missing: 1 })
  })

  it('does not report orders in flight as lost', () => {
    expect(summed(claim, { ...ledger, stored: 90, toCome: 8, retrying: 2 }, 0, 3)).toMatchObject({
      lost: 0,
      pending: 10,
    })
  })

  it('without a ledger reports as lost only orders that the product does not know', () => {
    expect(summed(claim, null, 1, 2)).toMatchObject({ lost: 1, pending: 1, ledger: null })
  })

  it('reports that the log has orders whose answers were not received', () => {
    expect(summed(claim, { ...ledger, accepted: 103, stored: 103 }, 0, 0).summary).toContain('the log has 3 more')
  })
})

import { expect, it } from 'vitest'
import { createRedriveProofs } from '../../../shared/messaging/parking/redrive-proof.ts'
import type { LogRecord } from '../../../shared/ports/event-log.ts'
import { delivered, messageOf } from '../../support/orders/orders.ts'

const proofs = createRedriveProofs(['a secret for tests only'])
const marked = { ...messageOf(), headers: [['oep-redrive-of', 'orders:0:5'] as const] }
const proven = delivered(proofs.prove(marked), { offset: 9 })

function changed(changes: Partial<LogRecord>): LogRecord {
  return { ...proven, ...changes }
}

it('is valid for the record that it was made for, at any position and with added headers', () => {
  expect(proofs.holds(proven)).toBe(true)
  expect(proofs.holds(changed({ offset: 10, headers: [...proven.headers, ['traceparent', Buffer.from('')]] }))).toBe(
    true,
  )
})

it('is valid when the secret that signed it is no longer the first', () => {
  const [older, newer] = [createRedriveProofs(['older']), createRedriveProofs(['newer', 'older'])]
  expect(newer.holds(delivered(older.prove(marked), { offset: 9 }))).toBe(true)
  expect(older.holds(delivered(newer.prove(marked), { offset: 9 }))).toBe(false)
})

it.each([
  ['key', { key: Buffer.from('other') }],
  ['value', { value: null }],
  ['letter', { headers: [...proven.headers, ['oep-redrive-of', Buffer.from('orders:0:6')]] }],
  ['kind', { headers: [...proven.headers, ['oep-supersedes', Buffer.from('orders:0:5')]] }],
] as const)('is not valid for another %s', (_, changes) => {
  expect(proofs.holds(changed(changes))).toBe(false)
})

it('is not valid for a record without one, nor when malformed', () => {
  expect(proofs.holds(delivered(marked, { offset: 9 }))).toBe(false)
  expect(proofs.holds(changed({ headers: [...proven.headers, ['oep-redrive-proof', Buffer.from('zz')]] }))).toBe(false)
})

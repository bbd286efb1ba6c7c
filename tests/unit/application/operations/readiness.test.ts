import { expect, it } from 'vitest'
import { createReadiness, withUnreadable } from '../../../../shared/application/operations/readiness.ts'

it('reports unreadable batches from any source, and stays ready because orders are accepted', async () => {
  const found = { available: true, unreadable: ['Partition 1 is held.'] }
  const readinessOf = (more: readonly string[]) =>
    createReadiness({
      log: { health: async () => withUnreadable(found, more) },
      store: { health: async () => ({ available: true }) },
      placesOrders: true,
      answersQueries: true,
    })()
  expect(await readinessOf(['Partition 2 waits.'])).toMatchObject({
    ready: true,
    why: expect.stringContaining('Partition 1 is held. Partition 2 waits.'),
    checks: { log: { unreadable: ['Partition 1 is held.', 'Partition 2 waits.'] } },
  })
  expect((await readinessOf([])).checks.log).toMatchObject(found)
})

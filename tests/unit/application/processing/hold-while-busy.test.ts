import { expect, test } from 'vitest'
import { holdWhileBusy } from '../../../../shared/application/processing/hold-while-busy.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { createPipelineEmitter } from '../../../../shared/messaging/pipeline-events.ts'
import type { BatchPreview } from '../../../../shared/ports/order-store.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

test('a throttled store is not asked before the delay that it requests', async () => {
  const clock = createVirtualClock()
  const asked: number[] = []
  const throttled = new OrderError('store-busy', 'Too busy.', { retriable: true, retryAfterSeconds: 10 })
  const store = {
    async previewBatch(): Promise<BatchPreview> {
      asked.push(clock.now())
      if (asked.length < 4) throw throttled
      return Promise.resolve({ outcomes: [{ kind: 'stored' }], changes: [], followers: [] })
    },
  }
  const signal = new AbortController().signal
  const options = { clock, events: createPipelineEmitter(), signal, deadline: clock.now() + 300_000 }
  expect(await holdWhileBusy(store, options)).toBe(true)
  const waits = asked.slice(1).map((at, index) => at - asked[index]!)
  expect(waits).toHaveLength(3)
  for (const wait of waits) expect(wait).toBeGreaterThanOrEqual(10_000)
})

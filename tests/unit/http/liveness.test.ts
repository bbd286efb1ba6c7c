import { app, HttpRequest, InvocationContext, type HttpFunctionOptions } from '@azure/functions'
import { beforeAll, expect, test, vi } from 'vitest'
import type { Stall } from '../../../shared/application/processing/delivery-watch.ts'

let stall: Stall | undefined
vi.mock('../../../shared/services.ts', () => ({
  deliveryStall: () => stall,
  // Liveness must answer even if nothing behind it ever becomes available.
  services: () => new Promise(() => undefined),
  settings: () => ({ ordersAuth: 'anonymous' }),
}))

let liveness: HttpFunctionOptions['handler']
beforeAll(async () => {
  const register = vi.spyOn(app, 'http').mockImplementation((name, options) => {
    if (name === 'liveness') liveness = options.handler
  })
  await import('../../../functions/health.ts')
  register.mockRestore()
})

async function ask() {
  const request = new HttpRequest({ method: 'GET', url: 'http://localhost/api/health/live' })
  const answer = await liveness(request, new InvocationContext())
  return { status: answer?.status, body: JSON.parse(answer?.body as string) as unknown }
}

test('a process is live without asking any dependency', async () => {
  stall = undefined
  expect(await ask()).toEqual({ status: 200, body: { status: 'live' } })
})

test('a process to which waiting records are not delivered is not live, and names them', async () => {
  stall = { topic: 'orders', partition: 5, offset: 3, waitingMs: 600_000 }
  expect(await ask()).toEqual({ status: 503, body: { status: 'stalled', stall } })
})

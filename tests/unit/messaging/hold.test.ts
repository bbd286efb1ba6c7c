import { beforeEach, expect, it } from 'vitest'
import { OrderError } from '../../../shared/domain/errors.ts'
import { holdThroughOutage } from '../../../shared/messaging/hold.ts'
import { createPipelineEmitter } from '../../../shared/messaging/pipeline-events.ts'
import { logIsAway } from '../../support/fakes.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const MINUTE = 60_000

let clock: ReturnType<typeof createVirtualClock>
let stopping: AbortController
let told: string[]

beforeEach(() => {
  clock = createVirtualClock()
  stopping = new AbortController()
  told = []
})

/** Does work that fails with one error after another, and then succeeds. */
async function hold(...errors: (() => Error)[]): Promise<string> {
  const events = createPipelineEmitter()
  for (const name of ['outage:began', 'outage:ended', 'hold:ended'] as const) {
    events.on(name, ({ of }) => told.push(`${name} ${of}`))
  }
  const work = async () => {
    const error = errors.shift()
    if (error !== undefined) throw error()
    return 'done'
  }
  const options = { clock, events, of: 'log', signal: stopping.signal, deadline: clock.now() + MINUTE } as const
  return holdThroughOutage(work, options)
}

it('tells when an outage begins and ends', async () => {
  await expect(hold(logIsAway, logIsAway)).resolves.toBe('done')
  expect(told).toEqual(['outage:began log', 'outage:ended log'])
})

it('tells nothing without an outage', async () => {
  await expect(hold()).resolves.toBe('done')
  await expect(hold(() => new TypeError('a bug'))).rejects.toThrow('a bug')
  expect(told).toEqual([])
})

it.each([
  ['the outage outlasts it', () => undefined, Array.from({ length: 100 }, () => logIsAway)],
  ['the batch then fails for another reason', () => undefined, [logIsAway, () => new TypeError('a bug')]],
  ['the process stops', () => stopping.abort(new OrderError('shutting-down', 'Stopping.')), [logIsAway]],
])('tells that the hold ended when %s, so that nobody counts the batch as held', async (_, before, errors) => {
  before()
  await expect(hold(...errors)).rejects.toThrow()
  expect(told).toEqual(['outage:began log', 'hold:ended log'])
})

import { describe, expect, it } from 'vitest'
import type { Logger } from '../../../shared/telemetry/logs/logger.ts'
import { watchExports } from '../../../shared/telemetry/traces/application-insights.ts'

interface Answer {
  readonly status: number
  readonly bodyAsText?: string
}

/** Exports three spans for each of these answers. Returns the log lines. */
async function toldOf(answers: readonly Answer[]): Promise<unknown[][]> {
  const told: unknown[][] = []
  const logger = { warn: ({ event, ...more }: Record<string, unknown>) => void told.push([event, more]) }
  const policy = watchExports(logger as unknown as Logger) as unknown as {
    sendRequest(request: object, next: () => Promise<Answer>): Promise<Answer>
  }
  for (const answer of answers) {
    expect(await policy.sendRequest({ body: '[{},{},{}]' }, () => Promise.resolve(answer))).toBe(answer)
  }
  return told
}

function taken(itemsAccepted: number): Answer {
  const errors = [{ index: 0, statusCode: 400, message: 'Field is too long.' }]
  return { status: 206, bodyAsText: JSON.stringify({ itemsReceived: 3, itemsAccepted, errors }) }
}

describe('an export to Application Insights', () => {
  it('that is accepted in part is reported once, with the rejected number and the reason', async () => {
    const told = await toldOf([taken(1), { status: 200 }, taken(2)])
    expect(told).toEqual([['traces:rejected', { rejected: 2, err: new Error('Field is too long.') }]])
  })

  it('of which nothing is accepted is lost, whatever its status', async () => {
    const told = await toldOf([taken(0), { status: 206, bodyAsText: 'no JSON' }, { status: 503 }, { status: 200 }])
    expect(told).toEqual([
      ['traces:away', { err: new Error('Field is too long.') }],
      ['traces:back', { lost: 9 }],
    ])
  })

  it.each([307, 308])('that is answered %i is not accepted: it is sent again', async (status) => {
    expect(await toldOf([{ status: 503 }, { status }])).toEqual([['traces:away', expect.anything()]])
    expect(await toldOf([{ status }, { status: 200 }])).toEqual([])
  })
})

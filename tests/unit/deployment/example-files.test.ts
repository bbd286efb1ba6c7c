import { readdirSync, readFileSync } from 'node:fs'
import { HttpRequest } from '@azure/functions'
import { describe, expect, it } from 'vitest'
import { EXAMPLE_ORDER } from '../../../shared/api-docs/examples/examples.ts'
import { placeOrder } from '../../../shared/http/place-order.ts'
import { isOrderError } from '../../../shared/domain/errors.ts'

const FAULTS: Readonly<Record<string, string[]>> = {
  '501-items': ['/orderItems must have at most 500 items'],
  'amount-too-large': ['/totalPrice must be at most 9999999999.9999'],
  'control-character': ['/customerName must not contain control characters'],
  'missing-field': ['/customerEmail is required'],
  'no-items': ['/orderItems must have at least one item'],
  'too-many-decimals': ['/totalPrice must have at most 4 decimal places'],
  'unknown-currency': ['/currencyType must be one of 1 or "EUR", 2 or "USD", 3 or "GBP"'],
  'wrong-types': [
    '/customerId must be a whole number up to 9007199254740991',
    '/totalPrice must be a number',
    '/orderItems/0/quantity must be a whole number',
  ],
}

/** The answer to a request that has the file as its body, as `curl -d @file` sends it. Nothing is published. */
async function answerTo(file: string): Promise<{ status: number | undefined } | { code: string; faults: string[] }> {
  const request = new HttpRequest({
    url: 'http://localhost/api/orders',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: { bytes: readFileSync(file) },
  })
  try {
    const { status } = await placeOrder(request, {
      placeOrder: async () => ({
        orderId: '019a1c5e-7d40-7a3f-9c21-5b0de84f61aa',
        acceptedAt: '2026-01-31T12:00:00.000Z',
      }),
      waitForOrder: async () => undefined,
      views: { archivedAt: async () => undefined },
    })
    return { status }
  } catch (error) {
    if (!isOrderError(error)) throw error
    return { code: error.code, faults: error.violations.map(({ pointer, detail }) => `${pointer} ${detail}`) }
  }
}

const badFiles = readdirSync('examples').filter((file) => file.startsWith('bad-'))

describe('the example files', () => {
  it.each(['order.json', 'examples/order.json', 'examples/original-order.json', 'examples/large-order.json'])(
    '%s is accepted',
    async (file) => {
      expect(await answerTo(file)).toEqual({ status: 202 })
    },
  )

  it('are the same order in the documents, in the root and among the examples', () => {
    expect(JSON.parse(readFileSync('order.json', 'utf8'))).toEqual(EXAMPLE_ORDER)
    expect(readFileSync('examples/order.json', 'utf8')).toBe(readFileSync('order.json', 'utf8'))
  })

  it('include a bad-not-json.json that is refused for that fault', async () => {
    expect(await answerTo('examples/bad-not-json.json')).toEqual({ code: 'malformed-json', faults: [] })
  })

  it.each(Object.entries(FAULTS))('bad-%s.json is refused, with each fault and its place', async (name, faults) => {
    expect(await answerTo(`examples/bad-${name}.json`)).toEqual({ code: 'invalid-order', faults })
  })

  it('include every bad file', () => {
    expect(badFiles.sort()).toEqual([...Object.keys(FAULTS), 'not-json'].map((name) => `bad-${name}.json`).sort())
  })
})

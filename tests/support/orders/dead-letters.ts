import type { DeadLetterSummary } from '../../../shared/ports/dead-letters.ts'
import { pagesOf, type Product } from '../product/product.ts'

/** The record that the fault `poison` writes into the orders topic: no headers, not UTF-8, not JSON. */
export const POISON = Buffer.from('{"customerId": \xff', 'latin1')

/** Codes of failures that no redrive can fix. */
const HOPELESS = new Set(['undecodable-record', 'idempotency-key-reused'])
const MAX_REDRIVES = 20

/** Every letter whose state is now `dead`, from all pages of the list. */
export async function deadLetters(product: Product): Promise<DeadLetterSummary[]> {
  return pagesOf<DeadLetterSummary>(product, '/api/dead-letters?state=dead')
}

/** Redrives until the only dead letters left are ones that no redrive can fix. Returns the number of letters sent. */
export async function redriveAll(product: Product): Promise<number> {
  let redriven = 0
  for (let tasks = 0; tasks < MAX_REDRIVES; tasks += 1) {
    const codes = (await deadLetters(product)).map(({ lastCause }) => lastCause.code)
    const code = codes.find((one) => !HOPELESS.has(one))
    if (code === undefined) return redriven
    const body = { code, reason: 'The fault is mended.', ratePerSecond: 500 }
    const task = await product.operate('/api/dead-letters/redrive', { method: 'POST', body })
    redriven += Number(task.body['total'])
    while ((await product.operate(`/api/redrives/${String(task.body['id'])}`)).body['state'] === 'running') {
      await product.settled()
    }
  }
  throw new Error(`There are still dead letters after ${MAX_REDRIVES} redrives.`)
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, expect, test } from 'vitest'
import { ops, type OpsAnswer } from '../../support/product/ops-cli.ts'
import { startProduct } from '../../support/product/product.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const ORDER = readFileSync('order.json', 'utf8')
const ORDERS = 4000

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
})

async function place(url: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/api/orders`, { method: 'POST', headers, body: ORDER })
  expect(response.status).toBe(202)
  await response.text()
}

async function placeMany(url: string): Promise<void> {
  const some = Array.from({ length: 50 }, async () => {
    for (let placed = 0; placed < ORDERS / 50; placed += 1) await place(url)
  })
  await Promise.all(some)
}

const parsed = ({ out }: OpsAnswer) => JSON.parse(out) as Record<string, unknown>

test('a process that is killed during a rebuild keeps every order, and another rebuild succeeds', async () => {
  const settings = { DATA_DIR: join(directory, 'data'), FUNCTIONS_KEY: '' }
  const here = (...words: string[]) => ops(words, settings)
  const storedOrders = async () => (parsed(await here('status', '--json'))['orders'] as { stored: number }).stored
  {
    await using killed = await startProduct(settings)
    await placeMany(killed.url)
    while ((await storedOrders()) < ORDERS) await sleep(100)
    const headers = { 'x-functions-key': readFileSync(join(settings.DATA_DIR, 'functions-key'), 'utf8').trim() }
    const begun = await fetch(`${killed.url}/api/ops/rebuild`, { method: 'POST', headers })
    expect(begun.status).toBe(202)
    await begun.text()
    await killed.kill()
  }

  await using product = await startProduct(settings)
  const interrupted = parsed(await here('rebuild', '--show', '--json'))
  expect(interrupted).toMatchObject({ rebuild: { state: expect.stringMatching(/^(?:running|abandoned)$/) } })
  expect(parsed(await here('ledger', '--json'))).toMatchObject({ balanced: true, totals: { stored: ORDERS } })
  await place(product.url)

  let again = await here('rebuild', '--json')
  // The lease of the killed process must expire first.
  for (; again.exit === 4; again = await here('rebuild', '--json')) {
    expect(again.err).toBe('A rebuild is running already.\n')
    await sleep(500)
  }
  expect([again.exit, parsed(again)]).toEqual([
    0,
    { rebuild: expect.objectContaining({ state: 'done', projected: ORDERS + 1, kept: 0, restored: 0 }) },
  ])
  expect(await here('doctor')).toMatchObject({ exit: 0 })
})

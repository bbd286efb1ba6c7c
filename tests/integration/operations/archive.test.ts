import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, expect, test } from 'vitest'
import { createLimitedFiles } from '../../support/disk/full-disk.ts'
import { ops, type OpsAnswer } from '../../support/product/ops-cli.ts'
import { startProduct, type Product } from '../../support/product/product.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const ORDER = JSON.parse(readFileSync('order.json', 'utf8')) as Record<string, unknown>
const OLD_ORDERS = 1500
const canLimit = spawnSync('prlimit', ['--version']).error === undefined

let directory: string
let settings: Record<string, string>
beforeEach(() => {
  directory = temporaryDirectory()
  settings = { DATA_DIR: join(directory, 'data'), FUNCTIONS_KEY: '' }
})
const here = (...words: string[]) => ops(words, settings)
const parsed = ({ out, err }: OpsAnswer) => {
  if (out === '') throw new Error(err)
  return JSON.parse(out) as Record<string, unknown>
}

async function place(product: Product, idempotencyKey?: string): Promise<string> {
  const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }
  const { status, body } = await product.ask('/api/orders', { method: 'POST', headers, body: ORDER })
  expect(status).toBe(202)
  return String(body['orderId'])
}

async function placeMany(product: Product, count: number): Promise<string[]> {
  const runs = Array.from({ length: 30 }, async () => {
    const ids: string[] = []
    while (ids.length < count / 30) ids.push(await place(product))
    return ids
  })
  return (await Promise.all(runs)).flat()
}

const statusOf = async (product: Product, orderId: string) => (await product.ask(`/api/orders/${orderId}`)).status

async function statusesOf(product: Product, orderIds: readonly string[]): Promise<number[]> {
  const statuses: number[] = []
  for (const orderId of orderIds) statuses.push(await statusOf(product, orderId))
  return [...new Set(statuses)]
}

test(
  'orders are archived while others arrive, whatever is killed meanwhile, and come back',
  { timeout: 300_000 },
  async () => {
    const to = join(directory, 'archive')
    await using product = await startProduct(settings)
    const keyed = await place(product, 'the-first')
    const old = [keyed, ...(await placeMany(product, OLD_ORDERS))]
    await product.settled()
    await sleep(5)
    const before = new Date().toISOString()
    await sleep(5)
    const young: string[] = [await place(product)]
    await product.settled()

    const preview = parsed(await here('archive', '--before', before, '--dry-run', '--json'))
    expect(preview).toMatchObject({ dryRun: true, orders: old.length })

    // While orders are archived, the product accepts new ones, until its process is killed.
    const traffic = (async () => {
      while (product.isRunning)
        await place(product).then(
          (orderId) => young.push(orderId),
          () => undefined,
        )
    })()
    const first = here('archive', '--before', before, '--to', to)
    while ((await statusOf(product, keyed)) !== 410) await sleep(1)
    await product.kill()
    await traffic
    const interrupted = await first
    expect(interrupted.exit).toBe(3)

    await product.start()
    const again = await here('archive', '--before', before, '--to', to, '--reason', 'Old.', '--json')
    expect([again.exit, again.err]).toEqual([0, ''])
    expect(readdirSync(to)).toHaveLength(parsed(again)['orders'] === 0 ? 2 : 4)
    await product.settled()
    expect(await statusesOf(product, old)).toEqual([410])
    expect(await statusesOf(product, young)).toEqual([200])
    expect(await product.ask(`/api/orders/${keyed}`)).toMatchObject({
      body: { type: '/docs/errors#order-archived', detail: expect.stringMatching(/was archived at 20\d\d-/) },
    })
    for (const path of ['history', 'changes', `changes/${keyed}`]) {
      expect([path, (await product.ask(`/api/orders/${keyed}/${path}`)).status]).toEqual([path, 410])
    }
    const cancel = await product.ask(`/api/orders/${keyed}/cancel`, { method: 'POST', body: {} })
    expect(cancel).toMatchObject({ status: 410, body: { type: '/docs/errors#order-archived' } })
    expect(await place(product, 'the-first')).toBe(keyed)
    expect(await product.ledger()).toMatchObject({ balanced: true, gaps: [] })

    // A rebuild reads the records of archived orders, and leaves the orders archived.
    let rebuilt = await here('rebuild', '--json')
    for (; rebuilt.exit === 4; rebuilt = await here('rebuild', '--json')) await sleep(500)
    expect(parsed(rebuilt)).toMatchObject({ rebuild: { state: 'done', restored: 0 } })
    expect(await statusesOf(product, old.slice(0, 50))).toEqual([410])

    const one = await here('archive', 'restore', to, '--order', keyed, '--json')
    expect([one.exit, parsed(one)]).toEqual([0, { restored: 1, known: 0, why: null }])
    const all = parsed(await here('archive', 'restore', to, '--reason', 'An audit.', '--json'))
    expect(all).toMatchObject({ restored: old.length - 1 })
    expect(await statusesOf(product, [...old, ...young])).toEqual([200])
    expect(await product.ledger()).toMatchObject({ balanced: true, gaps: [] })
    const audit = parsed(await here('audit', '--json'))['items'] as { action: string }[]
    expect(new Set(audit.map(({ action }) => action))).toEqual(new Set(['archive', 'rebuild', 'restore-archive']))
  },
)

test.skipIf(!canLimit)('a disk that fills up while a file is written loses nothing', async () => {
  using disk = createLimitedFiles()
  await using product = await startProduct(settings)
  const old = await placeMany(product, 30)
  await product.settled()
  const before = new Date().toISOString()
  await sleep(5)
  await place(product)
  await product.settled()
  const to = join(disk.path, 'archive')
  const words = ['archive', '--before', before, '--to', to]
  disk.fill()
  const full = await ops(words, settings, disk.prefix())
  expect([full.exit, full.out]).toEqual([
    1,
    expect.stringMatching(/^There is no space left in .*run the command again\.\n$/),
  ])
  expect(readdirSync(to)).toEqual([])
  expect(await statusesOf(product, old)).toEqual([200])
  disk.free()
  expect((await ops(words, settings)).exit).toBe(0)
  expect(await statusesOf(product, old)).toEqual([410])
})

test('without a running instance the command opens the files itself', async () => {
  const to = join(directory, 'archive')
  {
    await using product = await startProduct(settings)
    await placeMany(product, 30)
    await product.settled()
  }
  const before = new Date().toISOString()
  const archived = await here('archive', '--before', before, '--to', to)
  // The order that was stored last stays in the store.
  expect([archived.exit, archived.out]).toEqual([0, expect.stringMatching(/^29 orders archived in 1 file in /)])
  expect(existsSync(to)).toBe(true)
  const restored = await here('archive', 'restore', to)
  expect([restored.exit, restored.out]).toEqual([0, '29 orders restored.\n'])
})

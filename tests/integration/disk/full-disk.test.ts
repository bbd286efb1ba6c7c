import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { markInDoubt } from '../../../shared/disk/in-doubt.ts'
import { createLimitedFiles, createSmallDisk, type FullDisk } from '../../support/disk/full-disk.ts'
import { createOrderTraffic, expectPromisesKept, type OrderTraffic } from '../../support/orders/order-traffic.ts'
import { createProduct, pagesOf, type Product } from '../../support/product/product.ts'
import { createRandom } from '../../support/random.ts'
import { randomOrder } from '../../support/orders/random-orders.ts'
import { canMount } from '../../support/disk/thin-disk.ts'

const ORDERS = 20
const LIMITS = { timeout: 20_000, interval: 100 }

interface Story {
  readonly product: Product
  readonly traffic: OrderTraffic
  readonly place: () => Promise<{ status: number; text: string } | undefined>
}

/** The product has stored orders and was killed before its disk filled up, so the orders are still in its WALs. */
async function afterKill(disk: FullDisk, story: (all: Story) => Promise<void>): Promise<void> {
  const product = createProduct(join(disk.path, 'data'), { LOG_LEVEL: 'warn' }, disk.prefix)
  const traffic = createOrderTraffic(product)
  const random = createRandom(17)
  let placed = 0
  const place = () => traffic.place(randomOrder(random, `${placed++}`, 3))
  try {
    await product.start()
    while (traffic.accepted.size < ORDERS) await place()
    await product.settled()
    await product.kill()
    // If the machine restarts, this file is lost too. The next process recreates it if there is space.
    rmSync(join(product.dataDir, 'orders.db-shm'))
    await story({ product, traffic, place })
  } catch (error) {
    console.error(`The last output of the product:\n${product.log.slice(-4000)}`)
    throw error
  } finally {
    if (product.isRunning) await product.kill()
  }
}

const canLimit = spawnSync('prlimit', ['--version']).error === undefined

describe.each([
  { kind: 'a disk', isThere: canMount, createDisk: createSmallDisk },
  { kind: 'a limit on files', isThere: canLimit, createDisk: createLimitedFiles },
])('With $kind that has no room', { timeout: 120_000 }, ({ isThere, createDisk }) => {
  test.skipIf(!isThere)(
    'a restart answers queries, refuses orders, reports the disk, and recovers on its own',
    async () => {
      using disk = createDisk()
      await afterKill(disk, async ({ product, traffic, place }) => {
        disk.fill()
        await product.start()
        expect(product.log).toMatch(/"event":"log:away"/)
        expect(product.log).toMatch(/"event":"store:read-only"/)
        expect(await pagesOf(product, '/api/orders')).toHaveLength(ORDERS)
        const [orderId] = traffic.accepted.keys()
        expect(await product.ask(`/api/orders/${orderId}`)).toMatchObject({ status: 200, body: { status: 'stored' } })
        expect(await product.ask('/api/health/ready')).toMatchObject({
          status: 503,
          body: { checks: { log: { available: false }, store: { available: false } } },
        })
        const { checks } = (await product.operate('/api/ops/doctor')).body as {
          checks: { name: string; well: boolean }[]
        }
        expect(checks).toContainEqual(expect.objectContaining({ name: 'log', well: false }))
        expect(checks).toContainEqual(expect.objectContaining({ name: 'store', well: false }))
        const refused = await place()
        expect(refused?.status).toBe(503)
        if (createDisk === createSmallDisk) {
          expect(refused?.text).toContain('The log’s disk is full')
          expect((await product.ask('/api/health/ready')).text).toMatch(/disk that holds the log .* is full: make room/)
        }

        disk.free(product.pid)
        await vi.waitFor(async () => expect((await place())?.status).toBe(202), LIMITS)
        await product.settled()
        await expectPromisesKept(product, traffic)
        await vi.waitFor(() => expect(product.log).toMatch(/"event":"log:back"[^]*"event":"store:writable"/), LIMITS)
        expect((await product.ask('/api/health/ready')).status).toBe(200)
        const owner = join(product.dataDir, 'owner.json')
        await vi.waitFor(() => expect(readFileSync(owner, 'utf8')).toContain(product.url), LIMITS)
        expect(await product.stop()).toBe(0)
      })
    },
  )

  test.skipIf(!isThere)('a first start is refused in one line', async () => {
    using disk = createDisk()
    disk.fill()
    const settings = { LOG_LEVEL: 'silent', ORDER_ID_SECRET: 'only-for-tests-of-a-full-disk' }
    const product = createProduct(join(disk.path, 'data'), settings, disk.prefix)
    await expect(product.start()).rejects.toThrow(
      /^It ended with 1 before it listened: [^\n]* (can't be used: [^\n]*|is full: make room [^\n]*)\n$/,
    )
  })

  test.skipIf(!isThere)(
    'a restart after a failed flush is refused, changes nothing, and recovers when there is space',
    async () => {
      using disk = createDisk()
      await afterKill(disk, async ({ product, traffic }) => {
        markInDoubt(product.dataDir)
        const files = () =>
          ['log.db', 'log.db-wal', 'orders.db', 'orders.db-wal'].map((name) =>
            readFileSync(join(product.dataDir, name)),
          )
        const before = files()
        disk.fill()
        await expect(product.start()).rejects.toThrow(
          /can't be verified: [^\n]*\. Repair the disk, make room for a copy of the log and the store, and start again\.\n$/,
        )
        expect(files()).toEqual(before)
        expect(readdirSync(product.dataDir).filter((name) => name.includes('copy'))).toEqual([])

        disk.free()
        await product.start()
        expect(product.log).toContain('"event":"disk:verified"')
        expect(existsSync(join(product.dataDir, 'disk-in-doubt'))).toBe(false)
        await product.settled()
        await expectPromisesKept(product, traffic)
        expect(await product.stop()).toBe(0)
      })
    },
  )
})

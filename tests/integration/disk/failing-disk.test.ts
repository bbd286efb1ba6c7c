import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createOrderTraffic, expectPromisesKept, type OrderTraffic } from '../../support/orders/order-traffic.ts'
import { createProduct } from '../../support/product/product.ts'
import { createRandom, seedOfThisRun } from '../../support/random.ts'
import { randomOrder } from '../../support/orders/random-orders.ts'
import { canMount, createThinDisk } from '../../support/disk/thin-disk.ts'

const RUNS = Number(process.env['RUNS'] ?? 1)
const CALLERS = 8
const LIMIT_MS = 90_000

/**
 * Places orders until the product exits or has accepted this many more. Resolves with the number of accepted orders.
 */
async function load(traffic: OrderTraffic, seed: number, orders = Number.POSITIVE_INFINITY): Promise<number> {
  const random = createRandom(seed)
  const before = traffic.accepted.size
  const limit = Date.now() + LIMIT_MS
  let placed = 0
  await traffic.run(CALLERS, () => {
    if (traffic.accepted.size - before >= orders || Date.now() > limit) return undefined
    return randomOrder(random, `${seed}-${placed++}`, 3)
  })
  return traffic.accepted.size - before
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const limit = Date.now() + LIMIT_MS; !condition();) {
    if (Date.now() > limit) throw new Error(`It did not happen: ${what}`)
    await sleep(5)
  }
}

/** Copies the data to a working disk, starts the product there, and expects it to have every accepted order. */
async function expectKept(held: string, traffic: OrderTraffic): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'after-cut-'))
  const product = createProduct(join(directory, 'data'), {})
  try {
    cpSync(held, product.dataDir, { recursive: true })
    await product.start()
    await product.settled()
    await expectPromisesKept(product, traffic)
    expect(await product.ledger()).toMatchObject({ balanced: true, gaps: [] })
  } catch (error) {
    console.error(`The last output of the product:\n${product.log.slice(-4000)}`)
    throw error
  } finally {
    if (product.isRunning) await product.kill()
    rmSync(directory, { recursive: true })
  }
}

describe.skipIf(!canMount)('A disk whose flushes fail', () => {
  test.each(Array.from({ length: RUNS }, (_, run) => seedOfThisRun() + 3 * run))(
    'ends the process, and loses no order that was accepted before or after (%i)',
    { timeout: 300_000 },
    async (seed) => {
      using disk = createThinDisk({ hasMiB: 36, promisesMiB: 192 })
      const product = createProduct(join(disk.path, 'data'), { LOG_LEVEL: 'warn' })
      const traffic = createOrderTraffic(product)
      try {
        await product.start()
        const before = await load(traffic, seed)
        await until(() => !product.isRunning, 'the product ends')
        expect(product.log).toMatch(
          /The disk of .* failed \(.*\)\. All accepted orders were already written to it; start again to verify the files\./,
        )
        {
          using after = disk.cutPower()
          await expectKept(join(after.path, 'data'), traffic)
        }
        disk.enlarge()
        await product.start()
        expect(product.log).toContain('the log and the store were verified')
        const between = await load(traffic, seed + 1, 500)
        await product.kill()
        {
          using after = disk.cutPower()
          await expectKept(join(after.path, 'data'), traffic)
        }
        await product.start()
        const later = await load(traffic, seed + 2, 500)
        expect(await product.stop()).toBe(0)
        using after = disk.cutPower()
        await expectKept(join(after.path, 'data'), traffic)
        console.log(`accepted ${before}, ${between} and ${later}; refused ${traffic.answers.get(503) ?? 0}`)
      } catch (error) {
        console.error(`The last output of the product:\n${product.log.slice(-4000)}`)
        throw error
      } finally {
        if (product.isRunning) await product.kill()
      }
    },
  )
})

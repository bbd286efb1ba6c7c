import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createOrderTraffic, expectPromisesKept } from '../support/order-traffic.ts'
import { withProduct } from '../support/product.ts'
import { createRandom, seedOfThisRun } from '../support/random.ts'
import { randomOrder } from '../support/random-orders.ts'

const KILLS = Number(process.env['KILLS'] ?? 100)
const CALLERS = 8
/** Enough for a batch to be somewhere on its way whenever the kill comes. */
const MAX_ORDERS_A_LIFE = 120

describe('A process that is killed', () => {
  test(`${KILLS} times at random moments, under load, has kept every promise`, { timeout: 400_000 }, async () => {
    const random = createRandom(seedOfThisRun())
    await withProduct({}, async (product) => {
      const traffic = createOrderTraffic(product)
      let lives = 0
      while (lives < KILLS) {
        if (!product.isRunning) await product.start()
        let orders = 0
        const next = () => (orders++ < MAX_ORDERS_A_LIFE ? randomOrder(random, `${lives}-${orders}`, 3) : undefined)
        const load = traffic.run(CALLERS, next)
        await sleep(random.whole(0, 300))
        await product.kill()
        await load
        lives += 1
        // At times it dies as it starts, while it mends what its last death left behind.
        if (lives < KILLS && random.chance(0.2)) {
          await Promise.allSettled([product.start(), sleep(random.whole(0, 300)).then(() => product.kill())])
          lives += 1
        }
      }
      await product.start()
      await product.settled()
      // Or the kills came too early, or too late, to prove anything.
      expect(traffic.accepted.size).toBeGreaterThan(KILLS * 10)
      expect(traffic.answers.get(0)).toBeGreaterThan(KILLS)
      await expectPromisesKept(product, traffic)
    })
  })
})

describe('A process that is asked to stop under load', () => {
  test('ends with 0 within its time, and whoever got a 202 has an order', async () => {
    const random = createRandom(seedOfThisRun())
    await withProduct({}, async (product) => {
      const traffic = createOrderTraffic(product)
      for (let life = 0; life < 5; life += 1) {
        if (!product.isRunning) await product.start()
        let orders = 0
        const load = traffic.run(CALLERS, () => randomOrder(random, `${life}-${orders++}`, 3))
        const waiting = traffic.place(randomOrder(random, `${life}-waiting`), { prefer: 'wait=30' })
        await sleep(random.whole(100, 600))
        // It gives itself less time than supervisors do, and says 1 when that was not enough.
        expect(await product.stop()).toBe(0)
        await Promise.all([load, waiting])
      }
      await product.start()
      await product.settled()
      expect(traffic.accepted.size).toBeGreaterThan(100)
      await expectPromisesKept(product, traffic)
    })
  })
})

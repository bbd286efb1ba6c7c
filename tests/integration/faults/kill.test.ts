import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createOrderTraffic, expectPromisesKept, type OrderTraffic } from '../../support/orders/order-traffic.ts'
import { withProduct } from '../../support/product/product.ts'
import { createRandom, seedOfThisRun, type Random } from '../../support/random.ts'
import { randomOrder } from '../../support/orders/random-orders.ts'

const KILLS = Number(process.env['KILLS'] ?? 75)
const PRODUCTS = 2
const CALLERS = 8

/** Places orders until stopped; `underWay` resolves when this many have been sent, while the load continues. */
function load(traffic: OrderTraffic, random: Random, life: number, orders: number) {
  const { promise: underWay, resolve } = Promise.withResolvers<void>()
  let begun = 0
  const broken = traffic.run(CALLERS, () => {
    if (begun >= orders) resolve()
    return randomOrder(random, `${life}-${begun++}`, 3)
  })
  return { underWay: Promise.race([underWay, broken]), broken }
}

/** Resolves with the orders that the callers sent and the responses that they got. */
async function killAgainAndAgain(random: Random, kills: number): Promise<OrderTraffic> {
  return withProduct({}, async (product) => {
    const traffic = createOrderTraffic(product)
    let lives = 0
    while (lives < kills) {
      if (!product.isRunning) await product.start()
      const { underWay, broken } = load(traffic, random, lives, random.whole(0, 150))
      await underWay
      await sleep(random.whole(0, 20))
      await product.kill()
      await broken
      lives += 1
      // Sometimes it is killed during startup, while it is recovering from the previous kill.
      if (lives < kills && random.chance(0.2)) {
        await Promise.allSettled([product.start(), sleep(random.whole(0, 300)).then(() => product.kill())])
        lives += 1
      }
    }
    await product.start()
    await product.settled()
    await expectPromisesKept(product, traffic)
    return traffic
  })
}

describe('A process that is killed', () => {
  test(`${KILLS} times at random moments, under load, keeps every promise`, { timeout: 400_000 }, async () => {
    const seed = seedOfThisRun()
    // The instances run concurrently, because starting an instance is mostly waiting.
    const products = Array.from({ length: PRODUCTS }, (_, index) => createRandom(seed + index))
    const kills = Math.ceil(KILLS / PRODUCTS)
    for (const traffic of await Promise.all(products.map((random) => killAgainAndAgain(random, kills)))) {
      // Otherwise the kills would interrupt nothing, and the test would prove nothing.
      expect(traffic.accepted.size).toBeGreaterThan(kills * 10)
      expect(traffic.answers.get(0)).toBeGreaterThan(kills)
    }
  })
})

describe('A process that is asked to stop under load', () => {
  test('exits with 0 in time, and every 202 has an order', async () => {
    const random = createRandom(seedOfThisRun())
    await withProduct({}, async (product) => {
      const traffic = createOrderTraffic(product)
      for (let life = 0; life < 5; life += 1) {
        if (!product.isRunning) await product.start()
        const { underWay, broken } = load(traffic, random, life, random.whole(50, 300))
        const waiting = traffic.place(randomOrder(random, `${life}-waiting`), { prefer: 'wait=30' })
        await underWay
        // The process limits itself to less time than a supervisor allows. If that time is not enough, it exits with 1.
        expect(await product.stop()).toBe(0)
        await Promise.all([broken, waiting])
      }
      await product.start()
      await product.settled()
      expect(traffic.accepted.size).toBeGreaterThan(100)
      await expectPromisesKept(product, traffic)
    })
  })
})
